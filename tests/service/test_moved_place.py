"""A group that has another id from now on."""

from __future__ import annotations

from core.conversation.history import lane_of
from core.messages import PlaceMoved
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, Bot


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
