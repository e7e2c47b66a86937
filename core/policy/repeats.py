"""Which events came already: platforms repeat what they are unsure of."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

KNOWN_FOR_S: Final = 600.0
"""At least so long after it came last: as long as the longest gap that is fetched anew. What is older the
journal knows."""
KNOWN_MOST: Final = 10_000
"""Of so many at least half are known, however fast they come."""


class Repeats:
    """Two sets take turns, so that what is forgotten costs nothing: the younger one becomes the older."""

    def __init__(self) -> None:
        self._young: set[Hashable] = set()
        self._old: set[Hashable] = set()
        self._until = 0.0

    def __contains__(self, event: Hashable) -> bool:
        return event in self._young or event in self._old

    def add(self, event: Hashable, now: float) -> None:
        """It came, for the first time or again. `now`: of a clock that never goes back, in seconds."""
        if now >= self._until or 2 * len(self._young) >= KNOWN_MOST:
            self._young, self._old, self._until = set(), self._young, now + KNOWN_FOR_S
        self._young.add(event)

    def is_new(self, event: Hashable, now: float) -> bool:
        """Whether it comes for the first time. From now on it does not."""
        known = event in self
        self.add(event, now)
        return not known
