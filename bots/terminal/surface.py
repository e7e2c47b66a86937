"""The smallest surface: one endless page of plain text on a stream of bytes."""

from __future__ import annotations

import sys
import unicodedata
from types import MappingProxyType
from typing import BinaryIO, Final

from core.messages import MessageRef, Place, PlaceKind
from core.ports.surface import Capabilities
from core.streaming.operations import (
    BucketKey,
    Delivered,
    MessageContent,
    NotSent,
    NotSentReason,
    OperationKind,
    Outcome,
)
from core.streaming.rendering import Rendered

_MESSAGE_ID: Final = "1"


class PlainText:
    """Every text as it is. `for_eyes`: control characters, which could drive a terminal, are replaced."""

    page_units = sys.maxsize
    formatted = False

    def __init__(self, *, for_eyes: bool) -> None:
        self._for_eyes = for_eyes

    def render(self, markdown: str) -> Rendered:
        return Rendered("".join(map(_harmless, markdown)) if self._for_eyes else markdown)

    def maths(self, latex: str) -> str | None:
        return None


def _harmless(character: str) -> str:
    control = character not in "\n\t" and unicodedata.category(character) == "Cc"
    return "\N{REPLACEMENT CHARACTER}" if control else character


class TerminalSurface:
    """One answer on `output`, as UTF-8. What was written stays; an edit writes what is new."""

    account = "terminal"
    place = Place("terminal", "terminal", PlaceKind.PRIVATE)
    alternate = ends_at = messages_left = open_form = open_thread = reading = with_rights = hears_all = None
    address = ""

    def __init__(self, output: BinaryIO, *, for_eyes: bool) -> None:
        self.capabilities = Capabilities(
            PlainText(for_eyes=for_eyes), MappingProxyType({}), buttons=False, reactions=False
        )
        self.written = ""
        self.failure: OSError | None = None  # why nothing more can be written
        self._output = output

    def buckets(self, kind: OperationKind) -> tuple[BucketKey, ...]:
        return ()

    async def send(self, content: MessageContent, reply_to: MessageRef | None) -> Outcome:
        return await self.edit(_MESSAGE_ID, content)

    async def edit(self, message_id: str, content: MessageContent) -> Outcome:
        try:
            self._output.write(content.body.text[len(self.written) :].encode(errors="backslashreplace"))
            self._output.flush()
        except OSError as error:  # nobody reads any more, or the disk is full
            self.failure = error
            return NotSent(NotSentReason.PLACE_GONE, detail=type(error).__name__)
        self.written = content.body.text
        return Delivered(message_id)

    async def delete(self, message_id: str) -> Outcome:
        return NotSent(NotSentReason.REJECTED, detail="what is printed stays")

    async def typing(self) -> None: ...

    async def react(self, ref: MessageRef, emoji: str) -> None: ...
