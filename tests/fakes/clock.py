"""A clock that moves only when a test says so."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from weakref import WeakKeyDictionary

SETTLE_ROUNDS = 1_000
"""Turns of the event loop after which tasks that are still ready are taken to yield for ever."""
_THREADS_WITHIN_S = 2.0
"""Beyond that one hangs, as a test may mean it to."""


class FakeTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeClock:
    """The port `Clock` in virtual time: starts at 1,000 s and stands still."""

    def __init__(self, start: float = 1_000.0) -> None:
        self.now = start
        self.wall_ahead_s = 0.0  # by how much somebody has set the wall clock
        self._timers: list[tuple[float, int, FakeTimer]] = []
        self._order = count()

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return 1_800_000_000.0 + self.now + self.wall_ahead_s

    async def sleep_until(self, deadline: float) -> None:
        if deadline <= self.now:
            return
        woken = asyncio.Event()
        timer = self.call_at(deadline, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()

    def call_at(self, deadline: float, callback: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer(callback)
        heapq.heappush(self._timers, (max(deadline, self.now), next(self._order), timer))
        return timer

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass: every timer on the way is called at its own time."""
        target = self.now + seconds
        await settle()
        while self._timers and self._timers[0][0] <= target:
            at, _, timer = heapq.heappop(self._timers)
            self.now = max(self.now, at)
            if timer.callback is not None:
                timer.callback()
                await settle()
        self.now = max(self.now, target)  # another task may have gone further meanwhile
        await settle()

    async def advance_until(self, condition: Callable[[], bool], *, at_most: float = 600.0) -> None:
        """Let time pass, timer by timer, until `condition` holds; fail after `at_most` seconds."""
        limit = self.now + at_most
        await settle()
        while not condition():
            assert self._timers, "nothing is due, and the condition does not hold"
            assert self._timers[0][0] <= limit, f"the condition does not hold after {at_most} s"
            await self.advance(max(0.0, self._timers[0][0] - self.now))


class HurriedClock(FakeClock):
    """Nobody who sleeps waits: time jumps to when they want to wake. `slept_s`: how long each slept."""

    def __init__(self, start: float = 1_000.0) -> None:
        super().__init__(start)
        self.slept_s: list[float] = []

    async def sleep_until(self, deadline: float) -> None:
        self.slept_s.append(max(0.0, deadline - self.now))
        self.now = max(self.now, deadline)
        await asyncio.sleep(0)


_SETTLING: WeakKeyDictionary[asyncio.AbstractEventLoop, set[object]] = WeakKeyDictionary()
"""The tasks of a loop that wait in `settle`, each of which would else take the others for work."""


async def settle() -> None:
    """Let all ready tasks run, and those that they make ready, also by what they have done in a thread."""
    loop = asyncio.get_running_loop()
    ready = loop._ready  # type: ignore[attr-defined] # asyncio tells nobody whether it is idle
    settling, this = _SETTLING.setdefault(loop, set()), object()
    settling.add(this)
    try:
        for _ in range(SETTLE_ROUNDS):
            await asyncio.sleep(0)
            if len(ready) < len(settling):
                _await_threads(loop)
                if len(ready) < len(settling):
                    return
    finally:
        settling.discard(this)


def _await_threads(loop: asyncio.AbstractEventLoop) -> None:
    """Until what was handed to `asyncio.to_thread` is done, and what waits for it ready."""
    threads: ThreadPoolExecutor | None = loop._default_executor  # type: ignore[attr-defined]
    if threads is None:
        return
    idle = threads._idle_semaphore  # each that has nothing to do has released it
    acquired = [idle.acquire(timeout=_THREADS_WITHIN_S) for _ in threads._threads]
    if any(acquired):
        idle.release(sum(acquired))
