"""One case of the matrix, played over sockets: the whole service behind the real libraries, on a local
platform that breaks. What is killed is all that began within a process, with its sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from core.adapters.steady_store import SteadyStore
from core.configuration import Live, ModelChoice
from core.conversation.history import lane_of
from core.messages import Incoming, IncomingCommand, IncomingMessage, Place
from core.policy.access import Access
from core.ports.journal import Journal
from core.ports.store import Message, Store
from core.ports.surface import Surface
from core.service.chat import ChatService
from core.service.choosing import Choices
from core.service.driver import Driver
from core.streaming.operations import OperationKind
from tests.commands.parts import Parts
from tests.fakes.faulty_model import FaultyModel
from tests.fakes.mortal import OneOfSeveral, several
from tests.fakes.moved_clock import MovedClock
from tests.faults.cases import DELTAS, At, Case, Fault, Moment, Platform, Process
from tests.faults.play import EVERY_S, MARKS_S, PATIENCE_S, STREAMS_S, Evidence, in_memory
from tests.faults.points import Points
from tests.faults.sites import site, small_pages
from tests.service.conftest import configured

SPEED: Final = 40.0
_LOOK_EVERY_S: Final = 0.1
_WAITS_S: Final = 0.5
"""Where nobody is at work and no timer is due sooner, time is moved on to the next."""
_AFTER_S: Final = 30.0


class _Surface:
    """The real one, which says what it is about to ask."""

    def __init__(self, play: Play, process: _Process, inner: Any) -> None:
        self._play, self._process, self._inner = play, process, inner
        self._held = process.life.of(inner)

    def __getattr__(self, name: str) -> Any:
        if name == "alternate":
            other = self._inner.alternate
            return None if other is None else _Surface(self._play, self._process, other)
        found = getattr(self._held, name)
        if name not in {"send", "edit"}:
            return found

        async def asked(*args: Any, **named: Any) -> Any:
            with self._play.under_way(OperationKind.SEND if name == "send" else OperationKind.EDIT):
                return await found(*args, **named)

        return asked


class _Process:
    def __init__(self, play: Play, store: Store, journal: Journal) -> None:
        self.play = play
        self.life = OneOfSeveral()
        self.handling = 0
        clock, held = self.life.clock(play.clock), self.life.of(journal)
        steady = SteadyStore(self.life.of(store), clock)
        live, access = Live(configured(ModelChoice("scripted"))), Access(allow_everybody=True)
        parts = Parts(clock, steady, live)
        self.bot = play.site.bot(clock, held)
        self.chat = ChatService(
            completions=play.model,
            choices=Choices(steady, live),
            driver=Driver(clock),
            clock=clock,
            access=access,
            spending=parts.spending,
            store=steady,
            journal=held,
            book=parts.usage.book,
        )
        self._dispatcher = parts.dispatcher(self.chat, access)
        self._known = asyncio.Event()

    async def begin(self) -> None:
        """As in bots/serving.py."""
        with suppress(asyncio.CancelledError):  # it was killed meanwhile
            await self.life.run(self._begin())

    async def _begin(self) -> None:
        await self.bot.start(self._handle)
        self.play.account = self.bot.account
        await self.chat.recovery.begin(self.bot.account, self._reopen)
        self._known.set()
        self._watch = asyncio.ensure_future(self.chat.recovery.run())

    def _reopen(self, place: Place, address: str, *, in_doubt: bool = False) -> Surface | None:
        found = self.bot.reopen(place, address, in_doubt=in_doubt)
        return None if found is None else self._watched(found)

    async def _handle(self, incoming: Incoming, surface: Surface) -> None:
        await self._known.wait()
        if isinstance(incoming, IncomingMessage | IncomingCommand):
            self.play.question = incoming
        self.handling += 1
        await self._dispatcher.handle(incoming, self._watched(surface))
        self.handling -= 1

    def _watched(self, surface: Surface) -> Surface:
        return _Surface(self.play, self, surface)

    async def stop(self) -> None:
        await self.life.run(self._stop())
        await self.die()

    async def _stop(self) -> None:
        await self.bot.stop_listening()
        now = self.play.clock.monotonic()
        await self.chat.stop(streams_until=now + STREAMS_S, marks_until=now + STREAMS_S + MARKS_S)
        await self.bot.close()

    async def die(self) -> None:
        self.life.is_over = True
        await self.life.end()
        await self.play.site.hang_up(self.bot)

    @property
    def idle(self) -> bool:
        at_work = self.handling or self.chat._tasks._running or self.chat.records._waiting
        return self._known.is_set() and not at_work


class Play:
    """The model is `FaultyModel`: the real client's bytes, without a socket beneath them."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.clock = MovedClock(speed=SPEED)
        self.site = site(case.on, self.clock)
        self.site.shown = self._taken
        self.points = Points(case.faults, self._begin)
        self.model = FaultyModel(
            self.clock,
            DELTAS,
            [fault for one in case.faults if (fault := one.of_model)],
            every_s=EVERY_S,
            reached=self.points.reached,
        )
        self.kept = in_memory(self.clock, alone=True)
        self.question: IncomingMessage | IncomingCommand | None = None
        self.account = ""
        self.operations = -1
        self.operation: OperationKind | None = None  # under way
        self._processes: list[_Process] = []
        self._deeds: list[Fault] = []
        self._struck: list[Fault] = []
        self._unheard = 0

    @contextmanager
    def under_way(self, kind: OperationKind) -> Iterator[None]:
        self.operation = kind
        self.operations += 1
        self.points.committed(self.operations)
        try:
            yield
        finally:
            self.operation = None

    async def run(self) -> Evidence:
        several(asyncio.get_running_loop())
        await self.site.start()
        try:
            await self._start()
            asking = asyncio.ensure_future(self.site.ask())
            over = await self._to_the_end()
            asking.cancel()
            return await self._evidence(over)
        finally:
            await self._processes[-1].die()
            await self.model.aclose()
            await self.site.stop()

    async def _start(self) -> None:
        process = _Process(self, *await self.kept.open())
        self._processes.append(process)
        await process.begin()

    async def _evidence(self, over: bool) -> Evidence:
        """Another process must find nothing left to do, and whatever is told to it again, old."""
        processes = len(self._processes)
        left = self.kept.left() if self.kept.left else ()
        store, journal = await self.kept.open()
        unhandled = await journal.unhandled(self.account)
        asked, said = len(self.site.asked), len(self.model.said)
        self.clock.move(_AFTER_S)
        await self._pass(1.0)
        await self._processes[-1].die()
        await self._start()
        await self._pass(3.0)
        path: tuple[Message, ...] = ()
        if self.question is not None:
            place = self.site.now_at(self.question.place)
            lane = await store.lane(lane_of(place, self.question.author))
            if lane is not None and lane.leaf_id is not None:
                path = await store.path(lane.leaf_id)
        return Evidence(
            self.case,
            self.site,
            self.model.said,
            path,
            (*self._struck, *self.site.struck),
            self.model.open_streams,
            left,
            unhandled,
            over,
            len(self.model.said) - said,
            len(self.site.asked) - asked,
            restarts=processes - 1,
            processes=processes,
            unknown_sends=self._unheard + self.site.taken_unheard,
            renderer=self.site.renderer,
        )

    async def _to_the_end(self) -> bool:
        """Whether all came to an end."""
        until = self.clock.monotonic() + PATIENCE_S
        while self.clock.monotonic() < until:
            for fault in [one for one in self._deeds if self.site.may_do(one)]:
                self._deeds.remove(fault)
                await self._do(fault)
            if self.question is not None and await self._is_quiet():
                return True
            await self._pass(_LOOK_EVERY_S)
            if self.operation is None and self.site.heard:
                self._hurry()
        return False

    async def _is_quiet(self) -> bool:
        if not self._processes[-1].idle or (self.kept.left and self.kept.left()):
            return False
        _, journal = await self.kept.open()
        return not await journal.unhandled(self.account)

    async def _pass(self, seconds: float) -> None:
        await self.clock.sleep_until(self.clock.monotonic() + seconds)

    def _hurry(self) -> None:
        due = min((timer.at for timer in self.clock._timers if not timer.over), default=0.0)
        if (ahead := due - self.clock.monotonic()) > _WAITS_S:
            self.clock.move(ahead)

    # the faults
    def _taken(self) -> None:
        if self.operation is not None:
            self.points.taken(self.operations)

    def _begin(self, fault: Fault) -> None:
        match fault.kind:
            case Platform():
                if not self.site.arm(fault):
                    self._deeds.append(fault)
                return
            case Process.KILL:
                self._processes[-1].life.is_over = True
                never_asked = isinstance(fault.point, Moment) and fault.point.at is not At.IN_FLIGHT
                self._unheard += self.operation is OperationKind.SEND and not never_asked
        self._deeds.append(fault)
        self._struck.append(fault)

    async def _do(self, fault: Fault) -> None:
        match fault.kind:
            case Process.KILL:
                await self._processes[-1].die()
                await self._start()
            case Process.SIGTERM:
                await self._processes[-1].stop()
                await self._start()
            case Platform():
                await self.site.do(fault)


def played(case: Case) -> Evidence:
    """Plays it on a loop of its own."""
    with small_pages():
        return asyncio.run(_played(case))


async def _played(case: Case) -> Evidence:
    return await Play(case).run()
