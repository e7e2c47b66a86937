"""Continue: an answer that was cut goes on, once, and its button goes."""

from __future__ import annotations

import asyncio

import pytest

from core.catalogue import say
from core.messages import MessageDeleted, MessageRef, PlaceKind
from core.ports.completions import FinishReason
from tests.service.conftest import BEN, Bot, Yielding, mark, shut


async def test_continue_after_the_length_limit_works_in_a_channel_and_after_a_restart(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "a tale")
    stream.finish("It was a dark night, and", reason=FinishReason.LENGTH)
    await bot.clock.advance(2.0)
    shown = MessageRef("c1", "m1")
    [button] = surface.messages["m1"].content.buttons
    assert button.label == say("button.continue")
    await shut(bot)
    bot = Bot(before=bot)
    assert await bot.press(surface, shown, author=BEN) == [say("continue.not_yours")]
    assert await bot.press(surface, shown) == []
    stream = await bot.model.opened()
    assert stream.prompt == ["a tale", "It was a dark night, and", say("continue.question")]
    assert not surface.messages["m1"].content.buttons
    assert await bot.press_data(surface, shown, button.data) == [say("continue.already")]
    stream.finish("then it dawned.")
    await bot.clock.advance(2.0)
    assert surface.texts[-1] == "then it dawned."
    assert (await bot.asked(surface, "more")).prompt[-2:] == ["then it dawned.", "more"]
    await shut(bot)


@pytest.mark.parametrize("refusal", ["frozen", "rejected", "message_gone", "unknown_taken", "unavailable"])
async def test_an_answer_whose_button_cannot_be_taken_away_loses_nothing(bot: Bot, refusal: str) -> None:
    surface = bot.surface()
    (await bot.asked(surface, "a tale")).finish("It was a dark night, and", reason=FinishReason.LENGTH)
    await bot.clock.advance(2.0)
    text = surface.texts[0]
    surface.failures += [refusal] * 2
    await bot.press(surface, MessageRef("c1", "m1"))
    surface.failures.clear()
    (await bot.model.opened()).finish("then it dawned.")
    await bot.clock.advance(60.0)
    assert surface.texts == [text, "then it dawned."]
    gone = refusal in {"unknown_taken", "unavailable"}
    assert bool(surface.messages["m1"].content.buttons) is not gone


async def test_an_answer_that_a_shutdown_interrupted_goes_on_after_the_restart(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "a tale")
    stream.say("It was a dark and stormy night, and")
    await bot.clock.advance(3.0)
    now = bot.clock.monotonic()
    stopped = asyncio.ensure_future(bot.chat.stop(streams_until=now, marks_until=now + 5.0))
    await bot.clock.advance(6.0)
    assert await stopped == 0
    bot = Bot(before=bot)
    assert await bot.press_label(surface, MessageRef("c1", "m1"), say("button.continue")) == []
    prompt = (await bot.model.opened()).prompt
    assert prompt == ["a tale", "It was a dark and stormy night, and", say("continue.question")]
    await shut(bot)


@pytest.mark.parametrize("times", [1, 2])
async def test_what_goes_on_ends_when_the_question_is_deleted(bot: Bot, times: int) -> None:
    surface = bot.surface()
    await bot.answered(surface, "before", "Before.")
    stream = await bot.asked(surface, "a tale")
    for number in range(times):
        stream.finish(f"Part {number}, and", reason=FinishReason.LENGTH)
        await bot.clock.advance(5.0)
        ref = MessageRef("c1", list(surface.messages)[-1])
        assert await bot.press_label(surface, ref, say("button.continue")) == []
        stream = await bot.model.opened()
    stream.say("it went on")
    await bot.clock.advance(5.0)
    await bot.handle(MessageDeleted(bot.event_id(), surface.place, MessageRef("c1", "u2")), surface)
    assert stream.closed.is_set()
    await bot.clock.advance(5.0)
    assert surface.texts[-1] == f"it went on\n\n{mark('ending.stopped')}"
    assert list(surface.messages.values())[-1].content.buttons == ()
    prompt = (await bot.asked(surface, "more")).prompt
    assert prompt == ["before", "Before.", "more"]


async def test_what_waits_to_go_on_is_dropped_when_the_question_is_deleted(bot: Bot) -> None:
    surface = bot.surface()
    (await bot.asked(surface, "a tale")).finish("Part 1, and", reason=FinishReason.LENGTH)
    await bot.clock.advance(5.0)
    other = await bot.asked(surface, "something else")
    await bot.press_label(surface, MessageRef("c1", "m1"), say("button.continue"))
    await bot.handle(MessageDeleted(bot.event_id(), surface.place, MessageRef("c1", "u1")), surface)
    assert not other.closed.is_set(), "somebody asked that, whatever it comes after"
    other.finish("Else.")
    await bot.clock.advance(30.0)
    assert len(bot.model.streams) == 2
    assert surface.texts[-1] == "Else."


async def test_the_answer_to_a_deleted_question_goes_on_no_more(bot: Bot) -> None:
    """The model would not know with what."""
    surface = bot.surface()
    (await bot.asked(surface, "a tale")).finish("Part 1, and", reason=FinishReason.LENGTH)
    await bot.clock.advance(5.0)
    await bot.handle(MessageDeleted(bot.event_id(), surface.place, MessageRef("c1", "u1")), surface)
    assert await bot.press_label(surface, MessageRef("c1", "m1"), say("button.continue")) == [
        say("continue.over")
    ]
    await bot.clock.advance(5.0)
    assert surface.messages["m1"].content.buttons == ()
    assert len(bot.model.streams) == 1


async def test_two_presses_at_once_have_an_answer_go_on_once() -> None:
    bot = Bot(store=Yielding())
    surface = bot.surface()
    stream = await bot.asked(surface, "a tale")
    stream.finish("It was a dark night, and", reason=FinishReason.LENGTH)
    await bot.clock.advance(2.0)
    ref, continuing = MessageRef("c1", "m1"), bot.chat.continuing
    said = await asyncio.gather(*(continuing.go_on(bot.caller(surface), ref) for _ in range(2)))
    assert sorted(said) == ["", "continue.already"]
    (await bot.model.opened()).finish("then it dawned.")
    await bot.clock.advance(5.0)
    assert len(bot.model.streams) == 2
    await shut(bot)


@pytest.mark.parametrize("reason", [FinishReason.LENGTH, FinishReason.STOP])
async def test_what_stands_again_after_a_variant_without_text_goes_on_if_it_was_cut(
    bot: Bot, reason: FinishReason
) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    (await bot.asked(surface, "a tale")).finish("It was a dark night, and", reason=reason)
    await bot.clock.advance(2.0)
    shown = MessageRef("c1", "m1")
    await bot.press_label(surface, shown, say("button.retry"))
    await bot.model.opened()
    await bot.command(surface, "stop")
    await bot.clock.advance(3.0)
    assert surface.texts[0].startswith("It was a dark night, and")
    cut = reason is FinishReason.LENGTH
    assert (say("button.continue") in [one.label for one in surface.messages["m1"].content.buttons]) is cut
    if cut:
        await bot.press_label(surface, shown, say("button.continue"))
        stream = await bot.model.opened()
        assert stream.prompt == ["a tale", "It was a dark night, and", say("continue.question")]
