"""What is one's own, on both platforms with their real libraries: it comes to the asker alone, and goes."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from PIL import Image

from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.client import TelegramPlatform
from core.adapters.memory_journal import MemoryJournal
from core.catalogue import say
from core.ports.store import Message, Role, Used
from core.service.personal_data import ASKED_S
from tests.commands.support import Service
from tests.discord.support import local_discord
from tests.end_to_end.screen import Screen
from tests.fakes.moved_clock import MovedClock
from tests.telegram.harness import local_telegram

CANARY = "canary in the lock chamber"
Json = dict[str, Any]


class Stage:
    """One platform with Sluice behind it, and what can be seen there."""

    def __init__(self, server: DiscordServer | TelegramServer, service: Service, clock: MovedClock) -> None:
        self.server, self.service, self.clock = server, service, clock
        self.screen = Screen(server.snapshot())
        server.subscribe(self.screen.take)

    async def keep(self, name: str) -> None:
        """Something of somebody's: a question, and a month of usage."""
        person = f"{self.screen.platform}:{self.screen.person(name)}"
        store, now = self.service.parts.store, self.clock.wall()
        text = f"{CANARY} of {name}"
        await store.add(Message(f"q{name}", f"c{name}", None, Role.USER, person, text, now))
        for day in range(30):
            row = Used(int(now // 86_400) - day, person, "place", "scripted", 1 + day % 3, 500 * day, 100)
            await store.use(row)

    async def said(self, words: str) -> Json:
        """The newest message of the bot that begins with these words."""

        def found() -> Json | None:
            newest = reversed(self.screen.messages.values())
            return next((m for m in newest if m["author"]["bot"] and m["text"].startswith(words)), None)

        return await self.screen.until(found)

    def file(self, message: Json) -> tuple[str, bytes]:
        """The name and the bytes of a message's one file."""
        [file] = message["files"]
        return file["name"], self.server.file(file["id"]) or b""

    def data_of(self, message: Json, label: str) -> str:
        """The id of the button with this label."""
        rows: list[list[Json]] = message["rows"]
        return next(str(one["id"]) for row in rows for one in row if one["label"] == label)


@asynccontextmanager
async def on_discord() -> AsyncIterator[tuple[Stage, DiscordServer]]:
    async with local_discord() as bot:
        service = Service(bot.clock)
        stage = Stage(bot.server, service, bot.clock)
        await bot.platform.start(service.dispatcher.handle, service.dispatcher.suggest)
        try:
            yield stage, bot.server
        finally:
            await service.close()


@asynccontextmanager
async def on_telegram() -> AsyncIterator[tuple[Stage, TelegramServer]]:
    async with local_telegram() as server:
        clock = MovedClock()
        service = Service(clock)
        platform = TelegramPlatform(
            server.token, clock=clock, journal=MemoryJournal(clock=clock), base_url=server.url
        )
        stage = Stage(server, service, clock)
        await platform.start(service.dispatcher.handle, service.dispatcher.suggest)
        try:
            yield stage, server
        finally:
            await service.close()
            await platform.close()


def whole_begins(words: Callable[..., str] = say) -> str:
    """How the words beside an export begin, whatever their number."""
    return words("export.done", entries=1).split(":")[0]


async def test_discord_export_forget_and_what_is_left() -> None:
    async with on_discord() as (stage, server):
        await stage.keep("Ben")
        await stage.keep("Cleo")
        await server.invoke("Ben", "#general", "more export", {})
        told = await stage.said(whole_begins())
        assert told["only_for"] == stage.screen.person("Ben")
        name, content = stage.file(told)
        assert name == "my-data.json"
        assert [one["text"] for one in json.loads(content)["messages"]] == [f"{CANARY} of Ben"]

        await server.invoke("Ben", "#general", "more forget", {})
        asked = await stage.said(say("forget.ask", export="/more export"))
        assert asked["only_for"] == stage.screen.person("Ben")
        await server.press("Ben", "#general", asked["id"], stage.data_of(asked, say("button.forget")))
        done = await stage.said(say("forget.done", entries=1))
        assert (done["id"], done["rows"]) == (asked["id"], [])
        assert say("forget.stays") in done["text"]

        await server.invoke("Ben", "#help", "privacy", {})
        policy = await stage.said(say("privacy.kept"))
        export = stage.data_of(policy, say("button.export"))
        await server.press("Ben", "#help", policy["id"], export)
        again = await stage.screen.until(lambda: _with_file(stage, policy["chat"]))
        assert again["only_for"] == stage.screen.person("Ben")
        kept = json.loads(stage.file(again)[1])
        assert kept["messages"] == []
        assert len(kept["usage"]) == 30
        assert CANARY not in stage.file(again)[1].decode()


def _with_file(stage: Stage, chat: str) -> Json | None:
    messages = reversed(stage.screen.messages.values())
    return next((m for m in messages if m["chat"] == chat and m["files"]), None)


async def test_discord_shows_usage_as_a_picture_to_the_asker_alone() -> None:
    async with on_discord() as (stage, server):
        await stage.keep("Ben")
        await server.invoke("Ben", "#general", "more usage", {"of": "me"})
        told = await stage.said(f"**{say('usage.of.me')}**")
        assert told["only_for"] == stage.screen.person("Ben")
        assert told["files"][0]["picture"]
        _check_picture(*stage.file(told))


async def test_discord_a_confirmation_expires_after_five_minutes() -> None:
    async with on_discord() as (stage, server):
        await stage.keep("Ben")
        await server.invoke("Ben", "#general", "more forget", {})
        asked = await stage.said(say("forget.ask", export="/more export"))
        stage.clock.ahead_s += ASKED_S
        await server.press("Ben", "#general", asked["id"], stage.data_of(asked, say("button.forget")))
        await stage.screen.told("Ben", say("forget.over", command="/more forget"))
        person = f"discord:{stage.screen.person('Ben')}"
        assert (await stage.service.parts.store.export(person))["messages"] != []


async def test_telegram_export_forget_and_what_is_left() -> None:
    async with on_telegram() as (stage, server):
        await stage.keep("Ada")
        await stage.keep("Ben")
        await server.say("Ada", "Ada", "/export")
        told = await stage.said(whole_begins())
        name, content = stage.file(told)
        assert name == "my-data.json"
        assert [one["text"] for one in json.loads(content)["messages"]] == [f"{CANARY} of Ada"]

        await server.say("Ada", "Ada", "/privacy")
        policy = await stage.said("What I keep about you")
        await server.press("Ada", "Ada", policy["id"], stage.data_of(policy, say("button.forget_me")))
        asked = await stage.said(say("forget.ask", export="/export"))
        await server.press("Ada", "Ada", asked["id"], stage.data_of(asked, say("button.forget")))
        done = await stage.said(say("forget.done", entries=1))
        assert done["id"] == asked["id"]

        await server.press("Ada", "Ada", policy["id"], stage.data_of(policy, say("button.export")))
        again = await stage.screen.until(
            lambda: next(
                (m for m in stage.screen.messages.values() if m["files"] and m["id"] != told["id"]), None
            )
        )
        assert json.loads(stage.file(again)[1])["messages"] == []


async def test_telegram_shows_usage_as_a_photo_in_a_private_chat() -> None:
    async with on_telegram() as (stage, server):
        await stage.keep("Ada")
        await server.say("Ada", "Ada", "/usage")
        told = await stage.said(say("usage.of.me"))
        assert told["files"][0]["picture"]
        _check_picture(*stage.file(told))


def _check_picture(name: str, content: bytes) -> None:
    image = Image.open(io.BytesIO(content))
    assert (name, image.format) == ("usage.png", "PNG")
    assert image.width == 800


async def test_telegram_in_a_group_nothing_of_ones_own_is_shown() -> None:
    async with on_telegram() as (stage, server):
        await stage.keep("Ada")
        for command, words in (
            ("/export", say("export.private", command="/export")),
            ("/usage", say("usage.private", command="/usage", server="/usage server")),
        ):
            await server.say("Ada", "Riverside", f"{command}@{server.snapshot()['bot']['username']}")
            await stage.said(words)
        await server.say("Ada", "Riverside", f"/privacy@{server.snapshot()['bot']['username']}")
        policy = await stage.said("What I keep about you")
        for button, words in (
            ("button.export", say("export.private", command="/export")),
            ("button.forget_me", say("forget.private", command="/forget")),
        ):
            await server.press("Ada", "Riverside", policy["id"], stage.data_of(policy, say(button)))
            await stage.screen.told("Ada", words)
        assert not any(message["files"] for message in stage.screen.messages.values())


async def test_telegram_nobody_confirms_for_another() -> None:
    async with on_telegram() as (stage, server):
        await stage.keep("Ada")
        await stage.keep("Ben")
        await server.say("Ada", "Riverside", f"/forget@{server.snapshot()['bot']['username']}")
        asked = await stage.said(say("forget.ask", export="/export"))
        yes = stage.data_of(asked, say("button.forget"))
        await server.press("Ben", "Riverside", asked["id"], yes)
        await stage.screen.told("Ben", say("forget.not_theirs"))
        store = stage.service.parts.store
        for name in ("Ada", "Ben"):
            assert (await store.export(f"telegram:{stage.screen.person(name)}"))["messages"] != []
        await server.press("Ada", "Riverside", asked["id"], yes)
        await stage.said(say("forget.done", entries=1))
        assert (await store.export(f"telegram:{stage.screen.person('Ada')}"))["messages"] == []
        assert (await store.export(f"telegram:{stage.screen.person('Ben')}"))["messages"] != []


async def test_discord_a_servers_usage_is_for_who_manages_it() -> None:
    async with on_discord() as (stage, server):
        day = int(stage.clock.wall() // 86_400)
        guild = f"discord:{server.world.guild_id}"
        await stage.service.parts.store.use(Used(day, "discord:7", guild, "scripted", 3, 10, 20))
        await server.invoke("Ben", "#general", "more usage", {"of": "server"})
        await stage.screen.told("Ben", say("unusable.managers", command="/more usage server"))
        await server.invoke("Ada", "#planning", "more usage", {"of": "server"})  # she owns it
        told = await stage.said(f"**{say('usage.of.server')}**")
        assert told["only_for"] == stage.screen.person("Ada")
        assert "3 requests" in told["text"]


async def test_telegram_a_groups_usage_is_for_who_manages_it() -> None:
    async with on_telegram() as (stage, server):
        day = int(stage.clock.wall() // 86_400)
        username = server.snapshot()["bot"]["username"]
        [chat] = [one["id"] for one in server.snapshot()["chats"] if one["name"] == "Riverside"]
        group = f"telegram:{chat}"
        await stage.service.parts.store.use(Used(day, "telegram:7", group, "scripted", 4, 10, 20))
        await server.say("Ben", "Riverside", f"/usage@{username} server")
        await stage.said(say("unusable.managers", command="/usage server"))
        await server.say("Ada", "Riverside", f"/usage@{username} server")
        assert "4 requests" in (await stage.said(say("usage.of.server")))["text"]
