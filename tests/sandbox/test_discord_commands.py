"""Application commands on the local Discord: filled in, completed, offered to those who may use them."""

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


async def test_a_command_for_those_who_installed_it(server: DiscordServer, bot: Bot) -> None:
    """It is not offered where the guild alone has the application."""
    asked: asyncio.Queue[Interaction] = asyncio.Queue()
    http: Any = bot.http
    own = ASK | {"integration_types": [1], "contexts": [0, 1, 2]}
    await http.bulk_upsert_global_commands(server.world.application_id, [own])
    bot.event(_into(asked))
    assert server.menu("Ben", "#general") == []
    with pytest.raises(PermissionError, match="not offered"):
        await server.invoke("Ben", "#general", "ask", {})
    await server.invoke("Ben", "#general", "ask", {}, users_own=True)
    interaction = await asked.get()
    assert (interaction.is_user_integration(), interaction.is_guild_integration()) == (True, False)
    await interaction.response.send_message("ok")


async def test_among_friends_without_the_bot(server: DiscordServer, bot: Bot) -> None:
    """Only user-installable commands, answered by the interaction alone: the bot sees nothing there."""
    asked: asyncio.Queue[Interaction] = asyncio.Queue()
    http: Any = bot.http
    own = ASK | {"integration_types": [0, 1], "contexts": [0, 1, 2]}
    in_servers = ASK | {"name": "catchup", "integration_types": [0]}
    await http.bulk_upsert_global_commands(server.world.application_id, [own, in_servers])
    bot.event(_into(asked))
    chat = await server.open_private("Ada", "Ben")
    await server.say("Ben", chat, "shall we ask?")
    with pytest.raises(PermissionError):
        await server.say("Cleo", chat, "me too")
    assert [command["name"] for command in server.menu("Ada", chat)] == ["ask"]
    await server.invoke("Ada", "@Ada & Ben", "ask", {})
    interaction = await asked.get()
    assert interaction.context.private_channel
    assert (interaction.is_user_integration(), interaction.guild, interaction.user.name) == (
        True,
        None,
        "ada",
    )
    await interaction.response.send_message("for both of you")
    assert [(m["chat"], m["only_for"]) for m in server.snapshot()["messages"]] == [(chat, None)] * 2
    assert not bot.has("message")
    async with raw(server) as plain, plain.get(f"{server.url}/channels/{chat}/messages") as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, 50001)
