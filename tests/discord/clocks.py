"""A clock for the adapter and its server together: real, but moved and hastened by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class MovedTimer:
    def __init__(self, at: float, callback: Callable[[], None]) -> None:
        self.at, self.callback = at, callback
        self.handle: asyncio.TimerHandle | None = None
        self.over = False

    def cancel(self) -> None:
        self.over = True
        if self.handle is not None:
            self.handle.cancel()


class MovedClock:
    """The port `Clock`: `speed` seconds in each real one, plus whatever a test adds.

    Called, it is the sandbox's clock, so that both sides agree. `move` wakes who waits for what is past then.
    """

    def __init__(self, *, speed: float = 1.0) -> None:
        self.ahead_s = 0.0
        self._speed = speed
        self._began = time.monotonic()
        self._stands_at: float | None = None
        self._timers: list[MovedTimer] = []

    def __call__(self) -> float:
        real = time.monotonic() if self._stands_at is None else self._stands_at
        return self._began + (real - self._began) * self._speed + self.ahead_s

    def freeze(self) -> None:
        """Stand still, so that no window ends because the machine is slow."""
        self._stands_at = time.monotonic()

    def monotonic(self) -> float:
        return self()

    def wall(self) -> float:
        return time.time() + self.ahead_s

    def move(self, seconds: float) -> None:
        self.ahead_s += seconds
        for timer in self._timers:
            if not timer.over and timer.handle is not None:
                timer.handle.cancel()
                self._arm(timer)

    async def sleep_until(self, deadline: float) -> None:
        woken = asyncio.Event()
        timer = self.call_at(deadline, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()

    def call_at(self, deadline: float, callback: Callable[[], None]) -> MovedTimer:
        timer = MovedTimer(deadline, callback)
        self._timers = [kept for kept in self._timers if not kept.over]
        self._timers.append(timer)
        self._arm(timer)
        return timer

    def _arm(self, timer: MovedTimer) -> None:
        delay_s = max(0.0, timer.at - self()) / self._speed
        timer.handle = asyncio.get_running_loop().call_later(delay_s, self._fire, timer)

    def _fire(self, timer: MovedTimer) -> None:
        if self() < timer.at:  # the loop's timers may be a tick early
            self._arm(timer)
            return
        timer.over = True
        timer.callback()
