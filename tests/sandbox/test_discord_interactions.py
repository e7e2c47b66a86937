"""Slash commands and buttons on the local Discord, answered by the real discord.py."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
import pytest_asyncio
from discord import app_commands

from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.limits import load_profile
from tests.sandbox.discord_harness import Bot, HandClock, Heard, connected, raw

NOBODY = discord.AllowedMentions.none()


@pytest.fixture
def clock() -> HandClock:
    """The server's clock."""
    return HandClock()


@pytest_asyncio.fixture
async def server(clock: HandClock) -> AsyncIterator[DiscordServer]:
    """A running server whose windows are twenty times shorter."""
    running = DiscordServer(profile=load_profile(scale=0.05), clock=clock)
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture
async def bot(server: DiscordServer) -> AsyncIterator[Bot]:
    """A connected client with /ask and /persona set, synced; handlers are up to the test."""
    async with connected(server) as client:

        async def ask(interaction: discord.Interaction, prompt: str) -> None:
            client.dispatch("asked", interaction, prompt)

        async def choices(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
            names = ("calm", "curt", "kind")
            return [app_commands.Choice(name=n, value=n) for n in names if n.startswith(typed)]

        async def set_(interaction: discord.Interaction, name: str) -> None:
            await interaction.response.send_message(f"now {name}", ephemeral=True)

        client.tree.add_command(app_commands.Command(name="ask", description="Ask.", callback=ask))
        persona = app_commands.Group(name="persona", description="Personas.")
        setting: Any = app_commands.Command(name="set", description="Choose one.", callback=set_)
        setting.autocomplete("name")(choices)
        persona.add_command(setting)
        client.tree.add_command(persona)
        await client.tree.sync()
        yield client


async def asked(server: DiscordServer, bot: Bot, chat: str = "#general") -> discord.Interaction:
    """An interaction of /ask by Ada, as the bot got it."""
    await server.invoke("Ada", chat, "ask", {"prompt": "why?"})
    interaction, prompt = await bot.next("asked")
    assert prompt == "why?"
    assert isinstance(interaction, discord.Interaction)
    return interaction


def messages(server: DiscordServer) -> list[dict[str, Any]]:
    """All messages as the page shows them."""
    found: list[dict[str, Any]] = server.snapshot()["messages"]
    return found


async def test_sync_registers_and_keeps_ids(server: DiscordServer, bot: Bot) -> None:
    """A bulk overwrite replaces all commands; one that stays keeps its id."""
    heard = Heard(server)
    before = {command.name: command.id for command in await bot.tree.fetch_commands()}
    assert before.keys() == {"ask", "persona"}
    bot.tree.remove_command("persona")
    [kept] = await bot.tree.sync()
    assert kept.id == before["ask"]
    assert [c["name"] for c in (await heard.next("commands"))["commands"]] == ["ask"]
    with pytest.raises(ValueError, match="no command"):
        await server.invoke("Ada", "#general", "persona set", {"name": "calm"})


async def test_translations_come_back_only_when_asked_for(server: DiscordServer, bot: Bot) -> None:
    """And only for the languages that Discord has."""
    url = f"{server.url}/applications/{server.world.application_id}/commands"
    words = {"description": "Ask.", "description_localizations": {"pt-BR": "Pergunte."}}
    ask = {"name": "ask", **words, "options": [{"type": 3, "name": "prompt", **words}]}
    async with raw(server) as http:
        async with http.put(url, json=[ask]) as answer:
            assert answer.status == 200
        async with http.get(url) as answer:
            [command] = await answer.json()
            assert "description_localizations" not in command
            assert command["options"] == [{"type": 3, "name": "prompt", "description": "Ask."}]
        async with http.get(url, params={"with_localizations": "true"}) as answer:
            [command] = await answer.json()
            assert command["description_localizations"] == {"pt-BR": "Pergunte."}
            assert command["options"] == ask["options"]
        for locale, text in (("pt", "Pergunte."), ("de", ""), ("de", "x" * 101)):
            wrong = {**ask, "description_localizations": {locale: text}}
            async with http.put(url, json=[wrong]) as answer:
                assert answer.status == 400
                assert locale in (await answer.json())["errors"]["0"]["description_localizations"]


async def test_defer_edit_and_follow_up(server: DiscordServer, bot: Bot) -> None:
    """The round trip of a streamed answer: thinking, growing, a second page, gone."""
    interaction = await asked(server, bot)
    assert (interaction.user.display_name, interaction.channel_id) == (
        "Ada",
        server.world.chat("#general").id,
    )
    assert interaction.app_permissions.send_messages
    await interaction.response.defer(thinking=True)
    [thinking] = messages(server)
    assert (thinking["thinking"], thinking["command"]) == (True, "/ask prompt:why?")
    assert thinking["command_by"] == str(interaction.user.id)

    first = await interaction.edit_original_response(content="Because", allowed_mentions=NOBODY)
    assert str(first.id) == thinking["id"]
    await interaction.edit_original_response(content="Because it is.", allowed_mentions=NOBODY)
    second = await interaction.followup.send("Page two", wait=True, silent=True)
    await second.edit(content="Page two, edited")
    assert [(m["text"], m["thinking"], m["edited"]) for m in messages(server)] == [
        ("Because it is.", False, 1),
        ("Page two, edited", False, 1),
    ]
    assert messages(server)[1]["reply_to"] == thinking["id"]
    assert (await interaction.original_response()).content == "Because it is."
    await second.delete()
    await interaction.delete_original_response()
    assert messages(server) == []
    assert server.pings == []


async def test_the_bot_hears_its_answer_as_a_message(server: DiscordServer, bot: Bot) -> None:
    """A public answer is a message of the channel: created, then updated, and editable as one."""
    interaction = await asked(server, bot)
    await interaction.response.defer(thinking=True)
    created = await bot.next("message")
    assert created.interaction_metadata.id == interaction.id
    await interaction.edit_original_response(content="text")
    assert (await bot.next("raw_message_edit")).message.content == "text"
    await created.channel.get_partial_message(created.id).edit(content="by the channel's route")
    assert messages(server)[0]["text"] == "by the channel's route"


async def test_a_follow_up_right_after_deferring_fills_the_original(server: DiscordServer, bot: Bot) -> None:
    """As Discord documents it: no new message, and the deferral's ephemeral state is kept."""
    interaction = await asked(server, bot)
    await interaction.response.defer(thinking=True, ephemeral=True)
    await interaction.followup.send("text")
    [only] = messages(server)
    assert (only["text"], only["thinking"], only["only_for"]) == ("text", False, str(interaction.user.id))


async def test_a_follow_up_after_a_deferral_that_was_deleted(server: DiscordServer, bot: Bot) -> None:
    """With the thinking message gone, a follow-up is a message of its own and may be ephemeral."""
    interaction = await asked(server, bot)
    await interaction.response.defer(thinking=True)
    await interaction.delete_original_response()
    await interaction.followup.send("only you", ephemeral=True)
    [only] = messages(server)
    assert (only["text"], only["only_for"], only["reply_to"]) == ("only you", str(interaction.user.id), None)
    with pytest.raises(discord.NotFound) as gone:
        await interaction.edit_original_response(content="x")
    assert gone.value.code == 10008


async def test_ephemeral_answers_stay_private(server: DiscordServer, bot: Bot) -> None:
    """Nobody else hears of them, and the channel's own routes do not know them."""
    interaction = await asked(server, bot)
    answer = await interaction.response.send_message("only you", ephemeral=True)
    assert messages(server)[0]["only_for"] == str(interaction.user.id)
    assert isinstance(interaction.channel, discord.TextChannel)
    assert answer.message_id is not None
    with pytest.raises(discord.NotFound):
        await interaction.channel.fetch_message(answer.message_id)
    assert [m async for m in interaction.channel.history()] == []
    await interaction.edit_original_response(content="still only you")
    assert messages(server)[0]["text"] == "still only you"
    assert not bot.has("message")


async def test_in_a_direct_message(server: DiscordServer, bot: Bot) -> None:
    """A command in a DM comes with a user and no guild."""
    interaction = await asked(server, bot, "@Ada")
    assert (interaction.guild, interaction.context.dm_channel) == (None, True)
    await interaction.response.send_message("here")
    assert messages(server)[0]["chat"] == str(server.world.chat("@Ada").id)


async def test_three_seconds_to_the_first_answer(server: DiscordServer, bot: Bot, clock: HandClock) -> None:
    """Later than that the interaction is unknown."""
    interaction = await asked(server, bot)
    clock.ahead_s += 3.1
    with pytest.raises(discord.NotFound) as late:
        await interaction.response.defer()
    assert late.value.code == 10062


async def test_the_person_hears_that_no_answer_came() -> None:
    """Without a first answer Discord says so to the person who asked."""
    profile = load_profile()
    times = {**profile.discord.times, "first_answer_s": 0.05}
    hasty = dataclasses.replace(profile, discord=dataclasses.replace(profile.discord, times=times))
    server = DiscordServer(profile=hasty)
    await server.start()
    heard = Heard(server)
    async with raw(server) as http:
        url = f"{server.url}/applications/{server.world.application_id}/commands"
        async with http.put(url, json=[{"name": "ask", "description": "Ask."}]) as answer:
            assert answer.status == 200
    await server.invoke("Ben", "#general", "ask", {})
    event = await heard.next("answer")
    assert event == {
        "type": "answer",
        "to": str(server.world.person("Ben").id),
        "text": "The application did not respond",
    }
    await server.stop()


async def test_answering_twice_and_too_late(server: DiscordServer, bot: Bot, clock: HandClock) -> None:
    """A second callback is 40060; after fifteen minutes the token is 50027."""
    interaction = await asked(server, bot)
    await interaction.response.send_message("one")
    path = f"/interactions/{interaction.id}/{interaction.token}/callback"
    async with raw(server) as http, http.post(server.url + path, json={"type": 5}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, 40060)
    clock.ahead_s += 901
    with pytest.raises(discord.HTTPException) as expired:
        await interaction.edit_original_response(content="too late")
    assert (expired.value.status, expired.value.code) == (401, 50027)


async def test_a_follow_up_before_the_first_answer(server: DiscordServer, bot: Bot) -> None:
    """There is no webhook to speak through yet."""
    interaction = await asked(server, bot)
    with pytest.raises(discord.NotFound) as early:
        await interaction.followup.send("x")
    assert early.value.code == 10015


async def test_the_token_has_a_bucket_of_its_own(server: DiscordServer, bot: Bot, clock: HandClock) -> None:
    """Five requests per window: the sixth is a 429, and the account's limit is not drawn on."""
    clock.freeze()
    interaction = await asked(server, bot)
    account_left = server._front._account.remaining(clock())
    await interaction.response.defer(thinking=True)
    url = f"{server.url}/webhooks/{interaction.application_id}/{interaction.token}/messages/@original"
    answers = []
    async with raw(server) as http:
        for n in range(5):
            async with http.patch(url, json={"content": str(n)}) as answer:
                answers.append(answer.status)
                remaining = int(answer.headers["X-RateLimit-Remaining"])
        assert (remaining, answers) == (0, [200, 200, 200, 200, 429])
        assert server._front._account.remaining(clock()) == account_left
        assert answer.headers["Via"]
    clock.ahead_s += 2.0
    await interaction.edit_original_response(content="after the window")
    assert messages(server)[0]["text"] == "after the window"


async def test_a_minute_has_its_limit(server: DiscordServer, bot: Bot, clock: HandClock) -> None:
    """Thirty requests per minute and token, even when no short window is full."""
    clock.freeze()
    interaction = await asked(server, bot)
    await interaction.response.defer(thinking=True)
    url = f"{server.url}/webhooks/{interaction.application_id}/{interaction.token}/messages/@original"
    answers = []
    async with raw(server) as http:
        for n in range(30):
            clock.ahead_s += 0.05  # half of the short window
            async with http.patch(url, json={"content": str(n)}) as answer:
                answers.append(answer.status)
    assert answers == [200] * 29 + [429]


async def test_subcommands_options_and_autocomplete(server: DiscordServer, bot: Bot) -> None:
    """A subcommand's option is completed while it is typed, and required when it is sent."""
    assert await server.complete("Ada", "#general", "persona set", {"name": "c"}, "name") == [
        {"name": "calm", "value": "calm"},
        {"name": "curt", "value": "curt"},
    ]
    heard = Heard(server)
    await server.invoke("Ada", "#general", "persona set", {"name": "calm"})
    message = (await heard.next("message"))["message"]
    assert (message["text"], message["command"]) == ("now calm", "/persona set name:calm")
    with pytest.raises(ValueError, match="needs the option"):
        await server.invoke("Ada", "#general", "persona set", {})
    with pytest.raises(ValueError, match="has no option"):
        await server.invoke("Ada", "#general", "ask", {"prompt": "x", "color": "red"})


class Stop(discord.ui.View):
    """A Stop button that edits its message."""

    @discord.ui.button(label="Stop", custom_id="stop", style=discord.ButtonStyle.danger)
    async def stop_it(self, interaction: discord.Interaction, button: discord.ui.Button[Stop]) -> None:
        """Take the button away and mark the message."""
        await interaction.response.edit_message(content="stopped", view=None)


class Dismiss(discord.ui.View):
    """A button that only its author may press."""

    @discord.ui.button(label="No", custom_id="no")
    async def refuse(self, interaction: discord.Interaction, button: discord.ui.Button[Dismiss]) -> None:
        """Acknowledge, then tell the person privately."""
        await interaction.response.defer()
        await interaction.followup.send("not yours", ephemeral=True)


async def test_a_button_edits_its_message(server: DiscordServer, bot: Bot) -> None:
    """A press becomes an update of the message that carries the button."""
    heard = Heard(server)
    sent = await bot.channel(server, "#general").send("streaming", view=Stop())
    [button] = messages(server)[0]["buttons"]
    assert button == {"id": "stop", "label": "Stop", "style": 4, "disabled": False}
    await server.press("Ben", "#general", str(sent.id), "stop")
    edited = (await heard.next("edit"))["message"]
    assert (edited["text"], edited["buttons"]) == ("stopped", [])
    with pytest.raises(ValueError, match="no button"):
        await server.press("Ben", "#general", str(sent.id), "stop")


async def test_a_button_answers_privately(server: DiscordServer, bot: Bot) -> None:
    """A deferred update leaves the message alone; the follow-up is for the presser only."""
    heard = Heard(server)
    sent = await bot.channel(server, "#general").send("streaming", view=Dismiss())
    await server.press("Cleo", "#general", str(sent.id), "no")
    while (private := (await heard.next("message"))["message"])["only_for"] is None:
        pass
    assert (private["text"], private["only_for"]) == ("not yours", str(server.world.person("Cleo").id))
    assert messages(server)[0]["text"] == "streaming"


async def test_buttons_on_an_answer_to_a_command(server: DiscordServer, bot: Bot) -> None:
    """A view sent with an interaction's answer hears its presses as well."""
    interaction = await asked(server, bot)
    await interaction.response.defer(thinking=True)
    answer = await interaction.edit_original_response(content="streaming", view=Stop())
    heard = Heard(server)
    await server.press("Ada", "#general", str(answer.id), "stop")
    assert (await heard.next("edit"))["message"]["text"] == "stopped"


async def test_component_limits(server: DiscordServer, bot: Bot) -> None:
    """Two buttons with one id are refused."""
    button = {"type": 2, "style": 2, "label": "x", "custom_id": "same"}
    rows = [{"type": 1, "components": [button, button]}]
    url = f"{server.url}/channels/{server.world.chat('#general').id}/messages"
    async with raw(server) as http, http.post(url, json={"content": "x", "components": rows}) as answer:
        body = await answer.json()
        assert (answer.status, body["code"]) == (400, 50035)
        path = body["errors"]["components"]["0"]["components"]["1"]["custom_id"]
        assert path["_errors"][0]["code"] == "COMPONENT_CUSTOM_ID_DUPLICATED"


async def test_eight_commands_at_once(server: DiscordServer, bot: Bot) -> None:
    """Eight people ask in one channel and every answer is its own."""
    people = [person.name for person in server.world.people[:8]]
    await asyncio.gather(*(server.invoke(p, "#bots", "ask", {"prompt": p}) for p in people))

    async def answer() -> None:
        interaction, prompt = await bot.next("asked")
        await interaction.response.defer(thinking=True)
        for step in range(3):
            await interaction.edit_original_response(content=f"{prompt} {step}")

    await asyncio.gather(*(answer() for _ in people))
    assert sorted(m["text"] for m in messages(server)) == sorted(f"{p} 2" for p in people)
