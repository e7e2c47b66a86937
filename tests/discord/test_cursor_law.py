"""The law of cursors: what is written is never beyond a message that the journal does not keep and that the
core has not dealt with; in whatever order messages come, whenever the store fails, whenever the process dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bots.discord.breaker import Breaker
from bots.discord.identifies import Identifies
from bots.discord.listener import Listener
from core.adapters.memory_journal import JournalState, MemoryJournal
from core.commands.registry import registry
from core.messages import Addressed, Incoming, IncomingMessage, MessageRef, Person, Place, PlaceKind
from core.ports.alerts import LoggedAlerts
from core.ports.journal import STARTS, Left, Received
from core.ports.store import StoreError
from core.ports.surface import Surface, no_suggestions
from tests.fakes.clock import FakeClock, settle

ME = 9
PERSON = "5"
ACCOUNT = f"discord:{ME}"
CHANNELS = ("30", "31")
FIRST_ID = 100
LATE_S = 4.9
"""A message comes no later than this after it was said: the second time around."""


class Store(StrEnum):
    WORKS = "works"
    FAILS = "fails"
    UNSURE = "unsure"
    """What is written is kept, and said not to be."""
    NO_MESSAGES = "no messages"
    """All but messages can be kept: those take too long."""


class Journal(MemoryJournal):
    """A process's, over a store that all processes share."""

    def __init__(self, world: World) -> None:
        super().__init__(world.state, clock=world.clock)
        self._world = world

    def _check(self, *, done: bool = False) -> None:
        if self._world.store is (Store.UNSURE if done else Store.FAILS):
            raise StoreError("no")

    async def receive(self, events: Sequence[Received]) -> tuple[Received, ...]:
        self._check()
        if self._world.store is Store.NO_MESSAGES:
            raise StoreError("no")
        found = await super().receive(events)
        self._check(done=True)
        return found

    async def was_handled(self, account: str, event_id: str) -> bool:
        self._check()
        return await super().was_handled(account, event_id)

    async def take_over_events(self, account: str) -> tuple[Left, ...]:
        self._check()
        return await super().take_over_events(account)

    async def handled(self, account: str, ids: Sequence[str], at: float) -> tuple[str, ...]:
        self._check()
        return await super().handled(account, ids, at)

    async def cursors(self, account: str, *, since: float) -> Mapping[str, str]:
        self._check()
        return await super().cursors(account, since=since)

    async def move_cursors(self, account: str, cursors: Mapping[str, str], at: float) -> None:
        self._check()
        await super().move_cursors(account, cursors, at)
        self._check(done=True)


