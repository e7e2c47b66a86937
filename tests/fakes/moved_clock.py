"""A clock for the adapter and its server together: real, but moved and hastened by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

_TICK_S: Final = 0.002
_LONGEST_TICK_S: Final = 0.004


class MovedTimer:
    def __init__(self, at: float, callback: Callable[[], None]) -> None:
        self.at, self.callback, self.over = at, callback, False

    def cancel(self) -> None:
        self.over = True


class MovedClock:
    """The port `Clock`: `speed` seconds in each real one, plus whatever a test adds.

    Called, it is the sandbox's clock, so that both sides agree. Hastened, it goes on in small steps of the
    event loop, so that a busy machine, on which all is late, is late by its clock no more than others.
    """

    def __init__(self, *, speed: float = 1.0) -> None:
        self.ahead_s = 0.0
        self.wall_ahead_s = 0.0  # by how much the machine's clock on the wall is wrong
        self._speed = speed
        self._began = self._last_tick = time.monotonic()
        self._passed_s = 0.0
        self._frozen = False
        self._timers: list[MovedTimer] = []
        self._ticking: asyncio.TimerHandle | None = None

    def __call__(self) -> float:
        if self._speed == 1.0:
            self._pass()
        return self._began + self._passed_s + self.ahead_s

    def freeze(self) -> None:
        """Stand still, so that no window ends because the machine is slow."""
        self._pass()
        self._frozen = True

    def go_on(self) -> None:
        self._pass()
        self._frozen = False

    def monotonic(self) -> float:
        return self()

    def wall(self) -> float:
        return time.time() + self.ahead_s + self.wall_ahead_s

    def move(self, seconds: float) -> None:
        self.ahead_s += seconds

    async def sleep_until(self, deadline: float) -> None:
        woken = asyncio.Event()
        timer = self.call_at(deadline, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()

    def call_at(self, deadline: float, callback: Callable[[], None]) -> MovedTimer:
        timer = MovedTimer(deadline, callback)
        self._timers.append(timer)
        if self._ticking is None:
            self._last_tick = time.monotonic()
            self._ticking = asyncio.get_running_loop().call_later(_TICK_S, self._tick)
        return timer

    def _tick(self) -> None:
        self._pass()
        now = self()
        due = sorted((one for one in self._timers if one.at <= now), key=lambda one: one.at)
        self._timers = [one for one in self._timers if one.at > now and not one.over]
        for timer in due:
            if not timer.over:
                timer.over = True
                timer.callback()
        self._ticking = asyncio.get_running_loop().call_later(_TICK_S, self._tick) if self._timers else None

    def _pass(self) -> None:
        now = time.monotonic()
        passed_s, self._last_tick = now - self._last_tick, now
        if not self._frozen:
            hastened = min(passed_s, _LONGEST_TICK_S) * self._speed
            self._passed_s += passed_s if self._speed == 1.0 else hastened
