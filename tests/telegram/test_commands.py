"""Commands as Telegram knows them: menus by chat and language, deep links, rights, inline mode."""

from __future__ import annotations

from typing import Any

import pytest

from bots.sandbox.telegram.server import TelegramServer
from core.catalogue import say
from core.commands.call import Call
from core.commands.command import Command, Menu, Where, Who
from core.commands.registry import Registry, registry
from core.messages import Choice, IncomingCommand, Place, PlaceKind, Suggesting
from tests.telegram.harness import Bot, calls, online, started


async def run(call: Call) -> None: ...


def command(name: str, **more: Any) -> Command:
    return Command(name, run, words={f"command.{name}": f"Do {name}"}, **more)


ALL = Registry(
    [
        *(one for one in registry() if one.name in {"ask", "help"}),
        command("rule", who=Who.MANAGER, menu=Menu.LISTED),
        command("halt", menu=Menu.TYPED, weighs_rights=True),
        command("alone", where=frozenset({Where.PRIVATE}), menu=Menu.LISTED),
        command("own", who=Who.OWNER, menu=Menu.LISTED),
    ]
)


def offered(server: TelegramServer, person: str, chat: str) -> list[str]:
    return [entry["command"] for entry in server.menu(person, chat)]


async def test_each_kind_of_chat_has_its_menu(server: TelegramServer) -> None:
    async with started(server, commands=ALL):
        await server.promote("Ada", "Riverside", "Cleo")
        assert offered(server, "Ben", "Ben") == ["alone", "ask", "halt", "help", "rule"]
        assert offered(server, "Ben", "Riverside") == ["ask", "halt", "help"]
        assert offered(server, "Cleo", "Riverside") == ["ask", "halt", "help", "rule"]


async def test_each_language_has_its_menu(server: TelegramServer) -> None:
    async with started(server):
        [ask] = [entry for entry in server.menu("Ivo", "Ivo") if entry["command"] == "ask"]
        assert ask["description"] == say("command.ask", "pt-BR")


async def test_what_an_earlier_release_left_is_taken_away_once(server: TelegramServer) -> None:
    """It stood in the scope that fits everywhere."""
    server._hub.commands["default", 0, 0, ""] = [{"command": "old", "description": "Old"}]
    for _ in range(2):
        async with started(server):
            assert "old" not in offered(server, "Ben", "Ben")
    assert len(calls(server, "deleteMyCommands")) == 1


async def test_the_first_start_asks_for_less_than_telegram_takes_in_a_second(server: TelegramServer) -> None:
    async with started(server):
        made = [request.route for request in server.requests if request.route.endswith("MyCommands")]
        assert len(made) <= 25


@pytest.mark.parametrize(
    ("payload", "name"),
    [("ask", "ask"), ("help", "help"), ("claim", "start"), ("nonsense", "start"), ("", "start")],
)
async def test_a_deep_link_runs_a_listed_command(
    bot: Bot, server: TelegramServer, payload: str, name: str
) -> None:
    await server.start_bot("Ben", payload)
    event, _ = await bot.next(IncomingCommand)
    assert (event.name, dict(event.arguments)) == (name, {})


async def test_rights_are_asked_for_where_a_command_weighs_them(server: TelegramServer) -> None:
    async with started(server, commands=ALL) as bot:
        await server.promote("Ada", "Riverside", "Cleo", ["can_delete_messages"])
        for person, text, expected in (
            ("Ben", "/halt", (False, False)),
            ("Cleo", "/halt", (True, True)),
            ("Ada", "/rule", (True, True)),
            ("Ada", "/ask hello", (False, False)),  # not asked for
        ):
            await server.say(person, "Riverside", text)
            event, _ = await bot.next(IncomingCommand)
            assert (event.author.manages_messages, event.author.manages_place) == expected
        assert len(calls(server, "getChatMember")) == 3


async def test_inline_mode_offers_to_ask_in_the_chat_and_the_bot_hears_it(server: TelegramServer) -> None:
    asked: list[Suggesting] = []

    async def offer(suggesting: Suggesting) -> tuple[Choice, ...]:
        asked.append(suggesting)
        return (Choice(suggesting.typed, "Ask it", "Here"),) if suggesting.typed else ()

    await server.set_inline(enabled=True)
    async with started(server, inline_mode=True, suggest=offer) as bot:
        assert (await server.inline("Ivo", "Riverside", " "))["results"] == []
        found = await server.inline("Ivo", "Riverside", "what is a weir?")
        [article] = found["results"]
        assert article["title"] == "Ask it"
        assert asked[-1].place == Place("telegram", asked[-1].author.id, PlaceKind.PRIVATE)
        assert (asked[-1].author.name, asked[-1].author.locale, asked[-1].inline) == ("Ivo", "pt-br", True)
        await server.choose_inline("Ivo", "Riverside", found["query"], article["id"])
        event, surface = await bot.next(IncomingCommand)
        assert (event.name, dict(event.arguments)) == ("ask", {"prompt": "what is a weir?"})
        assert (event.author.name, event.author.is_bot) == ("Ivo", False)
        assert surface.place == event.place


@pytest.mark.parametrize("inline_mode", [False, True])
async def test_inline_queries_are_asked_for_only_where_inline_mode_is_on(
    server: TelegramServer, inline_mode: bool
) -> None:
    async with started(server, inline_mode=inline_mode):
        await online(server)
        allowed = server._hub.updates.allowed
        assert allowed is not None
        assert ("inline_query" in allowed) is inline_mode
