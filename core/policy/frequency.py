"""How often something may happen, for each of many keys."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable


class Frequency:
    """At most `count` times in any `per_s` seconds for each key.

    The `remembered` keys used last are known; a forgotten one begins anew, so that strangers
    cannot fill the memory.
    """

    def __init__(self, count: int, per_s: float, *, remembered: int = 10_000) -> None:
        self._count = count
        self._per_s = per_s
        self._remembered = remembered
        self._taken: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def take(self, key: Hashable, now: float) -> bool:
        """Whether it may happen now; if so, it counts. `now`: seconds on a monotonic clock."""
        times = self._taken.setdefault(key, deque())
        self._taken.move_to_end(key)
        while len(self._taken) > self._remembered:
            self._taken.popitem(last=False)
        self._drop_old(times, now)
        if len(times) >= self._count:
            return False
        times.append(now)
        return True

    def wait_s(self, key: Hashable, now: float, *, count: int) -> float:
        """Seconds until it may happen when no more than `count` times count as few; 0: now."""
        times = self._taken.get(key, deque())
        self._drop_old(times, now)
        if len(times) < count:
            return 0.0
        return times[len(times) - count] + self._per_s - now if count else self._per_s

    def _drop_old(self, times: deque[float], now: float) -> None:
        while times and times[0] <= now - self._per_s:
            times.popleft()
