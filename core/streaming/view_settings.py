"""What a view needs to know of its surface and of the question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.streaming.files import Files
from core.streaming.operations import Button, FileContent, Row
from core.streaming.pages import MessageLimit
from core.streaming.reasoning import ShownReasoning
from core.streaming.rendering import Renderer
from core.streaming.ways import Way


@dataclass(frozen=True, slots=True)
class Draft:
    """Previews are drafts with this id, each of which is gone after `lasts_s`. A page is a message only once
    it is over: sent once, and never edited."""

    id: int
    lasts_s: float


@dataclass(frozen=True, slots=True)
class Foot:
    """What the last message of an answer carries when it has ended, beside the answer's own buttons."""

    panel: tuple[Row, ...] = ()
    file: FileContent | None = None  # the text has to fit beside it
    wants_reply: bool = False


BARE: Final = Foot()


@dataclass(frozen=True, slots=True)
class Standing:
    """A page that another process has shown, or was about to: `source[start:end]`, by the message
    `message_id`; None: whether and where it was taken is not known. `way`: the way that it was sent.
    `unheard`: so often, and nothing was heard of it."""

    message_id: str | None
    start: int
    end: int
    closed: bool = False  # the page ends at `end`
    file: bool = False  # it is a file, and words beside it
    way: int = 0
    unheard: int = 0


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """What a view needs to know of its surface and of the question."""

    renderer: Renderer
    ways: tuple[Way, ...]
    draft: Draft | None = None  # None: previews are messages, and edits of them
    stop: Button | None = None  # shown while the answer streams
    private: bool = False
    typing_lasts_s: float | None = None
    paced: bool = True  # False where nothing limits us: every delta is shown as it comes
    nonce: str = ""  # at most 20 characters; empty where sends have none
    files: Files | None = None  # None: all is shown in pages
    limit: MessageLimit | None = None  # None: as many messages as it takes
    reasoning: ShownReasoning | None = None  # None: it is hidden
    broken: str = ""  # the mark below what stands where no more of it can be shown; empty: there is none
    foot: Foot = BARE
    whole: bool = False  # nothing is shown before the answer has ended
    standing: tuple[Standing, ...] = ()  # pages that were shown before, in order: it goes on there
    over: tuple[str, ...] = ()  # messages that stand already, in order: taken before any is sent
    keeps_text: bool = False  # of an answer without text: the one message in `over` gets its buttons, no more
