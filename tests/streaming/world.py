"""A platform in virtual time around one scheduler: any latency, any limits, kept by the sandbox's code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count, repeat

from bots.sandbox.limits import Enforcer, take_all
from core.streaming.answer import Answer, Ending
from core.streaming.meters import NEVER
from core.streaming.operations import (
    BucketKey,
    Button,
    Delivered,
    NotSent,
    NotSentReason,
    ObservedLimit,
    OperationKind,
    Outcome,
    Unknown,
)
from core.streaming.scheduler import EditScheduler, Operation
from core.streaming.view_settings import Draft, ViewSettings
from core.streaming.ways import Way
from tests.fakes.surface import FakeRenderer

ACCOUNT = BucketKey("account")
TICK_S = 0.01


@dataclass
class Story:
    """An answer in a channel: (seconds, text) of its deltas; it ends with the last. `draft_s`: it streams as
    a draft, which lasts that long."""

    channel: str
    deltas: Sequence[tuple[float, str]]
    page_units: int = 2_000
    nonce: str = ""
    draft_s: float | None = None


@dataclass
class Call:
    """A request as the platform saw it."""

    left: float
    taken: float
    operation: Operation
    outcome: Outcome
    answered: float


@dataclass
class World:
    """`enforcers`: by bucket family, what the platform keeps; those of `told` it tells of in headers.
    `latencies`: there and back, one pair a request. `faults`: what becomes of the next requests, if not
    what the limits say."""

    scheduler: EditScheduler
    enforcers: Callable[[BucketKey], Sequence[Enforcer]]
    told: frozenset[str] = frozenset()
    latencies: Iterator[tuple[float, float]] = field(default_factory=lambda: repeat((0.05, 0.1)))
    faults: Iterator[str] = field(default_factory=lambda: repeat(""))
    calls: list[Call] = field(default_factory=list)
    messages: dict[str, list[str]] = field(default_factory=dict)  # by id: as it stood, in order
    nonces: dict[str, str] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    views: list[int] = field(default_factory=list)
    stop: Button | None = None
    looks: int = 0  # how often the scheduler was asked for operations

    def play(self, stories: Sequence[Story], until: float = 600.0) -> None:
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._buckets: dict[BucketKey, Sequence[Enforcer]] = {}
        self._due, self._last = 0.0, -NEVER
        for story in stories:
            self._begin(story)
        while self._events or self._due < NEVER:
            now = min(self._events[0][0] if self._events else NEVER, max(self._due, self._last + TICK_S))
            if now > until:
                return
            while self._events and self._events[0][0] <= now:
                heappop(self._events)[2](now)
            if now >= self._due and now >= self._last + TICK_S:
                self._last = now
                self.looks += 1
                for operation in self.scheduler.operations_to_perform(now):
                    self._leave(operation, now)
                self._due = max(self.scheduler.next_deadline(), now)

    def _begin(self, story: Story) -> None:
        answer = Answer()

        def keys(kind: OperationKind, page: int) -> tuple[BucketKey, ...]:
            return ACCOUNT, BucketKey(kind.value, story.channel)

        way = Way(keys, nonces=bool(story.nonce))
        draft = None if story.draft_s is None else Draft(len(self.views) + 1, story.draft_s)
        renderer = FakeRenderer(story.page_units)
        settings = ViewSettings(renderer, (way,), nonce=story.nonce, stop=self.stop, draft=draft)
        self.views.append(self.scheduler.show(answer, settings, 0.0))
        self.answers.append(answer)
        for at, text in story.deltas:
            self._push(at, lambda now, text=text: self._grow(answer, text, now))  # type: ignore[misc]
        self._push(story.deltas[-1][0], lambda now: self._end(answer, now))

    def _grow(self, answer: Answer, text: str, now: float) -> None:
        answer.append(text, now)
        self._changed(answer, now)

    def _end(self, answer: Answer, now: float) -> None:
        answer.end(Ending.COMPLETE, now)
        self._changed(answer, now)

    def _changed(self, answer: Answer, now: float) -> None:
        if self.scheduler.changed(answer):
            self._due = min(self._due, now)

    def _push(self, at: float, event: Callable[[float], None]) -> None:
        heappush(self._events, (at, next(self._order), event))

    def _leave(self, operation: Operation, now: float) -> None:
        assert operation.keys[-1].family == operation.kind.value, "it draws from another kind's bucket"
        there_s, back_s = next(self.latencies)
        self._push(now + there_s, lambda taken: self._take(operation, now, taken, back_s))

    def _take(self, operation: Operation, left: float, taken: float, back_s: float) -> None:
        outcome = self._outcome(operation, taken, next(self.faults))
        self.calls.append(Call(left, taken, operation, outcome, taken + back_s))
        self._push(taken + back_s, lambda now: self._answer(operation, outcome, now))

    def _answer(self, operation: Operation, outcome: Outcome, now: float) -> None:
        self.scheduler.performed(operation, outcome, now)
        self._due = min(self._due, now)

    def _outcome(self, operation: Operation, now: float, fault: str) -> Outcome:
        if fault == "unavailable":
            return NotSent(NotSentReason.UNAVAILABLE)
        if fault == "unknown_not_taken":
            return Unknown("time-out")
        if fault == "rate_limited":
            return NotSent(NotSentReason.RATE_LIMITED, 3.0, operation.keys[-1])
        for key in operation.keys:
            self._buckets.setdefault(key, self.enforcers(key))
        everything = [one for key in operation.keys for one in self._buckets[key]]
        if wait := take_all(everything, now):
            return NotSent(NotSentReason.RATE_LIMITED, wait)
        observed = tuple(
            ObservedLimit(key, one.limit, one.remaining(now), one.reset_after(now))
            for key in operation.keys
            if key.family in self.told
            for one in self._buckets[key][:1]
        )
        message_id = self._stand(operation)
        if fault == "unknown_taken":
            return Unknown("time-out")
        return Delivered(message_id, observed)

    def _stand(self, operation: Operation) -> str:
        assert operation.content is not None
        message_id, nonce = operation.message_id, operation.content.nonce
        if message_id is None:
            message_id = self.nonces.get(nonce) or f"m{len(self.messages) + 1}"
            if nonce:
                self.nonces[nonce] = message_id
        self.messages.setdefault(message_id, []).append(operation.content.body.text)
        return message_id
