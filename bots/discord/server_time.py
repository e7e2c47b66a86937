"""What time it is at Discord, whose ids tell when they were made: a machine's clock may be wrong by hours."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

from core.ports.clock import Clock


class ServerTime:
    """As the `Date` of Discord's last answer said; as the machine says until there was one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: tuple[float, float] | None = None  # Discord's time, and the monotonic one then

    def answered(self, date: str | None) -> None:
        """`date`: an answer's header, in whole seconds (RFC 9110, 5.6.7); what is none is passed over."""
        try:
            said: datetime = parsedate_to_datetime(date or "")
        except ValueError:
            return
        self._told = said.timestamp(), self._clock.monotonic()

    def now(self) -> float:
        """Seconds since the epoch."""
        if self._told is None:
            return self._clock.wall()
        at, then = self._told
        return at + self._clock.monotonic() - then
