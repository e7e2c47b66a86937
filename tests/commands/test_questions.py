"""Forms where there are none: asked in the chat, one text after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bots.discord.markdown import DiscordRenderer
from bots.telegram.markdown import TelegramRenderer
from core.catalogue import LANGUAGES, say
from core.commands.call import Call, Press
from core.commands.command import Command
from core.commands.questions import KEPT_S, NOTHING
from core.commands.registry import Registry, registry
from core.messages import Addressed, Field, Form, MessageRef, PlaceKind
from core.streaming.rendering import Renderer
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, BEN, Bot, shut

FORM = Form(
    "name_it:1",
    "Names",
    (
        Field("name", "Its name", hint="A short one", max_length=10),
        Field("why", "Why so", value="because", required=False, long=True),
    ),
)


async def run(call: Call) -> None:
    await call.open_form(FORM)


async def press(press: Press) -> None:
    press.reply(f"{press.data} {dict(press.fields)}")


ALL = Registry([*registry(), Command("name_it", run, press=press, words={"command.name_it": "Name it"})])


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    bot = Bot(commands=ALL)
    yield bot
    await shut(bot)


async def says(bot: Bot, surface: FakeSurface, text: str) -> str:
    """What the bot says to a private message, if anything: its newest message."""
    before = len(surface.messages)
    await bot.say(surface, text, addressed=Addressed.PRIVATE)
    await bot.clock.advance(2.0)
    return surface.texts[-1] if len(surface.messages) > before else ""


async def asked(bot: Bot, surface: FakeSurface, name: str = "name_it") -> str:
    await bot.command(surface, name)
    await bot.clock.advance(2.0)
    return surface.texts[-1]


async def test_each_field_is_asked_and_all_come_back_together(bot: Bot) -> None:
    chat = bot.surface("p", PlaceKind.PRIVATE)
    first = await asked(bot, chat)
    assert first == f"**Its name**\nA short one\n{say('form.cancel')}"
    assert chat.messages["m1"].content.wants_reply
    second = await says(bot, chat, "Long Weir")
    assert second.splitlines() == [
        "**Why so**",
        say("form.now", value="because"),
        say("form.skip", nothing=f"`{NOTHING}`"),
    ]
    assert await says(bot, chat, "It is long") == "name_it:1 {'name': 'Long Weir', 'why': 'It is long'}"
    assert not bot.model.streams
    await says(bot, chat, "and now a question")
    assert (await bot.model.opened()).prompt == ["and now a question"]


async def test_what_does_not_fit_is_asked_again(bot: Bot) -> None:
    chat = bot.surface("p", PlaceKind.PRIVATE)
    await asked(bot, chat)
    again = await says(bot, chat, "much too long a name")
    assert again.splitlines()[:2] == [say("form.unfit", limit=10), "**Its name**"]
    await says(bot, chat, "Weir")
    assert await says(bot, chat, NOTHING) == "name_it:1 {'name': 'Weir', 'why': ''}"


async def test_cancel_ends_it(bot: Bot) -> None:
    chat = bot.surface("p", PlaceKind.PRIVATE)
    await asked(bot, chat)
    assert await asked(bot, chat, "cancel") == say("cancel.done")
    assert await asked(bot, chat, "cancel") == say("cancel.nothing")
    await says(bot, chat, "a question")
    assert (await bot.model.opened()).prompt == ["a question"]


@pytest.mark.parametrize("by", ["command", "time"])
async def test_another_command_drops_it_and_so_does_time(bot: Bot, by: str) -> None:
    chat = bot.surface("p", PlaceKind.PRIVATE)
    await asked(bot, chat)
    if by == "command":
        await asked(bot, chat, "about")
    else:
        await bot.clock.advance(KEPT_S)
    await says(bot, chat, "a question")
    assert (await bot.model.opened()).prompt == ["a question"]


async def test_whoever_had_filled_in_something_is_told_that_another_command_drops_it(bot: Bot) -> None:
    chat = bot.surface("p", PlaceKind.PRIVATE)
    await asked(bot, chat)
    await asked(bot, chat, "about")
    assert say("form.dropped") not in chat.texts
    await asked(bot, chat)
    await says(bot, chat, "Weir")
    await asked(bot, chat, "about")
    assert chat.texts.count(say("form.dropped")) == 1
    await asked(bot, chat, "about")
    assert chat.texts.count(say("form.dropped")) == 1


async def test_in_a_group_only_a_reply_of_the_same_person_is_an_answer(bot: Bot) -> None:
    group = bot.surface("g")
    await asked(bot, group)
    question = MessageRef("g", "m1")
    await bot.say(group, "just talking", addressed=Addressed.NO)
    await bot.reply(group, "and what is that?", question, author=BEN)
    assert (await bot.model.opened()).prompt[-1].endswith("and what is that?")
    await bot.reply(group, "Weir", question, author=ADA)
    await bot.clock.advance(2.0)
    assert any(text.startswith("**Why so**") for text in group.texts)
    assert len(bot.model.streams) == 1


async def test_a_repeated_event_answers_no_second_field(bot: Bot) -> None:
    chat = bot.surface("p", PlaceKind.PRIVATE)
    await asked(bot, chat)
    for _ in range(2):
        await bot.say(chat, "Weir", addressed=Addressed.PRIVATE, event_id="e7")
        await bot.clock.advance(2.0)
    assert len(chat.messages) == 2


async def test_a_bare_command_is_asked_for_what_it_lacks(bot: Bot) -> None:
    """Telegram's menu sends a command at once, before anything can be written behind it."""
    chat = bot.surface("p", PlaceKind.PRIVATE)
    assert (await asked(bot, chat, "ask")).startswith(f"**{say('command.ask.prompt')}**")
    await says(bot, chat, "what is a sluice?")
    assert (await bot.model.opened()).prompt == ["what is a sluice?"]


@pytest.mark.parametrize("renderer", [DiscordRenderer(), TelegramRenderer()], ids=["discord", "telegram"])
def test_what_leaves_a_field_empty_is_read_as_it_is_to_be_written(renderer: Renderer) -> None:
    """At a line's start a bare hyphen would be drawn as a bullet."""
    for language in LANGUAGES:
        hint = renderer.render(say("form.skip", language, nothing=f"`{NOTHING}`")).text
        assert NOTHING in hint
        assert "•" not in hint
