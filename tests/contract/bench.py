"""What a surface must bring to be put through the contract suite."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

from core.ports.surface import Surface
from core.streaming.operations import FileContent

Failure: TypeAlias = Literal[
    "rate_limited", "unavailable", "unknown_taken", "unknown_not_taken", "message_gone", "place_gone"
]


class Bench(Protocol):
    """A surface on a fresh platform, what people see there, and failures on demand."""

    @property
    def surface(self) -> Surface: ...

    async def shown(self) -> list[tuple[str, str]]:
        """Message id and text of each of the bot's messages, in order of creation."""

    async def files(self) -> list[FileContent | None]:
        """The file that each of these messages carries; not asked where none can."""

    async def forbid_files(self) -> None:
        """From now on no file may be sent here; not asked where none can."""

    async def fail_next(self, how: Failure) -> None:
        """Make the next operation fail; from then on, a gone message or place stays gone."""
