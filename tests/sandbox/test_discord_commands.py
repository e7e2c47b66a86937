"""Application commands on the local Discord: checked like Discord's, offered to those who may use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
import pytest_asyncio
from discord import app_commands

from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.discord.world import Permission
from bots.sandbox.limits import load_profile
from tests.sandbox.discord_harness import Bot, HandClock, Heard, connected, raw

ASK: dict[str, Any] = {"name": "ask", "description": "Ask.", "type": 1}
Interaction = discord.Interaction[Any]


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


async def test_the_new_routes_draw_from_the_limits(server: DiscordServer, clock: HandClock) -> None:
    """Ten requests per window on a route that the profile does not name; then a 429 with its bucket."""
    clock.freeze()
    async with raw(server) as http:
        statuses = []
        for _ in range(11):
            async with http.get(f"{server.url}/guilds/{server.world.guild_id}/threads/active") as answer:
                statuses.append(answer.status)
    assert statuses == [200] * 10 + [429]
    assert answer.headers["X-RateLimit-Bucket"]


async def test_options_of_every_type(server: DiscordServer, bot: Bot) -> None:
    """Each arrives in the library's own type; people and channels resolved, a file with its content."""
    got: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

    @bot.tree.command(description="Everything.")
    @app_commands.choices(mood=[app_commands.Choice(name="Kind", value="k")])
    async def every(  # noqa: PLR0917  # one argument of each type
        interaction: Interaction,
        words: app_commands.Range[str, 2, 10],
        count: app_commands.Range[int, 1, 5],
        share: float,
        loud: bool,
        who: discord.Member,
        where: discord.TextChannel,
        role: discord.Role,
        file: discord.Attachment,
        mood: str,
    ) -> None:
        await interaction.response.send_message("Taken.")
        read = await file.read()
        got.put_nowait((words, count, share, loud, who.display_name, where.name, role.name, read, mood))

    await bot.tree.sync()
    given = {"words": "well", "count": "3", "share": "0.5", "loud": "True", "who": "Cleo", "where": "#help"}
    given |= {"role": "Sluice", "mood": "Kind"}
    files = {"file": ("a.txt", b"abc")}
    await server.invoke("Ben", "#general", "every", given, files=files)
    assert await got.get() == ("well", 3, 0.5, True, "Cleo", "help", "Sluice", b"abc", "k")
    for wrong, words in (
        ({"words": "w"}, "wrong length"),
        ({"count": "6"}, "between 1 and 5"),
        ({"count": "two"}, "whole number"),
        ({"mood": "sad"}, "no choice"),
    ):
        with pytest.raises(ValueError, match=words):
            await server.invoke("Ben", "#general", "every", given | wrong, files=files)
    with pytest.raises(ValueError, match="needs the option file"):
        await server.invoke("Ben", "#general", "every", given)


async def test_a_group_of_subcommands(server: DiscordServer, bot: Bot) -> None:
    """`/settings model set` reaches its callback; the group alone cannot be sent."""
    settings = app_commands.Group(name="settings", description="Settings.")
    model = app_commands.Group(name="model", description="The model.", parent=settings)

    @model.command(name="set", description="Choose it.")
    async def set_(interaction: Interaction, name: str) -> None:
        await interaction.response.send_message(f"now {name}")

    bot.tree.add_command(settings)
    await bot.tree.sync()
    heard = Heard(server)
    await server.invoke("Ada", "#general", "settings model set", {"name": "tiny"})
    said = (await heard.next("message"))["message"]
    assert (said["text"], said["command"]) == ("now tiny", "/settings model set name:tiny")
    with pytest.raises(ValueError, match="needs a subcommand"):
        await server.invoke("Ada", "#general", "settings model", {})


