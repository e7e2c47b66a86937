"""What a view wants next, and how soon: a first text when there is enough of it, then previews."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from core.streaming.operations import OperationKind
from core.streaming.rate_limits import Preview
from core.streaming.text import ends_sentence

FIRST_CHARS: Final = 30
FIRST_WAIT_S: Final = 1.0
"""The first send waits for this many characters, a sentence's end, the ending, or this long after
the first delta that is not blank: it is what a phone's notification shows."""
HASTE: Final = 1.25
"""An answer alone spends what a window has left as if it were so many times as much: most end before a long
window does, and what a model's pause leaves over is lost. With 1.5 models that pause are 4 % fresher under 5
edits in 5 s, and an answer of a minute is 5 % older under 20 in a minute."""
EARLY_HASTE: Final = 0.75
HASTE_LASTS: Final = 0.7
"""So much more before an answer's first edit, and what of that is left at each further one: people read the
first words first, and nobody knows how long the answer is. Under 20 in a minute one of 8 s is a quarter
fresher."""
QUIET_BONUS_S: Final = 1.5
"""A preview while the model pauses counts as so much older: it ends the age of its text for as long as the
pause lasts, where another one lets it begin anew at once."""


class Priority(IntEnum):
    """Lower goes first. Sends and endings stand before previews."""

    FINAL = 0
    SEND = 1
    PREVIEW = 2
    TYPING = 3


class Want(NamedTuple):
    """What a view would like to do. `at`: not before; `since`: what it waits since, by which those of one
    priority are ordered; `preview`: None where it is urgent. A tuple, since each look makes one."""

    kind: OperationKind
    priority: Priority
    at: float
    since: float
    preview: Preview | None = None


def is_enough(head: str) -> bool:
    """Whether this much of a page is worth its first message, however little time has passed."""
    text = head.strip()
    return len(text) >= FIRST_CHARS or (bool(text) and ends_sentence(text))


def preview(
    kind: OperationKind, at: float, since: float, *, edits: int, pausing: bool, fuller_at: float
) -> Want:
    """More text, for a view that had so many `edits`: hidden since `since`, of a model that pauses, or whose
    next delta is worth waiting for until `fuller_at`."""
    haste = HASTE + EARLY_HASTE * HASTE_LASTS**edits
    if pausing:
        return Want(kind, Priority.PREVIEW, at, since - QUIET_BONUS_S, Preview(since, QUIET_BONUS_S, haste))
    return Want(kind, Priority.PREVIEW, at, since, Preview(since, haste=haste, fuller_at=fuller_at))
