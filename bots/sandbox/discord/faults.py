"""Faults on demand: what the live API does on a bad day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from aiohttp import web

from bots.sandbox.discord.answers import banned, blocked, json_response, too_many

FaultKind: TypeAlias = Literal[
    "status",
    "limited",
    "global",
    "shared",
    "banned",
    "blocked",
    "disliked",
    "drop_before",
    "drop_after",
    "hang_before",
    "hang_after",
]


@dataclass
class Fault:
    """A failure on demand; see `DiscordServer.fault`. `after` and then `times` count down."""

    kind: FaultKind
    method: str
    route: str
    times: int
    status: int
    retry_after: float
    after: int = 0

    def answer(self, headers: Mapping[str, str]) -> web.Response | None:
        """The answer to give instead of doing what was asked; None when it is done nevertheless.

        `headers` are the bucket's, which a 429 of the bucket shows as empty.
        """
        empty = {
            **headers,
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset-After": f"{self.retry_after:.3f}",
        }
        words = {"message": f"{self.status}: Injected fault", "code": 0}
        answers: Mapping[FaultKind, Callable[[], web.Response]] = {
            "status": lambda: json_response(self.status, words, headers),
            "limited": lambda: too_many(self.retry_after, "user", empty),
            "shared": lambda: too_many(self.retry_after, "shared", empty),
            "global": lambda: too_many(self.retry_after, "global"),
            "banned": banned,
            "blocked": lambda: blocked(1015),
            "disliked": lambda: blocked(1020),
        }
        return answers[self.kind]() if self.kind in answers else None


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
            if fault.times <= 0 or fault.method not in ("*", method) or not fnmatchcase(route, fault.route):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.times -= 1
            return fault
        return None
