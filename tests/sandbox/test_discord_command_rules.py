"""What the local Discord takes and refuses as application commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.limits import load_profile
from tests.sandbox.discord_harness import Bot, HandClock, connected, raw

ASK: dict[str, Any] = {"name": "ask", "description": "Ask.", "type": 1}


@pytest.fixture
def clock() -> HandClock:
    """The server's clock."""
    return HandClock()


@pytest_asyncio.fixture
async def server(clock: HandClock) -> AsyncIterator[DiscordServer]:
    """A running server whose windows are fifty times shorter."""
    running = DiscordServer(profile=load_profile(scale=0.02), clock=clock)
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture
async def bot(server: DiscordServer) -> AsyncIterator[Bot]:
    """A connected client without commands."""
    async with connected(server) as client:
        yield client


def commands_url(server: DiscordServer) -> str:
    return f"{server.url}/applications/{server.world.application_id}/commands"


def option(kind: int = 3, name: str = "prompt", **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, "description": "What.", **more}


async def refused(server: DiscordServer, command: dict[str, Any]) -> dict[str, str]:
    """Every error code of a refused command by its dotted path."""
    async with raw(server) as http, http.put(commands_url(server), json=[command]) as answer:
        body = await answer.json()
        assert (answer.status, body.get("code")) == (400, 50035), body
    return dict(_codes(body["errors"]["0"], ""))


def _codes(node: dict[str, Any], path: str) -> list[tuple[str, str]]:
    found = [(path, error["code"]) for error in node.get("_errors", [])]
    for key, below in node.items():
        if key != "_errors":
            found += _codes(below, f"{path}.{key}".lstrip("."))
    return found


