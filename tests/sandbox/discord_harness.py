"""The real discord.py, pointed at a local Discord for one test."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest import mock

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bots.sandbox.discord.server import DiscordServer

PATIENCE_S = 10.0


class HandClock:
    """The monotonic clock, plus whatever a test adds; frozen, it moves by that alone."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self._stands_at: float | None = None

    def freeze(self) -> None:
        """Stand still, so that no window ends because the machine is slow."""
        self._stands_at = time.monotonic()

    def __call__(self) -> float:
        return (self._stands_at or time.monotonic()) + self.ahead_s


class Bot(discord.Client):
    """A client that keeps every event for `next`."""

    def __init__(self, intents: discord.Intents) -> None:
        super().__init__(intents=intents, guild_ready_timeout=0.01)
        self.tree = discord.app_commands.CommandTree(self)
        self._seen: defaultdict[str, asyncio.Queue[Any]] = defaultdict(asyncio.Queue)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Identify again without the five seconds that are meant for Discord."""

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        super().dispatch(event, *args, **kwargs)
        self._seen[event].put_nowait(args[0] if len(args) == 1 else args)

    async def next(self, event: str) -> Any:
        """The next event of this kind, waiting for it if need be."""
        return await asyncio.wait_for(self._seen[event].get(), PATIENCE_S)

    def has(self, event: str) -> bool:
        """Whether an event of this kind is waiting."""
        return not self._seen[event].empty()

    def channel(self, server: DiscordServer, chat: str) -> Any:
        """discord.py's channel for a chat of the server."""
        return self.get_channel(server.world.chat(chat).id)


class Heard:
    """The server's events for the page, to wait for."""

    def __init__(self, server: DiscordServer) -> None:
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        server.subscribe(self._events.put_nowait)

    async def next(self, kind: str) -> dict[str, Any]:
        """The next event of this type; others before it are skipped."""
        while True:
            event = await asyncio.wait_for(self._events.get(), PATIENCE_S)
            if event["type"] == kind:
                return event

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for events until this holds."""
        while not holds():
            await asyncio.wait_for(self._events.get(), PATIENCE_S)


def intents(*, message_content: bool = True) -> discord.Intents:
    """The default intents, with or without message content."""
    wanted = discord.Intents.default()
    wanted.message_content = message_content
    return wanted


@asynccontextmanager
async def connected(server: DiscordServer, wanted: discord.Intents | None = None) -> AsyncIterator[Bot]:
    """A client that is ready, with commands synced if the tree has any; closed afterwards."""
    gateway = yarl.URL(server.gateway_url)
    with (
        mock.patch.object(Route, "BASE", server.url),
        mock.patch.object(DiscordWebSocket, "DEFAULT_GATEWAY", gateway),
    ):
        bot = Bot(wanted or intents())
        running = asyncio.create_task(bot.start(server.token))
        try:
            ready = asyncio.create_task(bot.next("ready"))
            await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                ready.cancel()
                running.result()
            yield bot
        finally:
            await bot.close()
            await asyncio.wait({running})


@asynccontextmanager
async def raw(server: DiscordServer) -> AsyncIterator[aiohttp.ClientSession]:
    """A plain HTTP client with the bot's token, to see what goes over the wire."""
    headers = {"Authorization": f"Bot {server.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield session
