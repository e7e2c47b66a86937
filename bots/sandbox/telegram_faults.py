"""Faults on demand: what a live Bot API does on a bad day."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal, TypeAlias

FaultKind: TypeAlias = Literal[
    "429", "500", "502", "close_before_effect", "close_after_effect", "hang_after_effect"
]


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one call; `retry_after` in seconds belongs to "429" alone."""

    kind: FaultKind
    retry_after: float


class Faults:
    """Faults waiting for the calls that they belong to."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Fault]] = {}

    def plan(self, route: str, fault: Fault, times: int) -> None:
        """Give `fault` to the next `times` calls of a method, or of all for "*"."""
        self._waiting.setdefault(route.lower(), deque()).extend([fault] * times)

    def next(self, route: str) -> Fault | None:
        """The fault that this call gets, which is then spent."""
        for key in (route.lower(), "*"):
            if self._waiting.get(key):
                return self._waiting[key].popleft()
        return None
