"""A store that fails costs nobody an answer."""

from __future__ import annotations

from core.adapters.steady_store import SteadyStore
from core.catalogue import say
from core.messages import MessageRef, PlaceKind
from tests.service.conftest import Bot, shut
from tests.store.test_steady_store import Flaky


async def test_answers_go_on_and_nothing_is_called_done_that_is_not() -> None:
    bot = Bot()
    flaky = Flaky()
    bot.store = SteadyStore(flaky)
    bot = Bot(before=bot)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.answered(surface, "one", "First.")
    flaky.down = True
    shown = await bot.answered(surface, "two", "Second.")
    assert bot.model.streams[-1].prompt == ["one", "First.", "two"]
    await bot.press_label(surface, shown, say("button.retry"))
    (await bot.model.opened()).finish("Another second.")
    await bot.clock.advance(2.0)
    assert surface.texts == ["First.", "Another second."]
    assert await bot.chat.exchanges.undo(bot.caller(surface)) == "not_stored"
    await bot.clock.advance(2.0)
    assert surface.texts == ["First.", "Another second."]
    flaky.down = False
    await bot.answered(surface, "three", "Third.")
    await shut(bot)
    bot = Bot(before=bot)
    stream = await bot.asked(surface, "four")
    assert stream.prompt == ["one", "First.", "two", "Another second.", "three", "Third.", "four"]
    assert MessageRef("c1", "m2") == shown
    await shut(bot)