async def test_autocompletion_and_its_limits(server: DiscordServer, bot: Bot) -> None:
    """The library sees what was typed and the options before it; 26 choices are refused."""
    refusals: asyncio.Queue[discord.HTTPException] = asyncio.Queue()

    @bot.tree.command(description="Choose.")
    async def model(interaction: Interaction, provider: str, name: str, size: int = 1) -> None:
        """Never called here."""

    @model.autocomplete("name")
    async def names(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        provider = interaction.namespace.provider
        found = [app_commands.Choice(name=f"{provider}/{typed}{n}", value=str(n)) for n in range(25)]
        return found if typed != "many" else [*found, app_commands.Choice(name="x", value="x")]

    @model.autocomplete("size")
    async def sizes(interaction: Interaction, typed: str) -> list[app_commands.Choice[int]]:
        return [app_commands.Choice(name=f"{typed}00", value=int(typed) * 100)]

    @bot.tree.error
    async def failed(interaction: Interaction, error: app_commands.AppCommandError) -> None:
        """Errors in an autocompletion do not come here."""

    await bot.tree.sync()
    typed = {"provider": "local", "name": "t"}
    found = await server.complete("Ada", "#general", "model", typed, "name")
    assert (len(found), found[0]) == (25, {"name": "local/t0", "value": "0"})
    numbers = await server.complete("Ada", "#general", "model", {"size": "4"}, "size")
    assert numbers == [{"name": "400", "value": 400}]
    waiting = asyncio.create_task(
        server.complete("Ada", "#general", "model", typed | {"name": "many"}, "name")
    )
    heard = Heard(server)
    while "callback" not in (request := await heard.next("request"))["route"]:
        pass
    assert (request["status"], refusals.empty()) == (400, True)
    assert await waiting == []


async def test_a_message_menu(server: DiscordServer, bot: Bot) -> None:
    """The message comes resolved, with its text; the answer is of its own kind and names its target."""
    seen: asyncio.Queue[discord.Message] = asyncio.Queue()

    @bot.tree.context_menu(name="Ask about this")
    async def about(interaction: Interaction, message: discord.Message) -> None:
        seen.put_nowait(message)
        await interaction.response.send_message("About that.", ephemeral=True)

    @bot.tree.context_menu(name="Who is this")
    async def who(interaction: Interaction, member: discord.Member) -> None:
        await interaction.response.send_message(f"That is {member.display_name}.")

    await bot.tree.sync()
    server.grant_message_content(granted=False)
    said = await server.say("Ben", "#general", "the water is high")
    heard = Heard(server)
    await server.use_on_message("Ada", "#general", said, "Ask about this")
    message = await seen.get()
    assert (str(message.id), message.content, message.author.display_name) == (
        said,
        "the water is high",
        "Ben",
    )
    while not (answer := (await heard.next("message"))["message"])["author"]["bot"]:
        pass
    assert (answer["command"], answer["only_for"]) == (
        "Ask about this",
        str(server.world.person("Ada").id),
    )
    await server.use_on_person("Ada", "#general", "Cleo", "Who is this")
    answer = (await heard.next("message"))["message"]
    sent = await bot.channel(server, "#general").fetch_message(int(answer["id"]))
    assert (sent.content, sent.type.value) == ("That is Cleo.", 23)
    assert sent.interaction_metadata is not None
    assert sent.interaction_metadata.target_user is not None
    assert sent.interaction_metadata.target_user.id == server.world.person("Cleo").id


async def test_the_language_of_who_asks(server: DiscordServer, bot: Bot) -> None:
    """An interaction carries the person's language and the server's; the menu is in the person's."""
    asked: asyncio.Queue[Interaction] = asyncio.Queue()
    command = ASK | {
        "name_localizations": {"pt-BR": "perguntar"},
        "description_localizations": {"pt-BR": "Pergunte ao modelo."},
    }
    await bot.http.bulk_upsert_global_commands(server.world.application_id, [command])
    bot.event(_into(asked))
    await server.invoke("Ivo", "#general", "ask", {})
    interaction = await asked.get()
    assert (interaction.locale, interaction.guild_locale) == (
        discord.Locale.brazil_portuguese,
        discord.Locale.american_english,
    )
    await interaction.response.send_message("ok")
    [shown] = server.menu("Ivo", "#general")
    assert (shown["name"], shown["label"], shown["about"]) == ("ask", "perguntar", "Pergunte ao modelo.")
    assert server.menu("Ada", "#general")[0]["label"] == "ask"
    await server.set_language("Ada", "de")
    await server.invoke("Ada", "@Ada", "ask", {})
    german = await asked.get()
    assert (german.locale, german.guild_locale) == (discord.Locale.german, None)
    await german.response.send_message("ok")


def _into(queue: asyncio.Queue[Interaction]) -> Any:
    async def on_interaction(interaction: Interaction) -> None:
        queue.put_nowait(interaction)

    return on_interaction


async def test_a_command_is_offered_to_those_who_may_use_it(server: DiscordServer, bot: Bot) -> None:
    """By permissions in the server, by place, and by the channel's own rights."""
    for_admins = ASK | {"name": "settings", "default_member_permissions": str(int(Permission.MANAGE_GUILD))}
    for_nobody = ASK | {"name": "debug", "default_member_permissions": "0"}
    in_servers = ASK | {"name": "catchup", "contexts": [0]}
    in_private = ASK | {"name": "secret", "contexts": [1]}
    wanted = [ASK, for_admins, for_nobody, in_servers, in_private]
    await bot.http.bulk_upsert_global_commands(server.world.application_id, wanted)

    def names(person: str, chat: str) -> list[str]:
        return [command["name"] for command in server.menu(person, chat)]

    assert names("Ben", "#general") == ["ask", "catchup"]
    assert names("Ada", "#general") == ["ask", "settings", "debug", "catchup"]
    assert names("Ben", "@Ben") == ["ask", "settings", "debug", "secret"]
    with pytest.raises(PermissionError, match="not offered"):
        await server.invoke("Ben", "#general", "settings", {})
    server.grant("Ben", Permission.MANAGE_GUILD)
    assert names("Ben", "#general") == ["ask", "settings", "catchup"]
    server.overwrite("#help", "@everyone", deny=Permission.USE_APPLICATION_COMMANDS)
    assert names("Cleo", "#help") == []
