"""A conversation pauses after a silence; that is said, and it can be taken up again."""

from __future__ import annotations

import pytest

from core.catalogue import say
from core.messages import MessageRef, PlaceKind
from tests.service.conftest import ADA, BEN, Bot, shut

HOUR_S = 3_600.0


async def test_an_hours_silence_in_a_channel_is_said_and_can_be_bridged(bot: Bot) -> None:
    surface = bot.surface()
    await bot.answered(surface, "old", "Old answer.")
    await bot.clock.advance(HOUR_S + 10.0)
    await bot.answered(surface, "new", "New answer.")
    assert bot.model.streams[-1].prompt == ["new"]
    assert surface.texts.count(say("paused")) == 1
    [notice] = [key for key, shown in surface.messages.items() if shown.content.body.text == say("paused")]
    assert await bot.press(surface, MessageRef("c1", notice), author=BEN) == [say("resume.not_yours")]
    assert await bot.press(surface, MessageRef("c1", notice)) == [say("resume.done")]
    assert await bot.press(surface, MessageRef("c1", notice)) == [say("resume.over")]
    expected = ["old", "Old answer.", "new", "New answer.", "and?"]
    assert (await bot.asked(surface, "and?")).prompt == expected


async def test_the_first_question_of_all_says_nothing_of_a_pause(bot: Bot) -> None:
    surface = bot.surface()
    await bot.answered(surface, "one", "First.")
    await bot.clock.advance(HOUR_S - 60.0)
    await bot.answered(surface, "two", "Second.")
    assert surface.texts == ["First.", "Second."]


@pytest.mark.parametrize(("pause_s", "paused"), [(None, False), (600.0, True)])
async def test_a_private_chat_pauses_by_setting(pause_s: float | None, paused: bool) -> None:
    bot = Bot(private_pause_s=pause_s)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.answered(surface, "one", "First.")
    await bot.clock.advance(601.0)
    assert (await bot.asked(surface, "two")).prompt == (["two"] if paused else ["one", "First.", "two"])
    await bot.clock.advance(2.0)
    assert (say("paused") in surface.texts) is paused
    await shut(bot)


async def test_what_is_still_being_answered_comes_along_when_a_conversation_is_resumed(bot: Bot) -> None:
    """The offer to go on stands there before the answer does."""
    surface = bot.surface()
    await bot.answered(surface, "old", "Old answer.")
    await bot.clock.advance(HOUR_S + 10.0)
    stream = await bot.asked(surface, "new")
    await bot.clock.advance(2.0)
    [notice] = [key for key, shown in surface.messages.items() if shown.content.body.text == say("paused")]
    assert await bot.press(surface, MessageRef("c1", notice)) == []
    stream.finish("New answer.")
    await bot.clock.advance(5.0)
    expected = ["old", "Old answer.", "new", "New answer.", "and?"]
    assert (await bot.asked(surface, "and?")).prompt == expected


async def test_to_choose_a_model_after_a_silence_does_not_hide_the_offer_to_go_on(bot: Bot) -> None:
    surface = bot.surface()
    await bot.answered(surface, "old", "Old answer.")
    await bot.clock.advance(HOUR_S + 10.0)
    chosen = await bot.chat.conversation_of(surface.place, ADA)
    assert chosen == await bot.chat.conversation_of(surface.place, ADA)
    await bot.answered(surface, "new", "New answer.")
    assert surface.texts.count(say("paused")) == 1
    assert await bot.chat.conversation_of(surface.place, ADA) == chosen
    [notice] = [key for key, shown in surface.messages.items() if shown.content.body.text == say("paused")]
    assert await bot.press(surface, MessageRef("c1", notice)) == [say("resume.done")]
