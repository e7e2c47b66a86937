"""What a surface must bring to be put through the contract suite."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

from core.ports.surface import Surface

Failure: TypeAlias = Literal[
    "rate_limited", "unavailable", "unknown_taken", "unknown_not_taken", "message_gone", "place_gone"
]


class Bench(Protocol):
    """A surface on a fresh platform, what people see there, and failures on demand."""

    @property
    def surface(self) -> Surface: ...

    async def shown(self) -> list[tuple[str, str]]:
        """Message id and text of each of the bot's messages, in order of creation."""

    async def fail_next(self, how: Failure) -> None:
        """Make the next operation fail; from then on, a gone message or place stays gone."""
