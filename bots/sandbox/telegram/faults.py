"""Faults on demand: what a live Bot API does on a bad day."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

FaultKind: TypeAlias = Literal["status", "limited", "drop_before", "drop_after", "hang_before", "hang_after"]


@dataclass
class Fault:
    """A failure on demand; see `TelegramServer.fault`. `times` counts down."""

    kind: FaultKind
    route: str
    times: int
    status: int
    retry_after: float


class Faults:
    """Faults that wait for the calls they are meant for."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let `fault` wait, behind those that are there."""
        self._waiting.append(fault)

    def spend(self, route: str) -> Fault | None:
        """The fault that this call gets, one time of it spent."""
        for fault in self._waiting:
            if fault.times > 0 and fnmatchcase(route.lower(), fault.route.lower()):
                fault.times -= 1
                return fault
        return None
