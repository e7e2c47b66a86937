"""What came in is handled once nothing of it is left to do; the journal is told so, also late."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_store import MemoryStore
from core.messages import IncomingCommand, PlaceKind
from core.ports.journal import Received
from core.ports.store import Lane, LaneKey, StoreError
from tests.fakes.clock import FakeClock
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, Bot, Yielding


class Flaky(MemoryJournal):
    down = False

    async def handled(self, account: str, ids: Sequence[str], at: float) -> tuple[str, ...]:
        if self.down:
            raise StoreError("the disk is full")
        return await super().handled(account, ids, at)


async def empty_question(bot: Bot, journal: MemoryJournal, surface: FakeSurface, event_id: str) -> None:
    """One that is told that it is empty, and is no turn."""
    await journal.receive([Received("fake:1", event_id, "fake:1", b"", 0.0)])
    await bot.say(surface, " ", event_id=event_id)


async def test_that_an_event_was_handled_is_told_again_until_it_is_kept() -> None:
    clock = FakeClock()
    journal = Flaky(clock=clock)
    bot = Bot(journal=journal, fake_clock=clock)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    surface.capabilities = replace(surface.capabilities, keeps_events=True)
    journal.down = True
    await empty_question(bot, journal, surface, "e1")
    await clock.advance(60.0)
    assert [event.id for event in await journal.unhandled("fake:1")] == ["e1"]
    journal.down = False
    await clock.advance(60.0)
    assert await journal.unhandled("fake:1") == ()
    await empty_question(bot, journal, surface, "e2")
    await clock.advance(1.0)
    assert await journal.unhandled("fake:1") == ()


async def test_a_command_that_asks_later_is_no_duplicate_of_itself() -> None:
    """`/chat` and `/catchup` ask once they have read, which takes a while."""
    clock = FakeClock()
    journal = MemoryJournal(clock=clock)
    bot = Bot(journal=journal, fake_clock=clock, store=Yielding())
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    surface.capabilities = replace(surface.capabilities, keeps_events=True)
    await bot.command(surface, "chat", {"question": "a tale?"})
    await clock.advance(1.0)
    [stream] = bot.model.streams
    stream.finish("Once upon a time.")
    await clock.advance(5.0)
    assert "Once upon a time." in surface.texts


class HeldLanes(MemoryStore):
    """While it is not `free`, whoever asks where a lane ends waits."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()
        self.free.set()

    async def lane(self, key: LaneKey) -> Lane | None:
        await self.free.wait()
        return await super().lane(key)


async def test_what_a_stop_came_in_the_midst_of_is_done_once_and_what_it_refused_is_left() -> None:
    clock, store = FakeClock(), HeldLanes()
    journal = MemoryJournal(clock=clock)
    bot = Bot(journal=journal, fake_clock=clock, store=store)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    surface.capabilities = replace(surface.capabilities, keeps_events=True)
    ref = await bot.answered(surface, "a tale?", "Once upon a time.")
    undo, late = bot.event_id(), bot.event_id()
    for event_id in (undo, late):
        await journal.receive([Received("fake:1", event_id, "fake:1", b"", 0.0)])
    stream = await bot.asked(bot.surface("other"), "another tale?")
    store.free.clear()
    command = IncomingCommand(undo, surface.place, ADA, "undo", {})
    handling = asyncio.ensure_future(bot.dispatcher.handle(command, surface))
    await clock.advance(0.0)
    now = clock.monotonic()
    stopped = asyncio.ensure_future(bot.chat.stop(streams_until=now + 4.0, marks_until=now + 6.0))
    await clock.advance(0.0)
    await bot.say(surface, "too late?", event_id=late)
    store.free.set()
    await clock.advance(1.0)
    stream.finish("The end.")
    await clock.advance(10.0)
    await asyncio.gather(handling, stopped)
    assert ref.message_id not in surface.messages
    assert [event.id for event in await journal.unhandled("fake:1")] == [late]
    await journal.receive([Received("fake:1", "after", "fake:1", b"", 0.0)])
    await bot.handle(IncomingCommand("after", surface.place, ADA, "help", {}), surface)
    await clock.advance(10.0)
    assert [event.id for event in await journal.unhandled("fake:1")] == [late, "after"]
