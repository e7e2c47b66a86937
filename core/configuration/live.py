"""A value that may be exchanged while others read it."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Live(Generic[T]):
    """Read `current` anew for each piece of work, and keep what it gave until that work is done."""

    def __init__(self, first: T) -> None:
        self._current = first

    @property
    def current(self) -> T:
        return self._current

    def swap(self, new: T) -> None:
        """From now on `current` is this one."""
        self._current = new
