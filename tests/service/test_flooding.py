"""A flood costs one answer and one notice, and nobody else anything."""

from __future__ import annotations

import asyncio

import pytest

from core.catalogue import say
from core.messages import PlaceKind
from core.policy.flood import MOST, QUIET_S
from tests.service.conftest import BEN, Bot, Held, shut

FLOOD = say("flood", seconds=10)


@pytest.mark.parametrize("kind", [PlaceKind.PRIVATE, PlaceKind.SHARED, PlaceKind.THREAD])
@pytest.mark.parametrize("apart_s", [0.0, 0.01])
async def test_a_hundred_in_a_second_are_answered_once(bot: Bot, kind: PlaceKind, apart_s: float) -> None:
    surface = bot.surface(kind=kind)
    for number in range(100):
        await bot.say(surface, f"question {number}")
        await bot.clock.advance(apart_s)
    await bot.clock.advance(5.0)
    stream = await bot.model.opened()
    assert stream.prompt[-1].endswith("question 0")
    assert surface.texts == [FLOOD]
    stream.finish("Here.")
    await bot.clock.advance(60.0)
    assert surface.texts == [FLOOD, "Here."]
    assert surface.reactions == []
    assert len(bot.model.streams) == 1
    await bot.answered(surface, "and now?", "Yes.")  # it is over
    assert surface.texts[-1] == "Yes."


async def test_it_goes_on_for_as_long_as_something_comes(bot: Bot) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    for _ in range(MOST + 1):
        await bot.say(surface, "again")
    bot.model.streams[0].finish("Here.")
    for _ in range(100):
        await bot.clock.advance(QUIET_S - 1.0)
        await bot.say(surface, "again")
    assert surface.texts == [FLOOD, "Here."]
    assert len(bot.model.streams) == 1


async def test_others_in_the_same_place_are_served(bot: Bot) -> None:
    thread = bot.surface(kind=PlaceKind.THREAD)
    for number in range(40):
        await bot.say(thread, f"flood {number}")
        if number == 5:
            await bot.say(thread, "a question", author=BEN)
    await bot.clock.advance(1.0)
    bot.model.streams[0].finish("First.")
    await bot.clock.advance(3.0)
    assert [stream.prompt[-1] for stream in bot.model.streams] == ["flood 0", "Ben: a question"]


async def test_before_any_was_begun_the_first_is_kept() -> None:
    """While the store is slow, they all are on their way."""
    store = Held()
    bot = Bot(store=store)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.answered(surface, "before", "Yes.")
    store.free.clear()
    for number in range(30):
        await bot.say(surface, f"question {number}")
    store.free.set()
    await bot.clock.advance(2.0)
    assert [stream.prompt[-1] for stream in bot.model.streams] == ["before", "question 0"]
    await shut(bot)


async def test_when_nothing_may_be_spent_a_flood_is_told_so_once() -> None:
    bot = Bot(daily_tokens=0)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    for _ in range(100):
        await bot.say(surface, "hello")
        await asyncio.sleep(0)
    await bot.clock.advance(60.0)
    assert len(surface.texts) == 1
    assert bot.model.streams == []
    await shut(bot)


async def test_each_command_is_answered_where_somebody_waits_for_it(bot: Bot) -> None:
    surface = bot.surface(private_answers=True)
    for _ in range(MOST + 3):
        await bot.command(surface, "ask", {"prompt": "again"})
    await bot.clock.advance(60.0)
    assert surface.texts.count(FLOOD) == 3
    assert len(bot.model.streams) == 1
