"""Threads that surfaces open: on a real platform's library, what is sent there stands there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from telegram import Bot

from bots.discord.surface import ChannelSurface
from bots.sandbox.discord.world import Permission
from bots.sandbox.limits import load_profile
from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.surface import ChatSurface
from core.adapters.clock import SystemClock
from core.messages import MessageRef, Place, PlaceKind
from core.ports.surface import NoThread, NotOpened, Opened, Surface
from core.streaming.operations import Delivered, MessageContent
from tests.discord.support import started
from tests.fakes.surface import FakeSurface

RIGHTS = ("can_manage_chat", "can_manage_topics")


@dataclass
class ThreadBench:
    """`shown`: chat's name and text of each of the bot's messages; `forbid`, `limit`: of the next thread."""

    surface: Surface
    shown: Callable[[], list[tuple[str, str]]]
    forbid: Callable[[], Awaitable[str]]
    limit: Callable[[], object]


@asynccontextmanager
async def on_discord() -> AsyncIterator[ThreadBench]:
    async with started() as bot:
        server = bot.server
        await server.say("Ada", "#general", "@Sluice hello")
        _, surface = await bot.next()

        def shown() -> list[tuple[str, str]]:
            snapshot = server.snapshot()
            names = {chat["id"]: chat["name"] for chat in snapshot["chats"]}
            ours = [one for one in snapshot["messages"] if one["author"]["bot"] and one["text"]]
            return [(names[one["chat"]], one["text"]) for one in ours if one["chat"] != surface.place.chat_id]

        async def forbid() -> str:
            server.overwrite("#general", "Sluice", deny=Permission.CREATE_PUBLIC_THREADS)
            return "Create Public Threads"

        yield ThreadBench(surface, shown, forbid, lambda: server.fault("limited", retry_after=0.5))


@asynccontextmanager
async def on_telegram() -> AsyncIterator[ThreadBench]:
    server = TelegramServer(profile=load_profile(scale=0.001))
    await server.start()
    try:
        async with Bot(server.token, base_url=f"{server.url}/bot") as bot:
            await server.promote_bot("Ada", "Workshop", RIGHTS)
            chats = server.snapshot()["chats"]
            forum = next(chat["id"].split("/")[0] for chat in chats if chat["name"] == "General")
            surface = ChatSurface(bot, Place("telegram", forum, PlaceKind.SHARED))

            def shown() -> list[tuple[str, str]]:
                snapshot = server.snapshot()
                names = {chat["id"]: chat["name"] for chat in snapshot["chats"]}
                ours = [one for one in snapshot["messages"] if one["author"]["bot"]]
                return [
                    (names[one["chat"]], one["text"]) for one in ours if "created the topic" not in str(one)
                ]

            async def forbid() -> str:
                await server.demote_bot("Ada", "Workshop")
                return "Manage Topics"

            yield ThreadBench(surface, shown, forbid, lambda: server.fault("limited", retry_after=0.5))
    finally:
        await server.stop()


@asynccontextmanager
async def on_fake() -> AsyncIterator[ThreadBench]:
    surface = FakeSurface(SystemClock(), threads=True)

    async def forbid() -> str:
        surface.not_opened.append(NotOpened(NoThread.PERMISSION, "Open"))
        return "Open"

    yield ThreadBench(
        surface,
        lambda: [(name, text) for name, _, thread in surface.opened for text in thread.texts],
        forbid,
        lambda: surface.not_opened.append(NotOpened(NoThread.FAILED, retry_after_s=0.5)),
    )


@pytest.fixture(params=[on_fake, on_discord, on_telegram])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[ThreadBench]:
    async with request.param() as bench:
        yield bench


async def opened(surface: Surface, name: str, on: MessageRef | None = None) -> Opened | NotOpened:
    assert surface.open_thread is not None
    return await surface.open_thread(name, on)


async def test_what_is_sent_to_an_opened_thread_stands_there(bench: ThreadBench) -> None:
    thread = await opened(bench.surface, "Boats & <b>")
    assert isinstance(thread, Opened)
    place = thread.surface.place
    assert place.kind is PlaceKind.THREAD
    assert str(place) != str(bench.surface.place)
    assert thread.surface.account == bench.surface.account
    assert thread.surface.open_thread is None, "no thread below a thread"
    assert thread.link.startswith("https://")
    body = thread.surface.capabilities.renderer.render("They float.")
    sent = await thread.surface.send(MessageContent(body), None)
    assert isinstance(sent, Delivered)
    assert bench.shown() == [("Boats & <b>", "They float.")]


async def test_a_missing_permission_is_named(bench: ThreadBench) -> None:
    permission = await bench.forbid()
    assert await opened(bench.surface, "Boats") == NotOpened(NoThread.PERMISSION, permission)
    assert bench.shown() == []


async def test_too_many_say_when_to_come_again(bench: ThreadBench) -> None:
    bench.limit()
    refused = await opened(bench.surface, "Boats")
    assert isinstance(refused, NotOpened)
    assert refused.why is NoThread.FAILED
    assert 0.0 < refused.retry_after_s <= 1.0


async def test_discord_a_thread_hangs_on_its_message_and_carries_answers_alone() -> None:
    async with started() as bot:
        said = await bot.server.say("Ada", "#general", "@Sluice how do boats float?")
        _, surface = await bot.next()
        ref = MessageRef(surface.place.chat_id, said)
        thread = await opened(surface, "Boats", ref)
        assert isinstance(thread, Opened)
        assert (thread.surface.place.chat_id, thread.surface.place.parent_id) == (said, ref.chat_id)
        again = await opened(surface, "Boats", ref)
        assert isinstance(again, Opened), "it has one already, as after a process that was killed then"
        assert again.surface.place == thread.surface.place
        assert isinstance(surface, ChannelSurface)
        bot.server.overwrite("#general", "Sluice", deny=Permission.SEND_MESSAGES_IN_THREADS)
        await bot.server.say("Ada", "#general", "@Sluice again")
        _, surface = await bot.next()
        assert await opened(surface, "Boats") == NotOpened(NoThread.PERMISSION, "Send Messages in Threads")


async def test_telegram_a_group_without_topics_has_none() -> None:
    server = TelegramServer(profile=load_profile(scale=0.001))
    await server.start()
    try:
        async with Bot(server.token, base_url=f"{server.url}/bot") as bot:
            chats = server.snapshot()["chats"]
            group = next(chat["id"] for chat in chats if chat["name"] == "Riverside")
            surface = ChatSurface(bot, Place("telegram", group, PlaceKind.SHARED))
            assert await opened(surface, "Boats") == NotOpened(NoThread.NONE)
            private = ChatSurface(bot, Place("telegram", "1", PlaceKind.PRIVATE))
            assert private.open_thread is None
    finally:
        await server.stop()
