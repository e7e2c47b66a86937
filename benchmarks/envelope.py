"""The lowest of many curves at one place after the other.

An act costs, where the next one is seen at x, a + max(0, x - since)**2 / 2: `since` is when the oldest text
came that it hides. Of two such curves the later act's stays below once it is, so a queue of those that are
the lowest somewhere answers all places in one pass.
"""

from __future__ import annotations

from math import inf, sqrt


class Envelope:
    """Curves are added by a `since` that never falls, and asked for at an x that never falls."""

    def __init__(self) -> None:
        self._queue: list[tuple[float, float, float, int]] = []  # lowest from x, a, since, act
        self._head = 0

    def add(self, a: float, since: float, act: int) -> None:
        queue, start = self._queue, -inf
        while len(queue) > self._head:
            lowest_from, earlier, hidden, _ = queue[-1]
            start = _lower_from(earlier, hidden, a, since)
            if start > lowest_from:
                break
            queue.pop()
            start = -inf
        if start < inf:
            queue.append((start, a, since, act))

    def lowest(self, x: float) -> tuple[float, int]:
        """The least at x, and whose it is; inf and -1 while there is no curve."""
        queue, head = self._queue, self._head
        while head + 1 < len(queue) and queue[head + 1][0] <= x:
            head += 1
        self._head = head
        if head == len(queue):
            return inf, -1
        _, a, since, act = queue[head]
        return (a + (x - since) ** 2 / 2 if x > since else a), act


def _lower_from(a: float, since: float, b: float, later: float) -> float:
    """From which x on b + (x - later)+**2 / 2 is at most a + (x - since)+**2 / 2; since <= later."""
    if b <= a:
        return -inf
    if later <= since:
        return inf
    x = (b - a) / (later - since) + (since + later) / 2
    return x if x >= later else since + sqrt(2 * (b - a))
