"""How the platforms' libraries let calls through: what the peers leave their rate limits to.

Read in the sources of discord.py 2.7.1 and python-telegram-bot 22.8. A queue holds calls with the text
that they were given, first come, first served; a call that is refused sleeps and goes again, TRIES times.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Protocol

from benchmarks.simulator import Request
from core.streaming.meters import NEVER
from core.streaming.operations import BucketKey, Delivered, NotSent, ObservedLimit, Outcome

TRIES: Final = 5


class Library(Protocol):
    """Stands between a peer's calls and the platform."""

    def call(self, request: Request, now: float) -> None:
        """Queue a call."""

    def requests(self, now: float) -> list[Request]:
        """The calls that leave now."""

    def next_deadline(self) -> float:
        """When to ask for `requests` again."""

    def answered(self, request: Request, outcome: Outcome, now: float) -> float | None:
        """When the call returns to who awaits it; None: it goes again."""


@dataclass(slots=True)
class _Route:
    """discord.py's `Ratelimit`: one request until the headers are known, then as many as they leave."""

    waiting: deque[Request] = field(default_factory=deque)
    limit: int = 1
    remaining: int = 1
    outgoing: int = 0
    known: bool = False
    expires: float = NEVER

    def refresh(self, now: float) -> None:
        if now >= self.expires:
            self.remaining, self.expires, self.known = self.limit - self.outgoing, NEVER, False

    def observe(self, observed: ObservedLimit, now: float) -> None:
        self.limit = observed.limit
        left = observed.remaining
        self.remaining = min(left, self.limit - self.outgoing) if self.known else left
        self.known = True
        self.expires = now + observed.reset_after_s


class DiscordLibrary:
    """Waits for a bucket that its headers call empty, with the caller who emptied it still inside its
    call. Knows nothing beforehand of the account's limit. An interaction's calls go one at a time."""

    def __init__(self) -> None:
        self._routes: dict[BucketKey, _Route] = {}
        self._asleep: dict[int, tuple[float, Request]] = {}
        self._tries: dict[int, int] = {}
        self._paused_until = 0.0  # by a refusal of the whole account
        self._to_look_at: set[BucketKey] = set()

    def call(self, request: Request, now: float) -> None:
        key = request.keys[-1]
        self._routes.setdefault(key, _Route()).waiting.append(request)
        self._to_look_at.add(key)

    def requests(self, now: float) -> list[Request]:
        if now < self._paused_until:
            return []
        leaving = [request for at, request in self._asleep.values() if at <= now]
        for request in leaving:
            del self._asleep[request.id]
        for key in sorted(self._to_look_at, key=str):
            route = self._routes[key]
            route.refresh(now)
            most = 1 if key.family == "interaction" else NEVER
            while route.waiting and route.remaining > 0 and route.outgoing < most:
                route.remaining -= 1
                route.outgoing += 1
                leaving.append(route.waiting.popleft())
            if not route.waiting:
                self._to_look_at.discard(key)
        return leaving

    def next_deadline(self) -> float:
        wakes = [at for at, _ in self._asleep.values()]
        wakes += [self._routes[key].expires for key in self._to_look_at if self._routes[key].remaining <= 0]
        return max(self._paused_until, min(wakes, default=NEVER))

    def answered(self, request: Request, outcome: Outcome, now: float) -> float | None:
        route = self._routes[request.keys[-1]]
        for observed in outcome.observed:
            route.observe(observed, now)
        if isinstance(outcome, NotSent):
            retry_at = now + (outcome.retry_after_s or 0.0)
            if outcome.key is not None and outcome.key.family == "account":
                self._paused_until = max(self._paused_until, retry_at)
            self._tries[request.id] = self._tries.get(request.id, 0) + 1
            if self._tries[request.id] < TRIES:
                self._asleep[request.id] = retry_at, request
                return None
        route.outgoing -= 1
        if route.waiting:
            self._to_look_at.add(request.keys[-1])
        drained = route.remaining - route.outgoing <= 0 and route.expires < NEVER
        return route.expires if drained else now


@dataclass(slots=True)
class _LeakyBucket:
    """aiolimiter's: `most` at once, and again at most / per_s."""

    most: float
    per_s: float
    level: float = 0.0
    since: float = 0.0

    def ready_at(self, now: float) -> float:
        level = max(0.0, self.level - (now - self.since) * self.most / self.per_s)
        return now + max(0.0, level + 1.0 - self.most) * self.per_s / self.most

    def take(self, now: float) -> None:
        self.level = max(0.0, self.level - (now - self.since) * self.most / self.per_s) + 1.0
        self.since = now


class TelegramLibrary:
    """PTB's `AIORateLimiter`: 30 a second in all, 20 a minute in a group, nothing for a private chat. A
    refusal stops every call until the first one that is under way anywhere comes back, or its sleep ends."""

    def __init__(self) -> None:
        self._all = _LeakyBucket(30.0, 1.0)
        self._groups: dict[BucketKey, _LeakyBucket] = {}
        self._waiting: dict[BucketKey | None, deque[Request]] = {}  # None: no group
        self._admitted: list[Request] = []  # through the limiters, held by a pause
        self._asleep: list[tuple[float, Request]] = []
        self._tries: dict[int, int] = {}
        self._paused = False
        self._deadline = NEVER

    def call(self, request: Request, now: float) -> None:
        group = request.keys[-1] if request.keys[-1].family == "group" else None
        self._waiting.setdefault(group, deque()).append(request)

    def requests(self, now: float) -> list[Request]:
        for at, request in [pair for pair in self._asleep if pair[0] <= now]:
            self._asleep.remove((at, request))
            self._paused = False
            self.call(request, now)
        self._deadline = min((at for at, _ in self._asleep), default=NEVER)
        for group, waiting in self._waiting.items():
            self._admit(group, waiting, now)
        if self._paused:
            return []
        leaving, self._admitted = self._admitted, []
        return leaving

    def _admit(self, group: BucketKey | None, waiting: deque[Request], now: float) -> None:
        limiters = [self._all]
        if group is not None:
            limiters.append(self._groups.setdefault(group, _LeakyBucket(20.0, 60.0)))
        while waiting:
            ready_at = max(limiter.ready_at(now) for limiter in limiters)
            if ready_at > now:
                self._deadline = min(self._deadline, ready_at)
                return
            for limiter in limiters:
                limiter.take(now)
            self._admitted.append(waiting.popleft())

    def next_deadline(self) -> float:
        return self._deadline

    def answered(self, request: Request, outcome: Outcome, now: float) -> float | None:
        if isinstance(outcome, Delivered):
            self._paused = False
            return now
        self._tries[request.id] = self._tries.get(request.id, 0) + 1
        if not isinstance(outcome, NotSent) or self._tries[request.id] > TRIES:
            self._paused = False
            return now
        self._paused = True
        self._asleep.append((now + (outcome.retry_after_s or 0.0) + 0.1, request))
        return None
