"""Which model a question is answered with, and whose the tokens are."""

from __future__ import annotations

import logging

import pytest

from core.configuration import ModelChoice
from core.messages import PlaceKind
from core.ports.completions import Answering, ModelError, ModelErrorKind, Usage
from tests.service.conftest import Bot, cut_short, shut


async def test_a_question_is_answered_with_what_is_chosen_as_its_turn_begins(bot: Bot) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    first = await bot.asked(surface, "one")
    await bot.say(surface, "two")  # waits behind the first
    bot.choice = ModelChoice("home/b", temperature=0.5, max_tokens=9, system_prompt="Rhyme.")
    first.finish("Done.")
    await bot.clock.advance(2.0)
    second = await bot.model.opened()
    assert (first.request.model, first.prompt) == ("scripted", ["one"])
    assert (second.request.model, second.request.temperature, second.request.max_tokens) == ("home/b", 0.5, 9)
    assert second.prompt == ["Rhyme.", "one", "Done.", "two"]


async def test_a_prompt_has_the_budget_of_its_model() -> None:
    bot = Bot(choice=ModelChoice("small", prompt_tokens=250), summaries=False)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    for number in range(4):
        await bot.answered(surface, f"{number} " + "q" * 200, "a" * 200)
    assert len((await bot.asked(surface, "now?")).prompt) == 5
    await shut(bot)


async def test_what_a_model_refused_is_remembered_of_that_model_alone() -> None:
    bot = Bot(summaries=False)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    for number in range(4):
        await bot.answered(surface, f"{number} " + "q" * 400, "a" * 400)
    stream = await bot.asked(surface, "now?")
    stream.emit(ModelError(ModelErrorKind.CONTEXT_TOO_LONG, ""))
    (await bot.model.opened()).finish("Fine.")
    await bot.clock.advance(2.0)
    bot.choice = ModelChoice("home/big")
    assert len((await bot.asked(surface, "next?")).prompt) == 11


async def test_tokens_of_a_model_that_gave_nothing_count_beside_those_of_the_one_that_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    bot = Bot(daily_tokens=10_000)
    stream = await bot.asked(bot.surface(), "hello")
    for event in (Answering("one/a"), Usage(30, 12), Answering("two/b")):
        stream.emit(event)
    stream.say("Yes.")
    stream.emit(Usage(5, 1))
    stream.finish()
    await bot.clock.advance(2.0)
    assert await bot.spent() == 30 + 12 + 5 + 1
    assert any("by two/b: complete" in record.getMessage() for record in caplog.records)
    await shut(bot)


async def test_tokens_counted_of_a_model_that_gave_nothing_leave_the_days_limit_in_force() -> None:
    """What was counted earlier is no licence for what streams now."""
    bot = Bot(daily_tokens=1_000, choice=ModelChoice("one/a", max_tokens=100))
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    for event in (Answering("one/a"), Usage(600, 50), Answering("two/b")):
        stream.emit(event)
    for _ in range(200):
        stream.say("word " * 4)
    await stream.closed.wait()
    await bot.clock.advance(5.0)
    assert cut_short() in surface.texts[-1]
    assert await bot.spent() <= 1_000 + 4  # the delta that went beyond it
    await shut(bot)


async def test_an_error_of_the_next_model_keeps_what_the_first_was_counted_for() -> None:
    bot = Bot(daily_tokens=10_000)
    stream = await bot.asked(bot.surface(), "hello")
    for event in (Answering("one/a"), Usage(30, 12), ModelError(ModelErrorKind.RATE_LIMITED, "")):
        stream.emit(event)
    await bot.clock.advance(2.0)
    assert await bot.spent() == 42
    await shut(bot)
