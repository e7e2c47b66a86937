"""One case, played to its end: the whole service over a model, a surface, a store and a journal that
break."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from core.adapters.memory_journal import JournalState, MemoryJournal
from core.adapters.memory_store import MemoryStore
from core.adapters.steady_store import SteadyStore
from core.conversation.history import lane_of
from core.messages import Addressed, IncomingMessage, MessageRef, Place, PlaceMoved
from core.ports.clock import Clock
from core.ports.journal import LEASE_S, Journal, KeptTurn, Received
from core.ports.store import Message, Store, StoreError
from core.streaming.operations import OperationKind
from core.streaming.rendering import Renderer
from tests.fakes.clock import settle
from tests.fakes.faulty_model import FaultyModel
from tests.fakes.mortal import OneOfSeveral, several
from tests.fakes.surface import FakeRenderer
from tests.faults.cases import DELTAS, PAGE_UNITS, Case, Fault, Machine, Platform, Process
from tests.faults.points import Points
from tests.faults.world import LATE_S, CaseClock, Gate, Post, Trouble, World, surface
from tests.service.conftest import ADA, Bot

EVERY_S: Final = 0.7
EVENT: Final = "e1"
RESTART_S: Final = 1.0
STREAMS_S, MARKS_S = 4.0, 3.0
"""As in bots/serving.py."""
PATIENCE_S: Final = 1_500.0
"""Enough for every wait of two faults one after the other."""
_LASTS_S: Final = {
    Machine.JOURNAL_FAILS: 5.0,
    Machine.JOURNAL_SLOW: 10.0,
    Machine.JOURNAL_HANGS: 30.0,
    Machine.JOURNAL_ANSWER_LOST: 60.0,  # or until it has struck
    Machine.STORE_FAILS: 5.0,
    Machine.STORE_SLOW: 10.0,
    Machine.STORE_HANGS: 30.0,
}
_DISORDER_S: Final = 5.0
_STANDS_STILL_S: Final = 20.0
"""More than a lease lasts."""
_RENDERER: Final = FakeRenderer(PAGE_UNITS)
_OF_JOURNAL: Final = {kind for kind in Machine if kind.name.startswith("JOURNAL")}


@dataclass
class Kept:
    """What outlives a process. `open`: as one more process has it. `left`: turns that are not over; None: the
    journal is asked."""

    open: Callable[[], Awaitable[tuple[Store, Journal]]]
    left: Callable[[], tuple[KeptTurn, ...]] | None = None


def in_memory(clock: Clock, *, alone: bool) -> Kept:
    state = JournalState()
    store = MemoryStore(journal=MemoryJournal(state, clock=clock))

    async def opened() -> tuple[Store, Journal]:
        return store, MemoryJournal(state, clock=clock, alone=alone)

    return Kept(opened, lambda: tuple(one.turn for one in state.turns.values()))


@dataclass
class Evidence:
    """What the judge sees."""

    case: Case
    post: Any  # what people see, as `Post` or as `Site` shows it
    said: list[str]
    path: tuple[Message, ...]
    struck: tuple[Fault, ...]
    open_streams: int = 0
    left_open: tuple[KeptTurn, ...] = ()
    unhandled: tuple[Received, ...] = ()
    over: bool = True  # all came to an end
    said_again: int = 0  # requests to the model after the event came again
    asked_again: int = 0  # operations after the end
    unsafe: bool = False  # a process ended while the journal failed
    unkept: bool = False  # a process ended while the store failed
    restarts: int = 0
    processes: int = 1
    unknown_sends: int = 0
    renderer: Renderer = _RENDERER


class _Running:
    """A process."""

    def __init__(self, play: Play, kept: Store, journal: Journal) -> None:
        threads = play.clock.threads
        self.life = OneOfSeveral()
        self.gate = Gate(journal, play.journal_trouble, play.clock, threads)
        store = SteadyStore(
            Gate(kept, play.store_trouble, play.clock, threads),
            self.life.clock(play.clock),
        )
        self.play = play
        self.bot = Bot(
            fake_clock=play.clock,
            store=store,
            journal=self.gate,
            life=self.life,
            completions=play.model,
        )
        self.ending = False
        self.handed: set[str] = set()  # events
        self._handling: list[asyncio.Future[None]] = []

    async def begin(self) -> None:
        await self.life.run(self._begin())

    async def _begin(self) -> None:
        chat, post = self.bot.chat, self.play.post

        def reopen(place: Place, address: str, *, in_doubt: bool = False) -> Post:
            return self.life.of(post)

        async def go_on() -> None:
            await self._replay()
            if not chat.records.journal.alone:
                chat.beside(self._watch(), "events of others")
            await chat.recovery.begin(post.account, reopen)
            await chat.recovery.run()

        chat.beside(go_on(), "process")

    async def _replay(self) -> None:
        """What an adapter does at its start."""
        journal, account = self.bot.chat.records.journal, self.play.post.account
        while True:
            with suppress(StoreError):
                for left in await journal.take_over_events(account):
                    if left.event.id not in self.handed:
                        await self.asked(left.event.id)
                return
            await self.bot.clock.sleep_until(self.bot.clock.monotonic() + 1.0)

    async def _watch(self) -> None:
        while True:
            await self.bot.clock.sleep_until(self.bot.clock.monotonic() + LEASE_S)
            await self._replay()

    async def offered(self) -> None:
        """The platform offers the event until it is taken."""
        await self.life.run(self._offered())

    async def _offered(self) -> None:
        self.bot.chat.beside(self._receive(), "event")

    async def _receive(self) -> None:
        journal, clock, post = self.bot.chat.records.journal, self.bot.clock, self.play.post
        received = Received(post.account, EVENT, str(ADA), b"", clock.wall())
        while not self.ending:
            try:
                new = await journal.receive([received])
            except StoreError:
                await clock.sleep_until(clock.monotonic() + 1.0)
                continue
            self.play.confirmed = True
            if new:
                await self.asked(EVENT)
            return

    async def asked(self, event_id: str) -> None:
        self.handed.add(event_id)
        post, dispatcher = self.life.of(self.play.post), self.bot.dispatcher
        await dispatcher.handle(self.play.question(event_id), post)

    async def moved(self, before: Place) -> None:
        post = self.play.post
        event = PlaceMoved("moved", post.place, before)
        handling = self.life.run(self.bot.dispatcher.handle(event, self.life.of(post)))
        # It may wait for a store, on a clock that only this play moves.
        self._handling.append(asyncio.ensure_future(handling))
        await settle()

    async def stop(self) -> None:
        self.ending = True
        now = self.bot.clock.monotonic()
        stop = self.bot.chat.stop(streams_until=now + STREAMS_S, marks_until=now + STREAMS_S + MARKS_S)
        await self.life.run(stop)
        await self.life.end()

    @property
    def idle(self) -> bool:
        chat = self.bot.chat
        return not chat.answering and not chat.records._waiting


class Play:
    """`kept`: None for memory. `threads`: it answers from threads of its own."""

    def __init__(
        self, case: Case, kept: Callable[[CaseClock], Kept] | None = None, *, threads: bool = False
    ) -> None:
        self.case = case
        self.clock = CaseClock(Random(case.seed), threads=threads)
        self.alone = not any(fault.kind is Process.LEASE_LOST for fault in case.faults)
        self.kept = kept(self.clock) if kept else in_memory(self.clock, alone=self.alone)
        self.world = World(self.clock)
        self.post = surface(case.on, self.world)
        self.journal_trouble, self.store_trouble = Trouble(self.clock), Trouble(self.clock)
        self.points = Points(case.faults, self._begin)
        self.world.committed, self.world.taken = self.points.committed, self.points.taken
        self.model = FaultyModel(
            self.clock,
            DELTAS,
            [fault for one in case.faults if (fault := one.of_model)],
            every_s=EVERY_S,
            reached=self.points.reached,
        )
        self.confirmed = False
        self.processes: list[_Running] = []
        self._deeds: list[Fault] = []
        self._unsafe = self._unkept = False
        self._restarts = 0
        self.clock.halts = lambda: bool(self._deeds)

    def question(self, event_id: str) -> IncomingMessage:
        place = self.post.place
        ref = MessageRef(place.chat_id, "u1")
        return IncomingMessage(event_id, place, ADA, ref, "a tale?", Addressed.MENTION, None)

    async def run(self) -> Evidence:
        several(asyncio.get_running_loop())
        try:
            await self._start()
            await self.processes[-1].offered()
            return await self.ends()
        finally:
            await self.close()

    async def close(self) -> None:
        for process in self.processes:
            await process.life.end()
        await self.model.aclose()

    async def ends(self) -> Evidence:
        """Plays on until all is over, and has the event come again."""
        over = await self._to_the_end()
        await self._advance(30.0)
        asked, said = len(self.world.asked), len(self.model.said)
        if over:
            await self.processes[-1].offered()
            await self._advance(30.0)
        post = self.post
        store, journal = await self.kept.open()
        orphans = () if self.kept.left else await journal.take_over([post.account])
        left = self.kept.left() if self.kept.left else tuple(one.turn for one in orphans)
        path: tuple[Message, ...] = ()
        lane = await store.lane(lane_of(post.place, ADA))
        if lane is not None and lane.leaf_id is not None:
            path = await store.path(lane.leaf_id)
        return Evidence(
            self.case,
            post,
            self.model.said,
            path,
            tuple(self.world.struck),
            self.model.open_streams,
            left,
            await journal.unhandled(post.account),
            over,
            len(self.model.said) - said,
            len(self.world.asked) - asked,
            self._unsafe,
            self._unkept or (self.store_trouble.was and len(self.processes) > 1),
            self._restarts,
            len(self.processes),
            self.world.unknown_sends,
        )

    async def _start(self) -> None:
        process = _Running(self, *await self.kept.open())
        self.processes.append(process)
        await process.begin()

    async def _advance(self, seconds: float) -> None:
        until = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until:
            await self._step(until)

    async def _to_the_end(self) -> bool:
        """Whether all came to an end."""
        until = self.clock.monotonic() + PATIENCE_S
        while self.clock.monotonic() < until:
            await self._step(until)
            if self.confirmed and not self._deeds and self._is_quiet():
                return True
        return False

    def _is_quiet(self) -> bool:
        trouble = self.journal_trouble.kind or self.store_trouble.kind
        if trouble or any(process.life.stands_still for process in self.processes):
            return False
        return all(process.idle for process in self.processes if not process.life.is_over)

    async def _step(self, until: float) -> None:
        """To the next timer."""
        timers = self.clock._timers
        next_at = timers[0][0] if timers else until
        await self.clock.advance(max(0.0, min(next_at, until) - self.clock.monotonic()))
        while self._deeds:
            await self._do_it(self._deeds.pop(0))

    # the faults
    def _begin(self, fault: Fault) -> None:
        kind, world = fault.kind, self.world
        match kind:
            case Platform.MOVED:
                self._deeds.append(fault)
            case Platform():
                world.armed += [fault] * fault.times
                return
            case Machine.CLOCK_AHEAD | Machine.CLOCK_BACK:
                self.clock.wall_ahead_s += 3_600.0 if kind is Machine.CLOCK_AHEAD else -3_600.0
            case Machine.BLOCKED:
                self.clock.now += 2.0
            case Machine.DISORDER:
                self.clock.late_s = LATE_S
                self.clock.call_at(self.clock.now + _DISORDER_S, self._in_order)
            case Machine():
                trouble = self.journal_trouble if kind in _OF_JOURNAL else self.store_trouble
                trouble.begin(kind, _LASTS_S[kind])
            case Process.KILL:
                self._dies()
                self._deeds.append(fault)
            case Process():
                self._deeds.append(fault)
        world.struck.append(fault)

    def _in_order(self) -> None:
        self.clock.late_s = 0.0

    def _dies(self) -> None:
        """From here on nothing of it reaches the world."""
        for process in self.processes:
            if not process.life.is_over:
                process.life.is_over = True
                self._ends()
                self.world.unknown_sends += self.world.in_flight is OperationKind.SEND

    def _ends(self) -> None:
        self._unsafe |= self.journal_trouble.lately
        self._unkept |= self.store_trouble.lately

    async def _do_it(self, fault: Fault) -> None:
        match fault.kind:
            case Process.KILL:
                for process in self.processes:
                    if process.life.is_over:
                        await process.life.end()
                await self._again()
            case Process.SIGTERM:
                for process in self.processes:
                    if not process.life.is_over and not process.ending:
                        stopping = asyncio.ensure_future(process.stop())
                        while not stopping.done():
                            await self._step(self.clock.monotonic() + 1.0)
                        self._ends()
                        with suppress(asyncio.CancelledError):  # it was killed meanwhile
                            await stopping
                await self._again()
            case Process.LEASE_LOST:
                self.world.unknown_sends += self.world.under_way is OperationKind.SEND
                self._ends()
                self._lose_lease()
                await self._start()
            case Platform.MOVED:
                before = self.post.place
                self.post.frozen |= set(self.post.messages)
                self.post.place = replace(before, chat_id="c2")
                for process in self.processes:
                    if not process.life.is_over and not process.life.stands_still:
                        await process.moved(before)

    async def _again(self) -> None:
        if any(not process.life.is_over for process in self.processes):
            return
        await self.clock.advance(RESTART_S)
        self._restarts += 1
        await self._start()
        if not self.confirmed:
            await self.processes[-1].offered()

    def _lose_lease(self) -> None:
        """It stands still for so long that another process takes over."""
        for process in self.processes:
            if not process.life.is_over:
                process.life.stand_still()
                self.clock.call_at(self.clock.now + _STANDS_STILL_S, process.life.go_on)


def played(case: Case, kept: Callable[[CaseClock], Kept] | None = None) -> Evidence:
    """Plays it on a loop of its own."""
    return asyncio.run(Play(case, kept).run())
