"""Which events came already: platforms repeat what they are unsure of."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

KNOWN: Final = 10_000
"""At least so many of the last are known, and at most twice as many. However old they are: what could not be
told to a journal is repeated when that works again, hours later."""


class Repeats:
    """Two sets take turns, so that what is forgotten costs nothing: the younger one becomes the older."""

    def __init__(self) -> None:
        self._young: set[Hashable] = set()
        self._old: set[Hashable] = set()

    def __contains__(self, event: Hashable) -> bool:
        return event in self._young or event in self._old

    def add(self, event: Hashable) -> None:
        """It came, for the first time or again."""
        if len(self._young) >= KNOWN:
            self._young, self._old = set(), self._young
        self._young.add(event)

    def is_new(self, event: Hashable) -> bool:
        """Whether it comes for the first time. From now on it does not."""
        known = event in self
        self.add(event)
        return not known
