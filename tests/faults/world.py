"""What a case is played on: a clock, a surface, a journal and a store that break at a point."""

from __future__ import annotations

import asyncio
import heapq
import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any, Final

from core.messages import MessageRef, PlaceKind
from core.ports.clock import Clock
from core.ports.store import StoreError
from core.streaming.operations import (
    BucketKey,
    Delivered,
    MessageContent,
    NotSent,
    NotSentReason,
    OperationKind,
    Outcome,
    Unknown,
)
from tests.fakes.clock import FakeClock, FakeTimer, settle
from tests.fakes.surface import INTERACTION_LIMITS, FakeSurface
from tests.faults.cases import PAGE_UNITS, Fault, Machine, On, Platform

LATENCY_S: Final = 0.1
SLOW_S: Final = 2.5
LATE_S: Final = 1.5
TOKEN_LASTS_S: Final = 900.0
DRAFT_LASTS_S: Final = 30.0
_LONG_S: Final = 280.0
_LATELY_S: Final = 6.0
_LIMITED: Final = NotSentReason.RATE_LIMITED
_REFUSALS: Final[dict[Platform, Outcome]] = {
    Platform.LIMITED_GLOBAL: NotSent(_LIMITED, retry_after_s=2.0, key=BucketKey("account")),
    Platform.LIMITED_SHARED: NotSent(_LIMITED, retry_after_s=2.0),
    Platform.LIMITED_SILENT: NotSent(_LIMITED),
    Platform.LIMITED_LONG: NotSent(_LIMITED, retry_after_s=_LONG_S),
    Platform.UNAVAILABLE: NotSent(NotSentReason.UNAVAILABLE),
    Platform.UNKNOWN_NOT_TAKEN: Unknown("time-out"),
    Platform.REJECTED: NotSent(NotSentReason.REJECTED),
}


class World:
    """What the surfaces of one place have in common, and what happened there."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.armed: list[Fault] = []  # that the next operation which they can meet meets
        self.struck: list[Fault] = []
        self.operations = 0
        self.gone_at: float | None = None
        self.expired = False
        self.unknown_sends = 0  # taken, while the bot could not know
        self.under_way: OperationKind | None = None
        self.in_flight: OperationKind | None = None  # taken, and not heard of yet
        self.asked: list[tuple[float, OperationKind, str]] = []
        self.committed: Callable[[int], None] = lambda _: None
        self.taken: Callable[[int], None] = lambda _: None


class Post(FakeSurface):
    """A surface whose next operations meet what is armed."""

    def __init__(self, world: World, **named: Any) -> None:
        super().__init__(world.clock, page_units=PAGE_UNITS, latency_s=LATENCY_S, **named)
        self.world = world
        self.history: list[tuple[str, str]] = []  # (message, text), as they were taken

    async def _call(
        self,
        kind: OperationKind,
        message_id: str | None,
        content: MessageContent,
        reply_to: MessageRef | None,
    ) -> Outcome:
        world, number = self.world, self.world.operations
        world.operations += 1
        world.under_way = kind
        try:
            world.committed(number)
            await world.clock.sleep_until(world.clock.monotonic() + LATENCY_S / 2)
            outcome = self._take(kind, message_id, content, reply_to)
            world.in_flight = None if isinstance(outcome, NotSent) else kind
            world.taken(number)
            await world.clock.sleep_until(world.clock.monotonic() + LATENCY_S / 2)
            return outcome
        finally:
            world.in_flight = world.under_way = None

    def _take(
        self,
        kind: OperationKind,
        message_id: str | None,
        content: MessageContent,
        reply_to: MessageRef | None,
    ) -> Outcome:
        world = self.world
        world.asked.append((world.clock.monotonic(), kind, content.body.text))
        fault = next((one for one in world.armed if _meets(one.kind, kind, self)), None)
        if fault is not None:
            world.armed.remove(fault)
            world.struck.append(fault)
            if (outcome := self._play(fault, kind, message_id)) is not None:
                return outcome
        if world.gone_at is not None:
            return NotSent(NotSentReason.PLACE_GONE)
        if world.expired and "interaction" in self._limits:
            return NotSent(NotSentReason.EXPIRED)
        outcome = super()._take(kind, message_id, content, reply_to)
        if isinstance(outcome, Delivered) and kind is not OperationKind.DRAFT:
            self.history.append((outcome.message_id, content.body.text))
        if fault is not None and fault.kind is Platform.UNKNOWN_TAKEN and isinstance(outcome, Delivered):
            world.unknown_sends += kind is OperationKind.SEND
            return Unknown("time-out")
        return outcome

    def _play(self, fault: Fault, kind: OperationKind, message_id: str | None) -> Outcome | None:
        """None: the operation goes on."""
        if fault.kind is Platform.LIMITED_USER:
            return NotSent(_LIMITED, retry_after_s=2.0, key=(self.buckets(kind) or (None,))[-1])
        match fault.kind:
            case Platform.MESSAGE_GONE if message_id is not None:
                self.messages.pop(message_id, None)
            case Platform.FROZEN if message_id is not None:
                for way in (self, self.alternate):
                    if way is not None:
                        way.frozen.add(message_id)
            case Platform.PLACE_GONE:
                self.world.gone_at = self._clock.monotonic()
            case Platform.EXPIRED:
                self.world.expired = True
            case Platform():
                return _REFUSALS.get(fault.kind)
        return None


def _meets(fault: object, kind: OperationKind, surface: Post) -> bool:
    match fault:
        case Platform.MESSAGE_GONE | Platform.FROZEN:
            return kind is OperationKind.EDIT
        case Platform.EXPIRED:
            return "interaction" in surface._limits
    return True


def surface(on: On, world: World) -> Post:
    """Of this kind, with nothing in it."""
    match on:
        case On.CHANNEL:
            return Post(world)
        case On.CHAT:
            found = Post(world)
            found.capabilities = replace(found.capabilities, nonces=False)
        case On.DRAFTS:
            found = Post(world, kind=PlaceKind.PRIVATE, draft_lasts_s=DRAFT_LASTS_S)
        case On.INTERACTION:
            limits = INTERACTION_LIMITS
            channel = Post(world)
            found = Post(world, limits=limits, ends_after_s=TOKEN_LASTS_S, alternate=channel)
            found.history = channel.history
            channel.capabilities = replace(channel.capabilities, keeps_events=True)
        case On.ALONE:
            found = Post(world, limits=INTERACTION_LIMITS, ends_after_s=TOKEN_LASTS_S)
            found.capabilities = replace(found.capabilities, nonces=False)
    found.capabilities = replace(found.capabilities, keeps_events=True)
    return found


class Trouble:
    """What is wrong with a database, for all who use it."""

    def __init__(self, clock: FakeClock) -> None:
        self.kind: Machine | None = None
        self.was = False
        self.over_at = 0.0
        self._clock = clock
        self._over = asyncio.Event()

    def begin(self, kind: Machine, seconds: float) -> None:
        self.kind, self.was = kind, True
        self._over.clear()
        self._clock.call_at(self._clock.monotonic() + seconds, self.end)

    def end(self) -> None:
        self.kind, self.over_at = None, self._clock.monotonic()
        self._over.set()

    @property
    def lately(self) -> bool:
        """Whether something may still be to do since it began."""
        return self.was and (self.kind is not None or self._clock.monotonic() < self.over_at + _LATELY_S)

    async def over(self) -> None:
        while self.kind is not None:
            await self._over.wait()


_FAIL: Final = {Machine.JOURNAL_FAILS, Machine.STORE_FAILS}
_SLOW: Final = {Machine.JOURNAL_SLOW, Machine.STORE_SLOW}
_HANG: Final = {Machine.JOURNAL_HANGS, Machine.STORE_HANGS}


_DONE_TWICE: Final = {"begin", "finish", "handled", "renew"}
"""What may be asked again though it was done. A database's journal sees to the rest itself, beneath this."""