@pytest.mark.parametrize(
    ("command", "path", "code"),
    [
        (ASK | {"name": "Ask"}, "name", "APPLICATION_COMMAND_INVALID_NAME"),
        (ASK | {"name": "ask me"}, "name", "APPLICATION_COMMAND_INVALID_NAME"),
        (ASK | {"name": "a" * 33}, "name", "APPLICATION_COMMAND_INVALID_NAME"),
        (ASK | {"description": "x" * 101}, "description", "BASE_TYPE_BAD_LENGTH"),
        (ASK | {"description": ""}, "description", "BASE_TYPE_REQUIRED"),
        (
            ASK | {"name_localizations": {"pt-BR": "Perguntar"}},
            "name_localizations.pt-BR",
            "APPLICATION_COMMAND_INVALID_NAME",
        ),
        (ASK | {"name_localizations": {"pt": "a"}}, "name_localizations.pt", "BASE_TYPE_CHOICES"),
        (
            ASK | {"description_localizations": {"de": "x" * 101}},
            "description_localizations.de",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (ASK | {"options": [option(name=f"o{n}") for n in range(26)]}, "options", "BASE_TYPE_MAX_LENGTH"),
        (
            ASK | {"options": [option(), option(name="model", required=True)]},
            "options.1.required",
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
        ),
        (
            ASK | {"options": [option(), option()]},
            "options.1.name",
            "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
        ),
        (
            ASK | {"options": [option(choices=[{"name": str(n), "value": str(n)} for n in range(26)])]},
            "options.0.choices",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            ASK | {"options": [option(choices=[{"name": "n", "value": "x" * 101}])]},
            "options.0.choices.0.value",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            ASK | {"options": [option(4, choices=[{"name": "n", "value": "one"}])]},
            "options.0.choices.0.value",
            "NUMBER_TYPE_COERCE",
        ),
        (
            ASK | {"options": [option(choices=[{"name": "n", "value": "n"}], autocomplete=True)]},
            "options.0.autocomplete",
            "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_WITH_CHOICES",
        ),
        (
            ASK | {"options": [option(5, autocomplete=True)]},
            "options.0.type",
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
        ),
        (ASK | {"options": [option(max_length=6001)]}, "options.0.max_length", "NUMBER_TYPE_RANGE"),
        (
            ASK | {"options": [option(min_value=1)]},
            "options.0.min_value",
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
        ),
        (
            ASK | {"options": [option(1, "set"), option()]},
            "options",
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
        ),
        (
            ASK | {"options": [option(1, "set", options=[option(1, "deeper")])]},
            "options.0.options.0.type",
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
        ),
        (
            {"name": "Ask about this", "type": 3, "description": "x"},
            "description",
            "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION",
        ),
        (ASK | {"contexts": [3]}, "contexts.0", "BASE_TYPE_CHOICES"),
        (ASK | {"integration_types": []}, "integration_types", "BASE_TYPE_BAD_LENGTH"),
        (ASK | {"default_member_permissions": "all"}, "default_member_permissions", "NUMBER_TYPE_COERCE"),
    ],
)
async def test_what_discord_would_refuse(
    server: DiscordServer, command: dict[str, Any], path: str, code: str
) -> None:
    """Each rule of the documentation, named where it is broken."""
    assert await refused(server, command) == {path: code}
    assert server.snapshot()["commands"] == []


async def test_everything_wrong_is_named_at_once(server: DiscordServer) -> None:
    """The tree holds all faults, not the first one."""
    found = await refused(server, ASK | {"name": "A B", "description": "", "options": [option(name="Ü")]})
    assert found.keys() == {"name", "description", "options.0.name"}
    long = {"name": "n" * 100, "value": "v" * 100}
    many = [option(name=f"o{n}", choices=[long] * 5) for n in range(9)]
    assert await refused(server, ASK | {"options": many}) == {"": "APPLICATION_COMMAND_TOO_LARGE"}


async def test_two_of_one_name_and_too_many_of_a_kind(server: DiscordServer) -> None:
    """Names are unique per type, and there are at most five message commands."""
    assert await refused(server, ASK | {"type": 9}) == {"type": "BASE_TYPE_CHOICES"}
    on_message = [{"name": f"Menu {n}", "type": 3} for n in range(6)]
    async with raw(server) as http:
        async with http.put(commands_url(server), json=[ASK, ASK]) as answer:
            path = (await answer.json())["errors"]["1"]["name"]["_errors"][0]
            assert path["code"] == "APPLICATION_COMMANDS_DUPLICATE_NAME"
        async with http.put(commands_url(server), json=[ASK, {"name": "ask", "type": 3}]) as answer:
            assert answer.status == 200
        async with http.put(commands_url(server), json=on_message) as answer:
            assert (await answer.json())["code"] == 30032


async def test_one_command_at_a_time(server: DiscordServer, bot: Bot) -> None:
    """POST adds or replaces, PATCH changes, DELETE takes away; an id stays with its name."""
    http: Any = bot.http
    app = server.world.application_id
    made = await http.upsert_global_command(app, ASK)
    again = await http.upsert_global_command(app, ASK | {"description": "Ask again."})
    assert (again["id"], again["version"] != made["version"]) == (made["id"], True)
    same = await http.upsert_global_command(app, ASK | {"description": "Ask again."})
    assert same["version"] == again["version"]
    async with raw(server) as plain:
        url = f"{commands_url(server)}/{made['id']}"
        async with plain.patch(url, json={"description": "Now."}) as answer:
            assert (await answer.json())["description"] == "Now."
        async with plain.get(url) as answer:
            assert (await answer.json())["id"] == made["id"]
        async with plain.delete(url) as answer:
            assert answer.status == 204
        async with plain.get(url) as answer:
            assert (await answer.json())["code"] == 10063
    assert await bot.tree.fetch_commands() == []


async def test_translations_are_listed_for_those_who_ask(server: DiscordServer) -> None:
    """As Discord leaves them out of a plain listing."""
    command = ASK | {"name_localizations": {"pt-BR": "perguntar"}, "options": [option()]}
    async with raw(server) as http:
        async with http.put(commands_url(server), json=[command]) as answer:
            assert (await answer.json())[0]["name_localizations"] == {"pt-BR": "perguntar"}
        async with http.get(commands_url(server)) as answer:
            assert "name_localizations" not in (await answer.json())[0]
        async with http.get(commands_url(server), params={"with_localizations": "true"}) as answer:
            assert (await answer.json())[0]["name_localizations"] == {"pt-BR": "perguntar"}


async def test_two_hundred_new_commands_a_day(server: DiscordServer, clock: HandClock) -> None:
    """Renaming is creating; what stays under its name counts once. The next day there is room again."""
    clock.freeze()
    async with raw(server) as http:
        for batch in range(2):
            names = [ASK | {"name": f"c{batch}-{n}"} for n in range(100)]
            async with http.put(commands_url(server), json=names) as answer:
                assert answer.status == 200
        async with http.put(commands_url(server), json=names) as answer:
            assert answer.status == 200
        async with http.put(commands_url(server), json=[ASK]) as answer:
            body = await answer.json()
            assert (answer.status, body["code"], body["retry_after"] > 80_000) == (429, 30034, True)
        clock.ahead_s += 86_401
        async with http.put(commands_url(server), json=[ASK]) as answer:
            assert answer.status == 200
