"""Faults on demand: what the live API does on a bad day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from aiohttp import web

from bots.sandbox.discord.answers import banned, json_response, too_many

FaultKind: TypeAlias = Literal[
    "status",
    "limited",
    "global",
    "shared",
    "banned",
    "drop_before",
    "drop_after",
    "hang_before",
    "hang_after",
]


@dataclass
class Fault:
    """A failure on demand; see `DiscordServer.fault`. `times` counts down."""

    kind: FaultKind
    method: str
    route: str
    times: int
    status: int
    retry_after: float

    def answer(self, headers: Mapping[str, str]) -> web.Response | None:
        """The answer to give instead of doing what was asked; None when it is done nevertheless.

        `headers` are the bucket's, which a 429 of the bucket shows as empty.
        """
        reset_after = f"{self.retry_after:.3f}"
        empty = {**headers, "X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": reset_after}
        match self.kind:
            case "status":
                return json_response(
                    self.status, {"message": f"{self.status}: Injected fault", "code": 0}, headers
                )
            case "limited":
                return too_many(self.retry_after, "user", empty)
            case "shared":
                return too_many(self.retry_after, "shared", empty)
            case "global":
                return too_many(self.retry_after, "global")
            case "banned":
                return banned()
            case _:
                return None


class Faults:
    """Faults that wait for the requests they are meant for."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let `fault` wait, behind those that are there."""
        self._waiting.append(fault)

    def spend(self, method: str, route: str) -> Fault | None:
        """The fault that this request gets, one time of it spent."""
        for fault in self._waiting:
            if fault.times > 0 and fault.method in ("*", method) and fnmatchcase(route, fault.route):
                fault.times -= 1
                return fault
        return None