class Gate:
    """A journal or a store as one process reaches it."""

    def __init__(
        self, inner: Any, trouble: Trouble, clock: FakeClock, threads: Threads | None = None
    ) -> None:
        self._inner, self._trouble, self._clock = inner, trouble, clock
        self._threads = threads

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found) or not inspect.iscoroutinefunction(found):
            return found

        async def asked(*args: Any, **named: Any) -> Any:
            kind = self._trouble.kind
            if kind in _FAIL:
                raise StoreError("the disk is full")
            if kind in _SLOW:
                await self._clock.sleep_until(self._clock.monotonic() + SLOW_S)
            if kind in _HANG:
                await self._trouble.over()
            result = await self._do(getattr(self._inner, name)(*args, **named))
            if kind is Machine.JOURNAL_ANSWER_LOST and name in _DONE_TWICE:
                self._trouble.end()
                raise StoreError("the connection was lost")
            return result

        self.__dict__[name] = asked
        return asked

    async def _do(self, work: Awaitable[Any]) -> Any:
        if self._threads is None:
            return await work
        with self._threads.at_work():
            return await work


class Threads:
    """A database's, which take real time."""

    def __init__(self) -> None:
        self.calls = 0  # that they have not answered yet
        self._idle = asyncio.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        self.calls += 1
        self._idle.clear()
        try:
            yield
        finally:
            self.calls -= 1
            if not self.calls:
                self._idle.set()

    async def idle(self) -> None:
        while self.calls:
            await self._idle.wait()
            await settle()


class CaseClock(FakeClock):
    """It can be set, blocked and brought into disorder; it waits for a database's `threads`."""

    def __init__(self, random: Random, *, threads: bool = False) -> None:
        super().__init__()
        self.late_s = 0.0
        self.threads = Threads() if threads else None
        self.halts: Callable[[], bool] = lambda: False
        """Whether somebody is to act before time goes on."""
        self._random = random

    async def advance(self, seconds: float) -> None:
        target = self.now + seconds
        await self.settle()
        while self._timers and self._timers[0][0] <= target and not self.halts():
            late_s = self._random.random() * self.late_s
            self.now = max(self.now, self._timers[0][0]) + late_s
            due: list[FakeTimer] = []
            while self._timers and self._timers[0][0] <= self.now and (late_s or not due):
                due.append(heapq.heappop(self._timers)[2])
            self._random.shuffle(due)
            for timer in due:
                if timer.callback is not None:
                    timer.callback()
                    await self.settle()
        if not self.halts():
            self.now = max(self.now, target)
            await self.settle()

    async def settle(self) -> None:
        if self.threads is None and not asyncio.get_running_loop()._ready:  # type: ignore[attr-defined]
            return  # only tasks could have made something ready
        await settle()
        if self.threads is not None:
            await self.threads.idle()