class World:
    """Discord, the store, and one process after the other with a core that deals with what it is told to."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.state = JournalState()
        self.store = Store.WORKS
        self.failed = False
        self.said: dict[str, list[IncomingMessage]] = {channel: [] for channel in CHANNELS}
        self.on_the_way: list[tuple[IncomingMessage, float]] = []
        self.in_hand: list[tuple[IncomingMessage, Surface]] = []
        self.dealt: set[int] = set()
        self._untold: list[str] = []
        self._next_id = FIRST_ID

    async def start(self) -> None:
        self.journal = Journal(self)
        self.listener = listener = Listener(
            self._handle,
            no_suggestions,
            self.clock,
            registry(),
            message_content=True,
            breaker=Breaker(self.clock.monotonic),
            identifies=Identifies(self.journal, self.clock),
            journal=self.journal,
            alerts=LoggedAlerts(),
        )
        me: Any = SimpleNamespace(id=ME)
        listener._connection.user = me
        await listener.remember()
        listener._backfill.begin()
        self._filling = asyncio.create_task(self._fill(listener))
        await settle()

    async def _fill(self, listener: Listener) -> None:
        """As `Backfill.run` does, of a Discord that is always there."""
        await listener.cursors.loaded.wait()
        for channel, at in dict(listener.cursors.held).items():
            missed = [one for one in self.said[channel] if int(one.event_id) > at]
            tasks = [task for task in map(self._hear, missed) if task is not None]
            if tasks:
                await asyncio.wait(tasks)
            listener.cursors.release(channel)
            await listener.cursors.let_go(channel)

    def _hear(self, message: IncomingMessage) -> asyncio.Task[bool] | None:
        if message.author.id != PERSON:  # what `Listener._hear` makes of it
            self.listener.cursors.spoken(message.place.chat_id, int(message.event_id))
            self.listener.cursors.passed(message.place.chat_id, int(message.event_id))
            return None
        if message.addressed is not Addressed.NO:
            self.listener.cursors.spoken(message.place.chat_id, int(message.event_id) - 1)
        return self.listener._take(message)

    async def _handle(self, incoming: Incoming, surface: Surface) -> None:
        assert isinstance(incoming, IncomingMessage)
        if not self.failed:
            assert (ACCOUNT, incoming.event_id) not in self.state.handled, "it was dealt with before"
        self.in_hand.append((incoming, surface))

    async def kill(self) -> None:
        self._filling.cancel()
        for task in (*self.listener._tasks, *self.listener.cursors._beginning):
            task.cancel()
        await settle()
        self.in_hand.clear()
        self._untold.clear()
        self.on_the_way.clear()  # it is told to nobody

    async def cut(self) -> None:
        """The connection is lost, with what was on its way, and there again."""
        self.on_the_way.clear()
        self._filling.cancel()
        await settle()
        self.listener._backfill.begin()
        self._filling = asyncio.create_task(self._fill(self.listener))
        await settle()

    def say(self, channel: str, addressed: bool, author: str = PERSON) -> None:
        event_id = str(self._next_id)
        self._next_id += 1
        place = Place("discord", channel, PlaceKind.SHARED)
        message = IncomingMessage(
            event_id=event_id,
            place=place,
            author=Person("discord", author, "Ada"),
            ref=MessageRef(channel, event_id),
            text="hello",
            addressed=Addressed.MENTION if addressed else Addressed.NO,
        )
        self.said[channel].append(message)
        self.on_the_way.append((message, self.clock.now))

    async def receive(self, which: int) -> None:
        if self.on_the_way:
            message, _ = self.on_the_way.pop(which % len(self.on_the_way))
            self._hear(message)
            await settle()

    async def deal(self, which: int) -> None:
        """The core has answered one, or has nothing to do for it; it tells the journal when it can."""
        if self.in_hand:
            message, surface = self.in_hand.pop(which % len(self.in_hand))
            self.dealt.add(int(message.event_id))
            if surface.capabilities.keeps_events:
                self._untold.append(message.event_id)
        if self.store is Store.WORKS:
            await self.journal.handled(ACCOUNT, self._untold, self.clock.wall())
            self._untold.clear()

    async def tick(self, seconds: float) -> None:
        until = self.clock.now + seconds
        while self.on_the_way and self.on_the_way[0][1] + LATE_S <= until:
            await self.clock.advance(max(0.0, self.on_the_way[0][1] + LATE_S - self.clock.now))
            await self.receive(0)
        await self.clock.advance(until - self.clock.now)

    def of_people(self, channel: str) -> list[IncomingMessage]:
        return [one for one in self.said[channel] if one.author.id == PERSON]

    def check(self) -> None:
        for (_, channel), (cursor, _) in self.state.cursors.items():
            for message in self.of_people(channel):
                name = ACCOUNT, message.event_id
                if int(message.event_id) <= int(cursor) and int(message.event_id) not in self.dealt:
                    assert name in self.state.waiting or name in self.state.handled, message.event_id


say = st.tuples(st.just("say"), st.sampled_from(CHANNELS), st.booleans(), st.sampled_from([PERSON, str(ME)]))
receive = st.tuples(st.just("receive"), st.integers(0, 5))
deal = st.tuples(st.just("deal"), st.integers(0, 5))
tick = st.tuples(st.just("tick"), st.sampled_from([0.3, 2.0, 5.0, 11.0]))
store = st.tuples(st.just("store"), st.sampled_from(Store))
kill = st.tuples(st.just("kill"))
cut = st.tuples(st.just("cut"))


async def play(steps: list[tuple[Any, ...]]) -> None:
    world, kills = World(), 1  # the one at the end
    await world.start()
    for channel in CHANNELS:  # somebody spoke to the bot in each
        world.say(channel, addressed=True)
        await world.receive(0)
        await world.deal(0)
    for name, *arguments in steps:
        if name == "say":
            world.say(*arguments)
        elif name == "store":
            [world.store] = arguments
            world.failed = world.failed or world.store is not Store.WORKS
        elif name == "kill":
            kills += 1
            if kills == STARTS:  # what so many leave is given up
                break
            await world.kill()
            world.check()
            await world.start()
        else:
            await getattr(world, name)(*arguments)
        world.check()
    for _ in range(3):  # whatever is to be written by now is written
        await world.tick(11.0)
        world.check()
    world.store = Store.WORKS
    await world.tick(60.0)
    await world.kill()
    await world.start()
    await world.tick(60.0)
    while world.in_hand:
        await world.deal(0)
    world.check()
    assert world.dealt == {int(one.event_id) for channel in CHANNELS for one in world.of_people(channel)}
    await world.kill()


_BEFORE_THE_GAP_IS_KNOWN = [
    ("tick", 11.0),
    ("say", CHANNELS[0], True),
    ("store", Store.FAILS),
    ("kill",),
    ("tick", 4.5),
    ("say", CHANNELS[0], True),
    ("receive", 0),
    ("store", Store.WORKS),
    ("tick", 2.0),
]
_WHILE_NOTHING_CAN_BE_READ = [
    ("store", Store.FAILS),
    ("kill",),
    ("say", CHANNELS[0], False),
    ("receive", 0),
    ("store", Store.WORKS),
    ("tick", 11.0),
    ("say", CHANNELS[0], False),
    ("tick", 11.0),
    ("tick", 11.0),
]


_OLDER_COMES_LATE = [
    ("tick", 3.5),
    ("say", CHANNELS[0], False),
    ("say", CHANNELS[0], False),
    ("receive", 1),
    ("tick", 2.0),
]
_OLDER_IS_CUT_OFF = [*_OLDER_COMES_LATE[:-1], ("cut",), ("tick", 11.0), ("tick", 11.0), ("kill",)]
_NOT_KEPT = [("store", Store.NO_MESSAGES), ("say", CHANNELS[0], False), ("receive", 0)]


@settings(max_examples=60)
@example(_OLDER_COMES_LATE)
@example(_OLDER_IS_CUT_OFF)
@example(_NOT_KEPT)
@example(_BEFORE_THE_GAP_IS_KNOWN)
@example(_WHILE_NOTHING_CAN_BE_READ)
@given(
    st.lists(st.one_of(say, say, receive, receive, deal, tick, store, kill, cut), min_size=10, max_size=30)
)
def test_no_cursor_is_written_beyond_what_could_be_lost(steps: list[tuple[Any, ...]]) -> None:
    asyncio.run(play(steps))
