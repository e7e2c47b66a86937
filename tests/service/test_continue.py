"""Answers that end because their platform lets none go on for ever, and how they go on."""

from __future__ import annotations

from core.catalogue import say
from core.messages import ButtonPress, MessageRef, Person
from core.streaming.operations import Button
from tests.fakes.surface import INTERACTION_LIMITS, FakeSurface
from tests.service.conftest import ADA, BEN, Bot, mark
from tests.service.scripted_model import Stream

ENDS_AFTER_S = 830.0


def slash(bot: Bot, *, seen: bool = False) -> FakeSurface:
    """The surface of a slash command; `seen`: the bot sees the channel, too."""
    channel = bot.surface()
    surface = FakeSurface(
        bot.clock,
        limits=INTERACTION_LIMITS,
        alternate=channel,
        private_answers=True,
        ends_after_s=ENDS_AFTER_S,
    )
    surface.alternate = channel if seen else None
    return surface


async def asked(bot: Bot, surface: FakeSurface) -> Stream:
    await bot.command(surface, "ask", {"prompt": "a long tale"})
    return await bot.model.opened()


async def cut(bot: Bot) -> tuple[FakeSurface, MessageRef, Button]:
    """An answer that was cut, and its button."""
    surface = slash(bot)
    stream = await asked(bot, surface)
    stream.say("It was a dark night, and")
    await bot.clock.advance(ENDS_AFTER_S + 2.0)
    [(message_id, message)] = surface.messages.items()
    assert message.content.body.text == f"It was a dark night, and\n\n{mark('ending.limit')}"
    [button] = message.content.buttons
    assert button.label == say("button.continue")
    assert stream.closed.is_set()
    return surface, MessageRef(surface.place.chat_id, message_id), button


async def press(bot: Bot, ref: MessageRef, button: Button, who: Person, number: str) -> FakeSurface:
    surface = slash(bot)
    await bot.handle(ButtonPress(number, surface.place, who, ref, button.data), surface)
    await bot.clock.advance(1.0)
    return surface


async def test_an_answer_ends_in_time_and_goes_on_in_the_same_conversation(bot: Bot) -> None:
    _, ref, button = await cut(bot)
    pressed = await press(bot, ref, button, ADA, "p1")
    stream = await bot.model.opened()
    roles = [(message.role, message.content) for message in stream.request.messages]
    assert roles[-3:] == [
        ("user", "a long tale"),
        ("assistant", "It was a dark night, and"),
        ("user", say("continue.question")),
    ]
    stream.finish(" then it dawned.")
    await bot.clock.advance(2.0)
    assert pressed.texts == ["then it dawned."]
    assert not next(iter(pressed.messages.values())).content.private


async def test_it_goes_on_once_and_for_who_asked(bot: Bot) -> None:
    _, ref, button = await cut(bot)
    assert (await press(bot, ref, button, BEN, "p1")).texts == [say("continue.not_yours")]
    await press(bot, ref, button, ADA, "p2")
    stream = await bot.model.opened()
    assert (await press(bot, ref, button, ADA, "p3")).texts == [say("continue.already")]
    stream.finish("then it dawned.")
    assert (await press(bot, ref, Button("continue:0", ""), ADA, "p4")).texts == [say("continue.over")]


async def test_it_does_not_go_on_in_another_place(bot: Bot) -> None:
    _, ref, button = await cut(bot)
    elsewhere = bot.surface("c2", private_answers=True)
    await bot.handle(ButtonPress("p1", elsewhere.place, ADA, ref, button.data), elsewhere)
    await bot.clock.advance(1.0)
    assert elsewhere.texts == [say("continue.over")]


async def test_where_the_channel_goes_on_nothing_is_cut(bot: Bot) -> None:
    surface = slash(bot, seen=True)
    stream = await asked(bot, surface)
    for _ in range(100):
        stream.say("A dark night. ")
        await bot.clock.advance(10.0)
    stream.finish("Then it dawned.")
    await bot.clock.advance(5.0)
    [text] = surface.texts
    assert text.startswith("A dark night. ")
    assert text.endswith("Then it dawned.")
    assert surface.refused == 0


async def test_where_the_channel_takes_no_messages_it_is_cut(bot: Bot) -> None:
    """The message that stands there could be edited, but the answer may need another."""
    surface = slash(bot, seen=True)
    assert surface.alternate is not None
    surface.alternate.may_send = False
    stream = await asked(bot, surface)
    stream.say("It was a dark night, and")
    await bot.clock.advance(ENDS_AFTER_S + 2.0)
    assert surface.texts == [f"It was a dark night, and\n\n{mark('ending.limit')}"]


async def test_an_answer_that_ended_before_is_not_cut(bot: Bot) -> None:
    surface = slash(bot)
    stream = await asked(bot, surface)
    stream.finish("It was a dark night.")
    await bot.clock.advance(ENDS_AFTER_S + 2.0)
    assert surface.texts == ["It was a dark night."]
