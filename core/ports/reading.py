"""What was written in a place before, as far as the bot may read it and the platform lets it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from core.messages import MessageRef, Person


@dataclass(frozen=True, slots=True)
class Seen:
    """One message as it stands there now. `at`: seconds since the epoch. `link`: where a person opens it."""

    ref: MessageRef
    author: Person
    text: str
    at: float
    link: str | None = None
    reply_to: MessageRef | None = None
    by_us: bool = False


class NotReadable(StrEnum):
    """Why nothing is read."""

    BOT = "bot"  # the bot itself may not read here
    READER = "reader"  # the person it is for may not read here
    FAILED = "failed"  # the platform did not answer


class Reading(Protocol):
    """Bound to one place. Each call asks the platform anew, what the reader may see included."""

    async def refused(self, reader: Person) -> NotReadable | None:
        """Why the bot, or this person, may not read here now; None: both may."""

    async def message(self, ref: MessageRef) -> Seen | None:
        """One message of this place; None where it is gone or cannot be read. Whoever it is for has to be
        weighed by `refused` before."""

    async def recent(
        self,
        reader: Person,
        *,
        since: float = 0.0,
        before: MessageRef | None = None,
        limit: int,
    ) -> tuple[Seen, ...] | NotReadable:
        """The newest `limit` messages from `since` on, oldest first, if `reader` may read them now."""
