"""Nobody is notified by anything that a model, a name or a question holds: the local platforms judge it.

Over sockets, through the real libraries, by every way in which the adapters send and edit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import discord
import pytest

from bots.discord.markdown import DiscordRenderer
from bots.sandbox.discord.world import Permission
from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.markdown import TelegramRenderer
from core.messages import Field, Form, IncomingMessage
from core.ports.surface import Opened, Surface
from core.streaming.operations import Button, Delivered, FileContent, MessageContent, Outcome
from core.streaming.rendering import Rendered, Renderer
from tests.discord import support as on_discord
from tests.guard.mentions import Targets, payloads
from tests.telegram import harness as on_telegram

NO_WINDOW = 1e-6  # of the limits: this is about words, not about pace
SUPPRESS_EMBEDS = 1 << 2
THREAD_CREATED = 18  # Discord's own line, with the thread's name
GO_ON = Button("go", "Go on")
Show = Callable[[str], Awaitable[None]]


def _id(outcome: Outcome | None) -> str:
    assert isinstance(outcome, Delivered), outcome
    return outcome.message_id


def _file_name(text: str) -> str:
    """What a header of a request can carry: no library escapes the others, and no file of ours has them."""
    return "".join(char for char in text if char.isprintable() and char not in '";\\')[:60] + ".txt"


@dataclass
class Ways:
    """How a text reaches a chat: each sends it and then edits it."""

    surface: Surface
    renderer: Renderer
    shows: dict[str, Show] = field(default_factory=dict)

    def content(self, text: str, *, file: str = "", buttons: tuple[Button, ...] = ()) -> MessageContent:
        body = self.renderer.render(text)
        return MessageContent(
            body if body.text else Rendered("(nothing)"),
            buttons,
            file=FileContent(file, b"content") if file else None,
        )

    async def send_and_edit(self, surface: Surface, text: str, *, file: str = "") -> str:
        first = _id(await surface.send(self.content(text, file=file), None))
        await surface.edit(first, self.content(f"{text}\n{text} again", file=file))
        return first

    async def grow(self, text: str) -> None:
        message = _id(await self.surface.send(self.content("x"), None))
        for end in range(1, len(text) + 1):
            await self.surface.edit(message, self.content(f"x {text[:end]}"))


@asynccontextmanager
async def discord_ways() -> AsyncIterator[tuple[on_discord.Bot, Ways, Targets]]:
    async with on_discord.started(scale=NO_WINDOW) as bot:
        world = bot.server.world
        role = world.add_role("Crew", 0, [world.person("Cleo")])
        world.roles[role.id] = replace(role, mentionable=True)
        bot.server.grant("Sluice", Permission.MENTION_EVERYONE)
        await bot.server.say("Ben", "#general", "@Sluice hello")
        asked, channel = await bot.next()
        assert isinstance(asked, IncomingMessage)
        ways = Ways(channel, DiscordRenderer())

        async def command() -> Surface:
            await bot.server.invoke("Ben", "#general", "ask", {"prompt": "why?"})
            return (await bot.next())[1]

        async def by_channel(text: str) -> None:
            await ways.send_and_edit(channel, text)

        async def as_a_reply(text: str) -> None:
            first = _id(await channel.send(ways.content(text), asked.ref))
            await channel.edit(first, ways.content(f"{text} again"))

        async def by_first_answer(text: str) -> None:
            await ways.send_and_edit(await command(), text)

        async def in_place_of_a_deferral(text: str) -> None:
            surface = await command()
            await surface.typing()
            await ways.send_and_edit(surface, text)

        async def by_follow_up(text: str) -> None:
            surface = await command()
            await surface.send(ways.content("first"), None)
            await ways.send_and_edit(surface, text)

        async def as_a_file(text: str) -> None:
            await ways.send_and_edit(channel, text, file=_file_name(text))

        async def by_a_press(text: str) -> None:
            pressed = _id(await channel.send(ways.content("press", buttons=(GO_ON,)), None))
            await bot.server.press("Ben", "#general", pressed, GO_ON.data)
            surface = (await bot.next())[1]
            await surface.edit(pressed, ways.content(text))
            await ways.send_and_edit(surface, text)

        async def after_a_restart(text: str) -> None:
            surface = await command()
            first = _id(await surface.send(ways.content("first"), None))
            reopened = bot.platform.reopen(surface.place, surface.address)
            assert reopened is not None
            await reopened.edit(first, ways.content(text))
            await ways.send_and_edit(reopened, text)

        async def in_a_thread_called_so(text: str) -> None:
            assert channel.open_thread is not None
            opened = await channel.open_thread(text[:90].strip() or "x", None)
            assert isinstance(opened, Opened), opened
            await ways.send_and_edit(opened.surface, text)

        async def by_a_form(text: str) -> None:
            surface = await command()
            assert surface.open_form is not None
            asked_for = Field("a", text[:45] or "x", text[:100])
            await surface.open_form(Form("form", text[:45] or "x", (asked_for,)))

        shows = (
            *(by_channel, as_a_reply, by_first_answer, in_place_of_a_deferral, by_follow_up, as_a_file),
            *(by_a_press, after_a_restart, in_a_thread_called_so, by_a_form),
        )
        ways.shows = {show.__name__: show for show in shows}
        targets = Targets(world.person("Cleo").id, role.id, world.guild_id, world.chat("#bots").id)
        yield bot, ways, targets


@asynccontextmanager
async def telegram_ways() -> AsyncIterator[tuple[TelegramServer, Ways, Targets]]:
    async with on_telegram.local_telegram(scale=NO_WINDOW) as server, on_telegram.started(server) as bot:
        await server.say("Ben", "Riverside", "@sluice_bot hello")
        asked, chat = await bot.next(IncomingMessage)
        ways = Ways(chat, TelegramRenderer())

        async def by_message(text: str) -> None:
            await ways.send_and_edit(chat, text)

        async def as_a_reply(text: str) -> None:
            first = _id(await chat.send(ways.content(text), asked.ref))
            await chat.edit(first, ways.content(f"{text} again"))

        async def as_a_caption(text: str) -> None:
            await ways.send_and_edit(chat, text, file=_file_name(text))

        async def without_its_entities(text: str) -> None:
            """As where Telegram refuses them: what was code is none then."""
            body = ways.renderer.render(text)
            plain = Rendered(body.text if body.plain is None else body.plain)
            if plain.text:
                await chat.send(MessageContent(plain), None)

        async def as_a_file_of_a_message(text: str) -> None:
            first = _id(await chat.send(ways.content("first"), None))
            await chat.edit(first, ways.content(text, file=_file_name(text)))

        async def after_a_restart(text: str) -> None:
            reopened = bot.platform.reopen(chat.place, chat.address)
            assert reopened is not None
            await ways.send_and_edit(reopened, text)

        shows = (by_message, as_a_reply, as_a_caption, without_its_entities, as_a_file_of_a_message)
        ways.shows = {show.__name__: show for show in (*shows, after_a_restart)}
        yield server, ways, Targets(server._world.find_person("Cleo").id)


async def test_no_text_notifies_anybody_on_discord() -> None:
    """More than 500 of them, each by one way; nor does any show the preview of a link."""
    async with discord_ways() as (bot, ways, targets):
        texts = payloads(targets.on_discord())
        assert len(texts) >= 500
        shows = list(ways.shows.values())
        for number, text in enumerate(texts):
            await shows[number % len(shows)](text)
        assert bot.server.pings == []
        world = bot.server.world
        every = [one for chat in world.channels.values() for one in chat.messages.values()]
        ours = [one for one in every if one.author == world.bot and one.type != THREAD_CREATED]
        assert len(ours) >= 500
        assert all(one.flags & SUPPRESS_EMBEDS for one in ours)
        assert not any(one.mentions.users or one.mentions.roles or one.mentions.everyone for one in ours)


async def test_the_same_texts_notify_where_discord_is_not_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So the check can fail, by each way that takes a text."""
    everybody = discord.AllowedMentions.all()
    monkeypatch.setattr("bots.discord.surface.NOBODY", everybody)
    monkeypatch.setattr("bots.discord.interactions.NOBODY", everybody)
    async with discord_ways() as (bot, ways, targets):
        seen: Counter[str] = Counter()
        for name, show in ways.shows.items():
            before = len(bot.server.pings)
            await show(f"@everyone <@{targets.user}>")
            seen[name] = len(bot.server.pings) - before
        assert seen["by_a_form"] == 0  # a form has no text that is parsed
        assert all(count >= 2 for name, count in seen.items() if name != "by_a_form"), seen
        notifying = 0
        for text in payloads(targets.on_discord())[::5]:
            before = len(bot.server.pings)
            await ways.shows["by_channel"](text)
            notifying += len(bot.server.pings) > before
        assert notifying > 40


