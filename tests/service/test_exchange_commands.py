"""/new, /stop, /retry, /continue and /undo, from the event to what people see."""

from __future__ import annotations

import pytest

from core.catalogue import say
from core.messages import MessageRef, PlaceKind, Quote
from tests.service.conftest import BEN, Bot


async def test_new_forgets_what_was_said(bot: Bot) -> None:
    chat = bot.surface("p", PlaceKind.PRIVATE)
    await bot.answered(chat, "one", "1")
    await bot.command(chat, "new")
    await bot.clock.advance(2.0)
    assert chat.texts[-1] == say("new.done")
    assert (await bot.asked(chat, "two")).prompt == ["two"]


async def test_stop_ends_the_answer_and_others_may_not(bot: Bot) -> None:
    group = bot.surface("g")
    stream = await bot.asked(group, "one")
    stream.say("Some text that is long enough to be shown at once. ")
    await bot.clock.advance(3.0)
    await bot.command(group, "stop", author=BEN)
    await bot.clock.advance(3.0)
    assert say("stop.not_yours") in group.texts
    await bot.command(group, "stop")
    await bot.clock.advance(3.0)
    assert group.texts[0].endswith(f"*{say('ending.stopped')}*")


async def test_retry_answers_the_message_that_is_meant_again_in_its_place(bot: Bot) -> None:
    chat = bot.surface("p", PlaceKind.PRIVATE)
    answer = await bot.answered(chat, "one", "1")
    await bot.answered(chat, "two", "2")
    await bot.command(chat, "retry", target=Quote(answer, "Sluice", "1", by_us=True))
    (await bot.model.opened()).finish("uno")
    await bot.clock.advance(3.0)
    assert chat.messages[answer.message_id].content.body.text == "uno"


async def test_undo_takes_the_last_exchange_back(bot: Bot) -> None:
    chat = bot.surface("p", PlaceKind.PRIVATE)
    answer = await bot.answered(chat, "one", "1")
    await bot.command(chat, "undo")
    await bot.clock.advance(3.0)
    assert answer.message_id not in chat.messages
    assert (await bot.asked(chat, "two")).prompt == ["two"]


async def test_what_goes_on_is_said_where_nothing_can(bot: Bot) -> None:
    chat = bot.surface("p", PlaceKind.PRIVATE)
    for name, key in (("continue", "continue.nothing"), ("undo", "undo.nothing"), ("stop", "stop.nothing")):
        await bot.command(chat, name)
        await bot.clock.advance(2.0)
        assert chat.texts[-1] == say(key)
    await bot.answered(chat, "one", "A whole answer.")
    await bot.command(chat, "continue")
    await bot.clock.advance(2.0)
    assert chat.texts[-1] == say("continue.nothing")


@pytest.mark.parametrize("kind", PlaceKind)
async def test_an_answer_that_all_can_see_is_no_private_one_whatever_was_wished(
    bot: Bot, kind: PlaceKind
) -> None:
    """Where nothing can be said to one person alone, "explain" is answered for all, who can go on with it."""
    surface = bot.surface(kind=kind)
    quote = Quote(MessageRef("c1", "x1"), "Cleo", "e = mc2")
    await bot.command(surface, "explain", quote=quote)
    (await bot.model.opened()).finish("It is about energy.")
    await bot.clock.advance(5.0)
    [(shown, message)] = surface.messages.items()
    has_retry = say("button.retry") in {button.label for button in message.content.buttons}
    assert has_retry is (kind is not PlaceKind.SHARED)
    await bot.reply(surface, "and light?", MessageRef("c1", shown), author=BEN)
    assert "It is about energy." in (await bot.model.opened()).prompt
