"""A platform that can be started, asked how it is, and closed: what the composition root handles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from core.messages import Place
from core.ports.surface import Handle, Suggest, Surface, no_suggestions


class PlatformError(Exception):
    """The platform cannot be used. The message is one line that says what to do, without secrets."""


class CheckState(StrEnum):
    GOOD = "good"
    NOTE = "note"  # works, but less than it could
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of `sluice doctor`. `remedy` is the one thing to do; empty when good."""

    name: str
    state: CheckState
    detail: str
    remedy: str = ""


class Platform(Protocol):
    """One bot account on one platform."""

    @property
    def name(self) -> str:
        """`Discord`, `Telegram`: for people."""

    async def start(self, handle: Handle, suggest: Suggest = no_suggestions) -> str:
        """Connect, register commands, begin to deliver events. Returns when ready, with one line for people
        (who we are, what is off). Raises PlatformError when it cannot be used."""

    async def wait_closed(self) -> None:
        """Return when closed by `close`; raise PlatformError when the platform ended it for good."""

    async def stop_listening(self) -> None:
        """Deliver no further questions; surfaces go on working (streams finish). Buttons may still come."""

    def reopen(self, place: Place, address: str, *, in_doubt: bool = False) -> Surface | None:
        """The surface that had this place and `Surface.address`, also of an earlier process. None: it cannot
        be reached any more. Only after `start`.

        `in_doubt`: that process was about to send its answer's first message here, and whether it stands is
        not known: where the platform says so, the next send is that message and not another.
        """

    async def private_chat(self, person_id: str) -> Surface | None:
        """The private chat with somebody, made where there is none; None: it cannot be reached. Only after
        `start`."""

    @property
    def account(self) -> str:
        """`Surface.account` of its surfaces. Only after `start`."""

    async def close(self) -> None:
        """Close the connection. Idempotent; at most 2 s."""

    async def check(self) -> tuple[Check, ...]:
        """What `sluice doctor` shows, asked afresh, without `start`. Never raises."""
