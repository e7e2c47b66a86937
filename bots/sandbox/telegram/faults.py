"""Faults on demand: what a live Bot API does on a bad day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Literal, TypeAlias

from bots.sandbox.telegram.errors import ApiError, too_many_requests

FaultKind: TypeAlias = Literal[
    "status",
    "html",
    "limited",
    "flood",
    "flood_bot",
    "drop_before",
    "drop_after",
    "hang_before",
    "hang_after",
]


@dataclass
class Fault:
    """A failure on demand; see `TelegramServer.fault`. `times` counts down."""

    kind: FaultKind
    route: str
    times: int
    status: int
    retry_after: float | None
    description: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    chat: str = ""

    def refusal(self) -> ApiError | None:
        """What is answered instead of doing what was asked; None when it is done, or a flood begins."""
        match self.kind:
            case "limited":
                return too_many_requests(self.retry_after)
            case "status" | "html":
                words = self.description or HTTPStatus(self.status).phrase
                return ApiError(self.status, words, self.parameters, html=self.kind == "html")
            case "drop_before" | "hang_before":
                return ApiError(500, "never sent")
            case _:
                return None


class Faults:
    """Faults that wait for the calls they are meant for."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let `fault` wait, behind those that are there."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Let no more happen."""
        self._waiting.clear()

    def spend(self, route: str, chat: str | None) -> Fault | None:
        """The fault that this call gets, one time of it spent; `chat` is the page's id of its chat."""
        self._waiting = [fault for fault in self._waiting if fault.times > 0]
        for fault in self._waiting:
            if fnmatchcase(route.lower(), fault.route.lower()) and fault.chat in ("", chat):
                fault.times -= 1
                return fault
        return None
