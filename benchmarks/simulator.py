"""Plays a policy against a platform in virtual time: one heap of events, no clock, no chance.

A request is taken half a round trip after it left, and answered half a round trip later. What was
visible when is read from the policy's own account of what stands, at the moment the platform took it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Final, Protocol

from benchmarks.measures import Record, Shown
from benchmarks.platform import Server
from benchmarks.scenarios import Scenario
from core.streaming.meters import NEVER
from core.streaming.operations import BucketKey, Delivered, OperationKind, Outcome

PATIENCE_S: Final = 600.0
"""So long after the last model's end the run is over, whatever is still hidden."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call on its way: `id` is the policy's own name for it."""

    id: int
    stream: int
    kind: OperationKind
    keys: tuple[BucketKey, ...]
    message_id: str | None


class Policy(Protocol):
    """What decides when which text goes out. All methods are told the time."""

    def arrived(self, stream: int, characters: int, now: float) -> None:
        """A delta of the model came."""

    def ended(self, stream: int, now: float) -> None:
        """The model's end came."""

    def requests(self, now: float) -> list[Request]:
        """What is to be sent now."""

    def next_deadline(self) -> float:
        """When to ask for `requests` again if nothing else happens; NEVER when nothing is due."""

    def performed(self, request: Request, outcome: Outcome, now: float) -> None:
        """A request was answered."""

    def newly_visible(self) -> Sequence[tuple[int, int]]:
        """Since the last call: for streams of which more stands, how much."""


def play(scenario: Scenario, policy: Policy) -> Record:
    return _Run(scenario, policy).play()


class _Run:
    def __init__(self, scenario: Scenario, policy: Policy) -> None:
        self._policy = policy
        self._half_s = scenario.round_trip_s / 2
        self._server = Server(scenario)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._wake_at = NEVER
        self._shown: list[list[Shown]] = [[] for _ in scenario.streams]
        self._edits = 0
        for number, stream in enumerate(scenario.streams):
            for at, characters in stream.timeline.deltas:
                self._push(at, partial(policy.arrived, number, characters))
            self._push(stream.timeline.ended_at, partial(policy.ended, number))
        self._until = max(stream.timeline.ended_at for stream in scenario.streams) + PATIENCE_S

    def play(self) -> Record:
        while self._events and self._events[0][0] <= self._until:
            now = self._events[0][0]
            while self._events and self._events[0][0] <= now:
                heappop(self._events)[2](now)
            for request in self._policy.requests(now):
                self._push(now + self._half_s, partial(self._take, request))
            self._note(now)
            self._arm(self._policy.next_deadline(), now)
        return Record(self._shown, self._edits, self._server.refused, self._server.inside_pauses)

    def _push(self, at: float, event: Callable[[float], None]) -> None:
        heappush(self._events, (at, next(self._order), event))

    def _take(self, request: Request, now: float) -> None:
        outcome = self._server.take(request.keys, now, request.message_id)
        self._edits += request.kind is OperationKind.EDIT and isinstance(outcome, Delivered)
        self._push(now + self._half_s, partial(self._answer, request, outcome, now))

    def _answer(self, request: Request, outcome: Outcome, taken_at: float, now: float) -> None:
        self._policy.performed(request, outcome, now)
        self._note(taken_at)

    def _note(self, at: float) -> None:
        for stream, upto in self._policy.newly_visible():
            self._shown[stream].append((at, upto))

    def _arm(self, at: float, now: float) -> None:
        """One wake-up is pending at a time; a later one that is overtaken comes in vain, and does no harm."""
        if now >= self._wake_at:
            self._wake_at = NEVER
        if at < self._wake_at:
            self._wake_at = max(at, now)
            self._push(self._wake_at, lambda _: None)
