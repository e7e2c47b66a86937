"""How much may be under way at once: in all, and of each one's. What comes beyond is told to be too much."""

from __future__ import annotations

from collections import Counter


class Room:
    def __init__(self, *, in_all: int, each: int) -> None:
        self._in_all = in_all
        self._each = each
        self._of: Counter[str] = Counter()
        self._taken = 0

    def enter(self, who: str) -> bool:
        """Whether there is room; then `leave` once it is over. `who`: `str(Person)`."""
        if self._taken >= self._in_all or self._of[who] >= self._each:
            return False
        self._taken += 1
        self._of[who] += 1
        return True

    def leave(self, who: str) -> None:
        self._taken -= 1
        self._of[who] -= 1
        if not self._of[who]:
            del self._of[who]
