"""The port `Clock` in virtual time, for a benchmark that plays hours in seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count


class VirtualTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """Stands still but in `play_until`."""

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: list[tuple[float, int, VirtualTimer]] = []
        self._order = count()

    def monotonic(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._now

    async def sleep_until(self, deadline: float) -> None:
        woken = asyncio.Event()
        self.call_at(deadline, woken.set)
        await woken.wait()

    def call_at(self, deadline: float, callback: Callable[[], None]) -> VirtualTimer:
        timer = VirtualTimer(callback)
        heappush(self._timers, (max(deadline, self._now), next(self._order), timer))
        return timer

    async def play_until(self, at: float) -> None:
        """Call what falls due, each at its own time, and let what that made ready take a step."""
        while self._timers and self._timers[0][0] <= at:
            self._now, _, timer = heappop(self._timers)
            if timer.callback is not None:
                timer.callback()
                await asyncio.sleep(0)
        self._now = at
