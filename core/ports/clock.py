"""Time, so that a test can hold it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    def monotonic(self) -> float:
        """Seconds that never go back, from any start."""

    def wall(self) -> float:
        """Seconds since the epoch, for dates that people see and days that budgets follow."""

    async def sleep_until(self, deadline: float) -> None:
        """Return when `monotonic()` has reached `deadline`."""

    def call_at(self, deadline: float, callback: Callable[[], None]) -> Timer:
        """Call back from the event loop, soon after `monotonic()` has reached `deadline`."""
