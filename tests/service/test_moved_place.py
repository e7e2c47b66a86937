"""A group that has another id from now on."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.adapters.steady_store import SteadyStore
from core.conversation.history import lane_of
from core.messages import PlaceMoved
from core.ports.journal import Received
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, Bot, shut
from tests.store.test_steady_store import Flaky


async def moved(bot: Bot, old: FakeSurface, new: FakeSurface) -> None:
    await bot.handle(PlaceMoved(bot.event_id(), new.place, old.place), new)


async def test_the_conversation_goes_on_and_choices_hold(bot: Bot) -> None:
    """Told twice, as Telegram does."""
    old, new = bot.surface("c1"), bot.surface("c2")
    await bot.answered(old, "one", "First.")
    await bot.chat.choices.choose(f"chat:{old.place}", "busy", "interrupt")
    await bot.chat.choices.at(new.place)
    await moved(bot, old, new)
    await moved(bot, old, new)
    assert (await bot.asked(new, "two")).prompt == ["one", "First.", "two"]
    assert bot.chat.choices.busy(new.place) == "interrupt"
    assert bot.chat.choices.busy(old.place) != "interrupt"


async def test_an_answer_that_is_on_its_way_stays_a_part_of_it(bot: Bot) -> None:
    """It is kept where people go on."""
    old, new = bot.surface("c1"), bot.surface("c2")
    stream = await bot.asked(old, "one")
    stream.say("First.")
    await bot.clock.advance(5.0)
    await moved(bot, old, new)
    stream.finish()
    await bot.clock.advance(5.0)
    assert await bot.store.lane(lane_of(old.place, ADA)) is None
    assert (await bot.asked(new, "two")).prompt == ["one", "First.", "two"]


async def failing_meanwhile(flaky: Flaky) -> tuple[Bot, FakeSurface, PlaceMoved]:
    """A group moved while the store failed."""
    bot = Bot(store=SteadyStore(flaky))
    old, new = bot.surface("c1"), bot.surface("c2")
    for surface in (old, new):
        surface.capabilities = replace(surface.capabilities, keeps_events=True)
    await bot.answered(old, "one", "First.")
    flaky.down = True
    event = PlaceMoved("moved", new.place, old.place)
    await bot.journal.receive([Received("fake:1", "moved", "", b"", 0.0)])
    handling = asyncio.ensure_future(bot.dispatcher.handle(event, new))
    await bot.clock.advance(600.0)
    await handling
    return bot, new, event


async def unhandled(bot: Bot) -> list[str]:
    return [event.id for event in await bot.journal.unhandled("fake:1")]


async def test_while_the_store_fails_it_is_tried_until_it_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    flaky = Flaky()
    bot, new, _ = await failing_meanwhile(flaky)
    assert await unhandled(bot) == ["moved"]
    assert sum("cannot be kept now" in record.message for record in caplog.records) == 1
    flaky.down = False
    await bot.clock.advance(10.0)
    assert await unhandled(bot) == []
    assert await flaky.lane(lane_of(new.place, ADA)) is not None
    assert (await bot.asked(new, "two")).prompt == ["one", "First.", "two"]
    await shut(bot)


async def test_a_stop_meanwhile_leaves_it_to_the_next_start() -> None:
    flaky = Flaky()
    bot, new, event = await failing_meanwhile(flaky)
    await shut(bot)
    assert await unhandled(bot) == ["moved"]
    flaky.down = False
    bot = Bot(before=bot)
    await bot.handle(event, new)
    await bot.clock.advance(1.0)
    assert await unhandled(bot) == []
    assert (await bot.asked(new, "two")).prompt == ["one", "First.", "two"]
    await shut(bot)
