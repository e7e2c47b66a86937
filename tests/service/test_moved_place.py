"""A group that has another id from now on."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.adapters.steady_store import SteadyStore
from core.conversation.history import lane_of
from core.messages import MessageRef, PlaceMoved
from core.ports.journal import Received
from core.ports.store import StoreError
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, BEN, Bot, shut
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


async def test_what_stands_in_the_new_chat_is_not_taken_for_what_stood_in_the_old_one(bot: Bot) -> None:
    """Its messages may have the same ids."""
    old, new = bot.surface("c1"), bot.surface("c2")
    await bot.answered(old, "one", "First.")
    await moved(bot, old, new)
    await bot.answered(new, "another", "Ben's.", author=BEN)
    assert list(new.messages) == list(old.messages)
    assert await bot.chat.exchanges.undo(bot.caller(new)) == "undo.done"
    await bot.clock.advance(2.0)
    assert new.texts == ["Ben's."]


async def test_an_answer_is_found_in_the_new_chat_that_shows_it_before_it_is_told(bot: Bot) -> None:
    """The next edit says so first."""
    old, new = bot.surface("c1"), bot.surface("c2")
    stream = await bot.asked(old, "one")
    old.place = new.place
    stream.finish("First.")
    await bot.clock.advance(2.0)
    [shown] = old.messages
    await moved(bot, bot.surface("c1"), new)
    await bot.reply(new, "two", MessageRef("c2", shown), author=BEN)
    assert (await bot.model.opened()).prompt == ["Ada: one", "First.", "Ben: two"]


async def test_a_reply_that_was_on_its_way_in_the_old_chat_goes_on_after_what_it_replies_to(bot: Bot) -> None:
    old, new = bot.surface("c1"), bot.surface("c2")
    shown = await bot.answered(old, "one", "First.")
    await moved(bot, old, new)
    await bot.reply(old, "two", shown, author=BEN)
    assert (await bot.model.opened()).prompt[:2] == ["Ada: one", "First."]


async def failing_meanwhile(flaky: Flaky) -> tuple[Bot, FakeSurface, PlaceMoved]:
    """A group moved while the store failed."""
    bot = Bot(store=SteadyStore(flaky))
    old, new = bot.surface("c1"), bot.surface("c2")
    for surface in (old, new):
        surface.capabilities = replace(surface.capabilities, keeps_events=True)
    await bot.answered(old, "one", "First.")
    await bot.chat.choices.choose(f"chat:{old.place}", "busy", "interrupt")
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
    assert bot.chat.choices.busy(new.place) == "interrupt"
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


async def test_what_managers_chose_holds_though_a_new_process_can_only_read_the_store() -> None:
    """The event comes again to a process that has read nothing of the old place."""

    class ReadOnly(Flaky):
        full = False

        async def move_place(self, old: str, new: str) -> None:
            if self.full:
                raise StoreError("the disk is full")
            await super().move_place(old, new)

    store = ReadOnly()
    bot = Bot(store=SteadyStore(store))
    old, new = bot.surface("c1"), bot.surface("c2")
    await store.choose(f"chat:{old.place}", "busy", "interrupt")
    store.full = True
    handling = asyncio.ensure_future(bot.dispatcher.handle(PlaceMoved("moved", new.place, old.place), new))
    await bot.clock.advance(600.0)
    assert (await bot.chat.choices.at(new.place)).busy == "interrupt"
    await store.choose(f"chat:{new.place}", "pause_minutes", "5")
    await bot.chat.choices.choose(f"chat:{new.place}", "language", "de")
    preferences = await bot.chat.choices.at(new.place)
    assert (preferences.busy, preferences.language) == ("interrupt", "de")
    store.full = False
    await bot.clock.advance(10.0)
    await handling
    assert (await bot.chat.choices.at(new.place)).busy == "interrupt"
    assert (await bot.chat.choices.at(old.place)).busy != "interrupt"
    await shut(bot)
