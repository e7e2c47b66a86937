"""Who may use which command where, what it is told, and how a form's texts come back."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.catalogue import say
from core.commands.call import Call, Inquiry, Press
from core.commands.command import Argument, Command, Where, Who
from core.commands.registry import Registry, registry
from core.messages import Choice, FormSubmitted, MessageRef, PlaceKind, Quote, Suggesting
from core.policy.access import Access
from core.streaming.operations import Button
from tests.commands import weir
from tests.service.conftest import ADA, BEN, Bot, shut

ADMIN = replace(BEN, manages_place=True)
MESSAGE = Quote(MessageRef("c1", "m9"), "Cleo", "Weirs are low dams.", author_id="3")


async def run(call: Call) -> None:
    call.reply("done", ((Button(f"{call.command.name}:x", "Again"),),))


async def press(press: Press) -> None:
    press.update("pressed")


async def breaks(call: Call) -> None:
    raise ZeroDivisionError


async def suggest(inquiry: Inquiry, typed: str) -> tuple[Choice, ...]:
    if typed == "break":
        raise ZeroDivisionError
    return tuple(Choice(f"{typed}{n}", str(n)) for n in range(30))


WORDS = {f"command.{name}": name for name in ("manage_it", "own_it", "here", "broken")}
ALL = Registry(
    [
        *registry(),
        weir.COMMAND,
        Command("manage_it", run, press=press, who=Who.MANAGER, words=WORDS),
        Command("own_it", run, (Argument("what", suggest=suggest),), who=Who.OWNER, words=WORDS),
        Command("here", run, where=frozenset({Where.THREAD, Where.PRIVATE}), words=WORDS),
        Command("broken", breaks, words=WORDS),
    ]
)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    bot = Bot(commands=ALL, access=Access(allow_everybody=True, admins=frozenset({"fake:1"})))
    yield bot
    await shut(bot)


async def told(bot: Bot, name: str, **more: object) -> list[str]:
    """What somebody is told who gives the command in a group."""
    surface = bot.surface(private_answers=True)
    await bot.command(surface, name, **more)  # type: ignore[arg-type]  # handed on as they are
    await bot.clock.advance(1.0)
    return surface.texts


async def test_a_managers_command_is_for_managers_and_the_bots_admins(bot: Bot) -> None:
    assert await told(bot, "manage_it", author=BEN) == [say("unusable.managers", command="/manage_it")]
    assert await told(bot, "manage_it", author=ADMIN) == ["done"]
    assert await told(bot, "manage_it", author=ADA) == ["done"]


async def test_in_a_private_chat_everybody_manages_their_own(bot: Bot) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.command(surface, "manage_it", author=BEN)
    await bot.clock.advance(1.0)
    assert surface.texts == ["done"]


async def test_an_owners_command_is_for_the_bots_admins(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert await told(bot, "own_it", author=ADMIN) == [say("unusable.owners", command="/own_it")]
    assert "not answered: /own_it is for admins alone event=" in caplog.text
    assert await told(bot, "own_it", author=ADA) == ["done"]


async def test_a_control_obeys_its_commands_rules(bot: Bot) -> None:
    surface = bot.surface()
    await bot.command(surface, "manage_it", author=ADMIN)
    await bot.clock.advance(1.0)
    message = MessageRef("c1", "m1")
    data = bot.signer.sign("manage_it:x", surface.place)
    refused = await bot.press_data(surface, message, data, author=BEN)
    assert refused == [say("unusable.managers", command="/manage_it")]


async def test_a_command_is_of_no_use_elsewhere(bot: Bot) -> None:
    assert await told(bot, "here") == [say("unusable.elsewhere", command="/here")]
    thread = bot.surface("t", PlaceKind.THREAD)
    await bot.command(thread, "here")
    await bot.clock.advance(1.0)
    assert thread.texts == ["done"]


async def test_help_tells_only_what_this_person_may_use_here(bot: Bot) -> None:
    [everybody] = await told(bot, "help", author=BEN)
    [manager] = await told(bot, "help", author=ADMIN)
    assert "/ask" in everybody
    assert "/weir" in everybody
    assert "/manage_it" not in everybody
    assert "/manage_it" in manager
    assert not {"/own_it", "/here", "/claim", "/start"} & set(manager.replace(":", " ").split())


async def test_a_command_that_breaks_says_so_and_the_log_says_why(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    assert await told(bot, "broken") == [say("unusable.failed")]
    assert "/broken in fake:c1 failed" in caplog.text


async def test_a_mistake_is_told_with_how_it_is_written(bot: Bot) -> None:
    [text] = await told(bot, "weir", arguments={"river": "Tiber", "metres": "many"})
    assert text == say("mistake.integer", name="metres")
    [text] = await told(bot, "claim")
    assert text == say("mistake.missing", name="code", usage="`/claim <code>`")


async def test_suggestions_are_for_those_who_may_use_the_command_and_at_most_25(bot: Bot) -> None:
    place = bot.surface().place
    asking = Suggesting(place, ADA, "own_it", "what", "a")
    assert [choice.value for choice in await bot.dispatcher.suggest(asking)] == [f"a{n}" for n in range(25)]
    for other in (
        replace(asking, author=BEN),
        replace(asking, typed="break"),
        replace(asking, command="nonsense"),
        replace(asking, argument="nonsense"),
        replace(asking, command="ask", argument="prompt"),
    ):
        assert await bot.dispatcher.suggest(other) == ()


async def test_strangers_are_suggested_nothing() -> None:
    bot = Bot(commands=ALL, access=Access(admins=frozenset({"fake:9"})))
    asking = Suggesting(bot.surface().place, ADA, "weir", "river", "")
    assert await bot.dispatcher.suggest(asking) == ()
    await shut(bot)


async def test_a_message_is_asked_about_with_a_form(bot: Bot) -> None:
    surface = bot.surface(private_answers=True, forms=True)
    await bot.command(surface, "ask", target=MESSAGE)
    [form] = surface.forms
    assert form.title == say("menu.ask")
    assert [field.label for field in form.fields] == [say("command.ask.prompt")]
    await bot.handle(FormSubmitted("f1", surface.place, ADA, form.data, {"prompt": "Is that so?"}), surface)
    stream = await bot.model.opened()
    assert "Weirs are low dams." in stream.prompt[-1]
    assert stream.prompt[-1].endswith("Is that so?")
    stream.finish("Yes.")
    await bot.clock.advance(2.0)
    assert surface.texts == ["Yes."]


async def test_a_form_counts_once_for_its_person_and_not_after_it_was_forgotten(bot: Bot) -> None:
    surface = bot.surface(private_answers=True, forms=True)
    await bot.command(surface, "ask", target=MESSAGE)
    [form] = surface.forms
    over = say("form.over")
    for event, person in (("f1", BEN), ("f2", ADA)):
        await bot.handle(FormSubmitted(event, surface.place, person, form.data, {"prompt": "So?"}), surface)
        await bot.clock.advance(1.0)
    assert surface.texts == [over, over]
    assert not bot.model.streams


@pytest.mark.parametrize("name", ["summarise", "translate", "explain"])
async def test_what_a_messages_menu_asks_is_for_the_asker_alone(bot: Bot, name: str) -> None:
    surface = bot.surface(private_answers=True)
    await bot.command(surface, name, target=MESSAGE)
    stream = await bot.model.opened()
    assert "Weirs are low dams." in stream.prompt[-1]
    assert stream.prompt[-1].endswith(say(f"question.{name}"))
    stream.finish("Low dams.")
    await bot.clock.advance(2.0)
    assert surface.messages["m1"].content.private


async def test_a_reply_serves_where_there_is_no_messages_menu(bot: Bot) -> None:
    surface = bot.surface()
    await bot.command(surface, "summarise", quote=MESSAGE)
    assert "Weirs are low dams." in (await bot.model.opened()).prompt[-1]


async def test_without_a_message_or_its_text_it_is_told_what_is_missing(bot: Bot) -> None:
    assert await told(bot, "explain") == [say("message.none", command="/explain")]
    assert await told(bot, "explain", target=replace(MESSAGE, text=" ")) == [say("message.empty")]