async def test_no_text_notifies_anybody_on_telegram() -> None:
    async with telegram_ways() as (server, ways, targets):
        texts = payloads(targets.on_telegram())
        assert len(texts) >= 500
        shows = list(ways.shows.values())
        for number, text in enumerate(texts):
            await shows[number % len(shows)](text)
            await ways.shows["without_its_entities"](text)
        assert server.pings == []
        requests = [one.body for one in server.requests if one.route in {"sendMessage", "editMessageText"}]
        assert len(requests) >= 500
        assert all("is_disabled" in str(body["link_preview_options"]) for body in requests)
        assert not any("parse_mode" in body for body in requests)


async def test_the_same_texts_notify_where_telegram_sees_the_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the check can fail, by each way."""
    monkeypatch.setattr("bots.telegram.markdown._WORD_JOINER", "")
    async with telegram_ways() as (server, ways, targets):
        for name, show in ways.shows.items():
            before = len(server.pings)
            await show("so @cleo there")
            assert len(server.pings) > before, name
        before = len(server.pings)
        for text in payloads(targets.on_telegram())[::5]:
            await ways.shows["by_message"](text)
        assert len(server.pings) - before > 60


async def test_a_name_that_grows_by_edits_notifies_nobody_at_any_point_on_discord() -> None:
    """Cut between any two characters, as a stream may show it."""
    async with discord_ways() as (bot, ways, targets):
        for text in targets.on_discord():
            await ways.grow(text)
        assert bot.server.pings == []


async def test_a_name_that_grows_by_edits_notifies_nobody_at_any_point_on_telegram() -> None:
    async with telegram_ways() as (server, ways, targets):
        for text in targets.on_telegram():
            await ways.grow(text)
        assert server.pings == []
