"""A clock on which timers are late, by a different time each, and fire in any order."""

from __future__ import annotations

import heapq
from random import Random

from tests.fakes.clock import FakeClock, FakeTimer, settle


class DisorderlyClock(FakeClock):
    """`late_s`: how long the machine stands still at most; what became due meanwhile fires in an order that
    `random` draws, each as late as that is."""

    def __init__(self, random: Random, *, late_s: float) -> None:
        super().__init__()
        self._random = random
        self._late_s = late_s

    async def advance(self, seconds: float) -> None:
        target = self.now + seconds
        await settle()
        while self._timers and self._timers[0][0] <= target:
            self.now = max(self.now, self._timers[0][0]) + self._random.random() * self._late_s
            due: list[FakeTimer] = []
            while self._timers and self._timers[0][0] <= self.now:
                due.append(heapq.heappop(self._timers)[2])
            self._random.shuffle(due)
            for timer in due:
                if timer.callback is not None:
                    timer.callback()
                    if self._random.random() < 0.5:  # else the next one fires before anybody is woken
                        await settle()
            await settle()
        self.now = max(self.now, target)
        await settle()
