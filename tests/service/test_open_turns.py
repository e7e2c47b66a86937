"""No turn is left open that this process is done with: at each start it would be gone on with again."""

from __future__ import annotations

import asyncio

from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_store import MemoryStore
from core.messages import PlaceKind
from core.ports.journal import KeptTurn
from core.ports.store import Message, Role, Shown
from tests.service.conftest import ADA, Bot, failed, mark, shut


class SlowJournal(MemoryJournal):
    """While it is not `free`, no turn begins to be kept."""

    free: asyncio.Event

    async def begin(self, turn: KeptTurn) -> bool:
        await self.free.wait()
        return await super().begin(turn)


class BrokenStore(MemoryStore):
    """Breaks its contract where it is told to."""

    breaks = ""

    async def summary(self, path_ids: tuple[str, ...]) -> None:
        if self.breaks == "summary":
            raise RuntimeError("what a store never raises")

    async def add(self, message: Message, shown: tuple[Shown, ...] = ()) -> None:
        if self.breaks == "add" and message.role is Role.ASSISTANT:
            raise RuntimeError("what a store never raises")
        await super().add(message, shown)


async def test_who_stops_an_answer_before_it_begins_sees_that() -> None:
    before = Bot()
    journal = SlowJournal(before.journal_state, clock=before.clock)
    journal.free = asyncio.Event()
    bot = Bot(before=before, journal=journal)
    surface = bot.surface()
    await bot.say(surface, "first?")
    assert bot.chat.exchanges.stop(surface.place, ADA) == "stop.done"
    journal.free.set()
    await bot.clock.advance(1.0)
    assert surface.texts == [mark("ending.stopped")]
    assert (bot.model.streams, bot.journal_state.turns) == ([], {})
    await shut(bot)


async def test_a_forgotten_question_that_is_kept_only_afterwards_is_over() -> None:
    before = Bot()
    journal = SlowJournal(before.journal_state, clock=before.clock)
    journal.free = asyncio.Event()
    journal.free.set()
    bot = Bot(before=before, journal=journal)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.asked(surface, "first?")
    journal.free.clear()
    await bot.say(surface, "second?")
    await bot.chat.forgotten(str(ADA))
    journal.free.set()
    await bot.clock.advance(10.0)
    assert bot.journal_state.turns == {}
    await shut(bot)


async def test_who_asked_is_told_of_a_turn_that_fails_before_anything_is_shown() -> None:
    store = BrokenStore()
    store.breaks = "summary"
    bot = Bot(store=store)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.say(surface, "a tale?")
    await bot.clock.advance(10.0)
    assert surface.texts == [failed("unexpected")]
    assert bot.journal_state.turns == {}
    await shut(bot)


async def test_an_answer_that_cannot_be_kept_is_over_once_it_is_shown() -> None:
    store = BrokenStore()
    store.breaks = "add"
    bot = Bot(store=store)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.answered(surface, "a tale?", "Once upon a time.")
    await bot.clock.advance(10.0)
    assert surface.texts == ["Once upon a time."]
    assert bot.journal_state.turns == {}
    await shut(bot)
