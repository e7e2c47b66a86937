"""What a model thinks before it answers: hidden, unless the operator wants it above the answer."""

from __future__ import annotations

import pytest

from core.catalogue import say
from core.configuration import Defaults
from core.ports.completions import FinishReason, ModelError, ModelErrorKind, ReasoningDelta
from tests.fakes.surface import FakeSurface
from tests.service.conftest import Bot, mark

THOUGHT = "They ask why. Because it floats."
ABOVE = f"({say('reasoning', text=THOUGHT)})\n"


async def thinking(bot: Bot, surface: FakeSurface, *pieces: str) -> None:
    """The answer to a question, of which a part has been thought but nothing written."""
    await bot.say(surface, "why?")
    for piece in pieces:
        bot.model.streams[-1].emit(ReasoningDelta(piece))
        await bot.clock.advance(8.0)


@pytest.mark.parametrize("show_reasoning", [False, True])
async def test_while_the_model_thinks_only_typing_shows(show_reasoning: bool) -> None:
    bot = Bot(defaults=Defaults(show_reasoning=show_reasoning))
    surface = bot.surface()
    await thinking(bot, surface, *THOUGHT.split("."))
    assert surface.texts == []
    assert surface.typings >= 3


async def test_it_is_hidden_by_default(bot: Bot) -> None:
    surface = bot.surface()
    await thinking(bot, surface, THOUGHT)
    bot.model.streams[-1].finish("Because.")
    await bot.clock.advance(2.0)
    assert surface.texts == ["Because."]


async def test_it_stands_above_the_first_text_and_is_never_changed_or_remembered() -> None:
    bot = Bot(defaults=Defaults(show_reasoning=True))
    surface = bot.surface()
    await thinking(bot, surface, *(f"{word} " for word in THOUGHT.split()))
    stream = bot.model.streams[-1]
    for text in ("Because it is so, and ", "for another reason."):
        stream.say(text)
        await bot.clock.advance(3.0)
        stream.emit(ReasoningDelta("And a later thought."))
    stream.finish()
    await bot.clock.advance(2.0)
    [message] = surface.messages.values()
    assert all(text.startswith(f"{ABOVE}Because") for text in message.history)
    assert surface.texts == [f"{ABOVE}Because it is so, and for another reason."]
    await bot.say(surface, "and?")
    assert bot.model.streams[-1].prompt[1] == "Because it is so, and for another reason."


async def test_a_long_answer_has_it_on_its_first_page_alone() -> None:
    bot = Bot(defaults=Defaults(show_reasoning=True))
    surface = bot.surface()
    await thinking(bot, surface, THOUGHT)
    bot.model.streams[-1].finish("A word and another one. " * 300)
    await bot.clock.advance(10.0)
    assert len(surface.texts) >= 4
    assert [text.startswith(ABOVE) for text in surface.texts] == [True] + [False] * (len(surface.texts) - 1)


async def test_thoughts_without_an_answer_end_visibly() -> None:
    bot = Bot(defaults=Defaults(show_reasoning=True))
    surface = bot.surface()
    await thinking(bot, surface, THOUGHT)
    bot.model.streams[-1].emit(ModelError(ModelErrorKind.EMPTY, "no text, finish_reason length"))
    await bot.clock.advance(2.0)
    assert surface.texts == [f"{ABOVE}{mark('ending.empty')}"]


async def test_thoughts_cut_at_the_limit_are_no_answer_either(bot: Bot) -> None:
    surface = bot.surface()
    await thinking(bot, surface, THOUGHT)
    bot.model.streams[-1].finish(reason=FinishReason.LENGTH)
    await bot.clock.advance(2.0)
    assert surface.texts == [mark("ending.empty")]
