"""How everything ends."""

from __future__ import annotations

import asyncio
import logging

import pytest

from core.adapters.memory_journal import JournalState, MemoryJournal
from core.messages import Person, PlaceKind
from core.ports.journal import KeptTurn
from tests.fakes.clock import FakeClock
from tests.service.conftest import BEN, Bot, mark
from tests.service.test_recovery import first, killed, started

LONG = "Water finds its way, slowly and then all at once."


def stopping(bot: Bot) -> asyncio.Task[int]:
    now = bot.clock.monotonic()
    return asyncio.ensure_future(bot.chat.stop(streams_until=now + 4.0, marks_until=now + 7.0))


async def test_streams_may_finish_and_the_rest_is_marked(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bot = Bot()
    finishing, endless, late = bot.surface("a"), bot.surface("b"), bot.surface("c")
    first, second = await bot.asked(finishing, "one"), await bot.asked(endless, "two", author=BEN)
    second.say(LONG)
    await bot.say(endless, "waiting", author=BEN)
    await bot.clock.advance(1.0)
    stopped = stopping(bot)
    await bot.clock.advance(2.0)
    assert "not answered: closing event=3 place=fake:b person=fake:2" in caplog.text
    await bot.say(late, "too late")
    assert len(bot.model.streams) == 2
    first.finish("In time.")
    await bot.clock.advance(1.0)
    assert not second.closed.is_set()
    await bot.clock.advance(1.5)
    assert second.closed.is_set()
    await bot.clock.advance(3.0)
    assert await stopped == 0
    assert finishing.texts == ["In time."]
    assert f"{LONG}\n\n{mark('ending.interrupted')}" in endless.texts
    assert late.texts == []


async def test_nobody_waits_when_nothing_runs() -> None:
    bot = Bot()
    stopped = stopping(bot)
    await bot.clock.advance(0.0)
    assert await stopped == 0


async def test_what_could_not_be_shown_is_counted() -> None:
    bot = Bot()
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    stream = await bot.asked(surface, "one")
    stream.say(LONG)
    await bot.clock.advance(2.0)
    surface.failures.extend(["unavailable"] * 100)
    stopped = stopping(bot)
    await bot.clock.advance(8.0)
    assert await stopped == 1
    assert surface.texts == [LONG]


async def test_what_no_rate_limit_let_it_mark_is_whole_and_marked_after_the_next_start() -> None:
    """Many answers in one channel: their words since the last edit are not lost with the process."""
    before = first()
    surface = before.surface()
    people = [Person("fake", str(number), f"P{number}") for number in range(100, 140)]
    streams = [await before.asked(surface, f"to {person.name}", author=person) for person in people]
    for stream in streams:
        stream.say("A first sentence stands here. ")
    await before.clock.advance(60.0)
    for stream in streams:
        stream.say("And another one.")
    stopped = stopping(before)
    await before.clock.advance(10.0)
    assert await stopped >= 20
    await killed(before)
    bot = await started(before, surface)
    await bot.clock.advance(300.0)
    whole = f"A first sentence stands here. And another one.\n\n{mark('ending.interrupted')}"
    assert surface.texts == [whole] * len(people)
    path = (await bot.asked(surface, "and?", author=people[-1])).prompt
    assert "A first sentence stands here. And another one." in path


async def test_an_answer_that_ended_as_it_could_not_be_shown_is_whole_after_the_next_start() -> None:
    before = first()
    surface = before.surface(kind=PlaceKind.PRIVATE)
    stream = await before.asked(surface, "one")
    stream.say(LONG)
    await before.clock.advance(2.0)
    surface.failures.extend(["unavailable"] * 100)
    stream.finish(" Whole.")
    await before.clock.advance(0.1)
    await killed(before)
    surface.failures.clear()
    bot = await started(before, surface)
    await bot.clock.advance(10.0)
    assert surface.texts == [f"{LONG} Whole."]


async def test_nothing_is_left_running() -> None:
    bot = Bot()
    before = asyncio.all_tasks()
    await bot.asked(bot.surface(), "one")
    stopped = stopping(bot)
    await bot.clock.advance(8.0)
    await stopped
    assert asyncio.all_tasks() == before


class _Slow(MemoryJournal):
    """Keeps a turn late."""

    def __init__(self, state: JournalState, clock: FakeClock) -> None:
        super().__init__(state, clock=clock)
        self.free = asyncio.Event()

    async def begin(self, turn: KeptTurn) -> bool:
        await self.free.wait()
        return await super().begin(turn)


async def test_who_was_not_begun_with_is_answered_by_the_next_process() -> None:
    clock, state = FakeClock(), JournalState()
    journal = _Slow(state, clock)
    bot = Bot(journal=journal, fake_clock=clock)
    bot.journal_state = state
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.say(surface, "one")
    now = clock.monotonic()
    stopped = asyncio.ensure_future(bot.chat.stop(streams_until=now, marks_until=now + 2.5))
    await clock.advance(0.1)
    journal.free.set()
    await clock.advance(8.0)
    assert (await stopped, surface.texts, bot.model.streams) == (0, [], [])
    after = Bot(before=bot)
    await after.chat.recovery.begin("fake:1", lambda place, address, *, in_doubt=False: surface)
    (await after.model.opened()).finish("One.")
    await clock.advance(5.0)
    assert surface.texts == ["One."]
