"""Commands as Discord knows them: a message's menu, private answers, who sees what, what is written when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

import bots.discord.listener
from bots.sandbox.discord.world import Permission
from core.commands.call import Call
from core.commands.command import Command, Menu, Where, Who
from core.commands.registry import MANAGE, MORE, Registry, registry
from core.messages import Choice, IncomingCommand, Suggesting
from tests.commands import weir
from tests.discord.support import Bot, content, local_discord, started

COMMANDS = "/applications/{application_id}/commands"


async def run(call: Call) -> None: ...


def words(name: str) -> dict[str, str]:
    return {f"command.{name}": f"Do {name}"}


def command(name: str, **more: Any) -> Command:
    return Command(name, run, words=words(name), **more)


ALL = Registry(
    [
        *registry(),
        command("rule", who=Who.MANAGER, menu=Menu.LISTED),
        command("tune", who=Who.MANAGER),
        command("shut", who=Who.OWNER, menu=Menu.LISTED),
        command("alone", where=frozenset({Where.PRIVATE}), menu=Menu.LISTED),
        command("together", where=frozenset({Where.SERVER, Where.THREAD}), menu=Menu.LISTED),
    ]
)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with local_discord(commands=ALL) as bot:
        await bot.platform.start(bot.handle)
        yield bot


def names(bot: Bot, person: str, chat: str) -> set[str]:
    return {command["name"] for command in bot.server.menu(person, chat)}


async def test_discord_offers_each_where_and_to_whom_it_is_for(bot: Bot) -> None:
    everybody = {
        "ask",
        "chat",
        "help",
        "model",
        "new",
        "privacy",
        MORE,
        "Answer again",
        "Ask about this",
        "Summarise",
        "Translate",
        "Explain",
    }
    assert names(bot, "Ben", "#general") == everybody | {"together"}
    assert names(bot, "Ada", "#general") == everybody | {
        "together",
        "rule",
        "settings",
        "shut",
        MANAGE,
    }  # she owns it
    assert names(bot, "Ben", "@Ben") == everybody | {
        *("alone", "rule", "settings", "shut", MANAGE)  # the core checks again
    }
    bot.server.grant("Cleo", Permission.MANAGE_GUILD)
    assert names(bot, "Cleo", "#general") == everybody | {"together", "rule", "settings", MANAGE}


async def test_who_manages_the_server_is_known(bot: Bot) -> None:
    bot.server.grant("Cleo", Permission.MANAGE_GUILD)
    for person, manages in (("Ada", True), ("Ben", False), ("Cleo", True)):
        await bot.server.invoke(person, "#general", "ask", {"prompt": "hi"})
        assert (await bot.author()).manages_place is manages
    await bot.server.invoke("Ben", "#general", "more about", {})
    event, _ = await bot.next()
    assert isinstance(event, IncomingCommand)
    assert (event.name, dict(event.arguments)) == ("about", {})


async def test_a_messages_menu_brings_the_message(bot: Bot) -> None:
    message = await bot.server.say("Cleo", "#general", "Weirs are low dams, @Ben.")
    await bot.next()
    await bot.server.set_language("Ben", "pt-BR")
    assert {"Perguntar sobre isto"} <= {entry["label"] for entry in bot.server.menu("Ben", "#general")}
    await bot.server.use_on_message("Ben", "#general", message, "Ask about this")
    event, surface = await bot.next()
    assert isinstance(event, IncomingCommand)
    assert (event.name, dict(event.arguments), event.author.locale) == ("ask", {}, "pt-BR")
    assert event.target is not None
    assert (event.target.ref.message_id, event.target.author_name) == (message, "Cleo")
    assert (event.target.text, event.target.by_us) == ("Weirs are low dams, @Ben.", False)
    assert event.target.author_id == str(bot.server.world.person("Cleo").id)
    may_have = frozenset({*map(str, bot.server.world.roles), str(event.place.guild_id)})
    assert event.target.author_roles == may_have  # Discord does not tell which of them
    assert surface.open_form is not None


async def test_our_own_message_is_known_as_such(bot: Bot) -> None:
    await bot.server.say("Ben", "#general", "@Sluice hello")
    _, surface = await bot.next()
    await surface.send(content("Hello Ben"), None)
    answer = str(list(bot.server.world.chat("#general").messages)[-1])
    await bot.server.use_on_message("Ben", "#general", answer, "Explain")
    event, _ = await bot.next()
    assert isinstance(event, IncomingCommand)
    assert event.target is not None
    assert (event.name, event.target.by_us, event.target.text) == ("explain", True, "Hello Ben")


@pytest.mark.parametrize(
    ("name", "options", "private"),
    [
        ("ask", {"prompt": "why?"}, False),
        ("ask", {"prompt": "why?", "private": "True"}, True),
        ("help", {}, True),
    ],
)
async def test_while_we_think_only_they_see_it_who_will_see_the_answer(
    monkeypatch: pytest.MonkeyPatch, name: str, options: dict[str, str], private: bool
) -> None:
    monkeypatch.setattr(bots.discord.listener, "_ACKNOWLEDGE_COMMAND_AFTER_S", 0.0)
    async with started() as bot:
        await bot.server.invoke("Ben", "#general", name, options)
        _, surface = await bot.next()
        thinking = (await bot.heard.next("message"))["message"]
        assert thinking["thinking"]
        assert thinking["only_for"] == (str(bot.server.world.person("Ben").id) if private else None)
        await surface.send(content("Because", private=private), None)
        [message] = [m for m in bot.server.snapshot()["messages"] if m["text"] == "Because"]
        assert message["id"] == thinking["id"]


async def test_a_public_answer_does_not_hide_where_a_private_one_was_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bots.discord.listener, "_ACKNOWLEDGE_COMMAND_AFTER_S", 0.0)
    async with started() as bot:
        await bot.server.invoke("Ben", "#general", "help", {})
        _, surface = await bot.next()
        await bot.heard.next("message")
        await surface.send(content("For all"), None)
        [message] = bot.server.snapshot()["messages"]
        assert (message["text"], message["only_for"]) == ("For all", None)


async def test_suggestions_that_come_too_late_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bots.discord.listener, "_SUGGEST_WITHIN_S", 0.01)
    asked: list[Suggesting] = []

    async def never(suggesting: Suggesting) -> tuple[Choice, ...]:
        asked.append(suggesting)
        await asyncio.Event().wait()
        return ()

    async with local_discord(commands=Registry([*registry(), weir.COMMAND])) as bot:
        await bot.platform.start(bot.handle, never)
        assert await bot.server.complete("Ben", "#general", "more weir", {"river": "th"}, "river") == []
        [one] = asked
        assert (one.command, one.argument, one.typed, one.author.name) == ("weir", "river", "th", "Ben")


async def test_what_discord_itself_made_is_no_reason_to_write(bot: Bot) -> None:
    """An entry point of an Activity. The sandbox takes none, so it is put where it lists the commands."""
    entry = {"id": "1", "type": 4, "name": "launch", "description": "Play", "handler": 2}
    bot.server._commands.all.append(entry)
    await bot.platform.close()
    await bot.platform.start(bot.handle)
    assert bot.count("PUT", COMMANDS) == 1
