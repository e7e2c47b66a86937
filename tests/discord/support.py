"""The real adapter over the real discord.py, connected to a local Discord over sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from unittest import mock

from discord.gateway import DiscordWebSocket
from discord.http import Route

from bots.discord.client import DiscordPlatform
from bots.discord.markdown import DiscordRenderer
from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.limits import load_profile
from core.adapters.memory_journal import MemoryJournal
from core.commands.registry import Registry
from core.messages import Incoming, MessageDeleted, Person, PlaceMoved
from core.ports.journal import Journal
from core.ports.surface import Surface
from core.streaming.operations import Button, MessageContent
from tests.fakes.moved_clock import MovedClock
from tests.sandbox.discord_harness import PATIENCE_S, Heard


class Bot:
    """The platform under test beside its server: what reached the core, what people see."""

    def __init__(
        self,
        server: DiscordServer,
        clock: MovedClock,
        commands: Registry | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.server = server
        self.clock = clock
        self.journal = journal or MemoryJournal(clock=clock)
        self._commands = commands
        self.platform = self.new_platform()
        self.heard = Heard(server)
        self.ready = ""
        self.deals = True  # False: what comes in is never dealt with
        self._inbox: asyncio.Queue[tuple[Incoming, Surface]] = asyncio.Queue()

    def new_platform(self) -> DiscordPlatform:
        """That of a new process, with what was kept."""
        server = self.server
        return DiscordPlatform(
            server.token,
            clock=self.clock,
            api_base_url=server.url,
            commands=self._commands,
            journal=self.journal,
        )

    async def kill(self) -> None:
        """End the platform as `kill -9` does: nothing is written, no goodbye is said."""
        client, running = self.platform._client, self.platform._running
        assert client is not None
        assert running is not None
        running.cancel()
        tasks = [*client._tasks, client._connection._ready_task]
        for task in filter(None, tasks):
            task.cancel()
        await asyncio.gather(running, *client._tasks, return_exceptions=True)
        self.platform._client = None
        self.server.lose_sessions()
        if client.ws is not None:
            await client.ws.socket.close()  # a process that is gone holds no connection
        await client.http.close()
        await client.end_left_sockets()

    async def start_again(self) -> None:
        """A new process, after `kill` or a close."""
        self.platform = self.new_platform()
        self.ready = await self.platform.start(self.handle)

    @property
    def waiting(self) -> int:
        """How many events reached the core and were not asked for."""
        return self._inbox.qsize()

    async def handle(self, incoming: Incoming, surface: Surface) -> None:
        """The core's place: everything waits in the inbox, and counts as dealt with there."""
        self._inbox.put_nowait((incoming, surface))
        if surface.capabilities.keeps_events and self.deals:
            await self.journal.handled(surface.account, [incoming.event_id], self.clock.wall())

    async def next(self) -> tuple[Incoming, Surface]:
        """The next event that reached the core, with its surface."""
        return await asyncio.wait_for(self._inbox.get(), PATIENCE_S)

    async def author(self) -> Person:
        """Whose the next event is."""
        event, _ = await self.next()
        assert not isinstance(event, MessageDeleted | PlaceMoved)
        return event.author

    def shown(self, chat: str) -> list[tuple[str, str]]:
        """(author, text) of every message in a chat, in order."""
        messages = self.server.world.chat(chat).messages.values()
        return [(message.author.name, message.content) for message in messages]

    def entry(self, message_id: str) -> dict[str, Any]:
        """A message as the page shows it."""
        entries = {entry["id"]: entry for entry in self.server.snapshot()["messages"]}
        found: dict[str, Any] = entries[message_id]
        return found

    def count(self, method: str, route: str) -> int:
        """How many requests of this kind the server got."""
        return sum((r.method, r.route) == (method, route) for r in self.server.requests)

    def bodies(self, method: str, ending: str) -> list[Any]:
        """The JSON bodies of every request to routes that end so."""
        return [r.body for r in self.server.requests if r.method == method and r.route.endswith(ending)]


@asynccontextmanager
async def local_discord(
    *,
    scale: float = 0.001,
    speed: float = 1.0,
    commands: Registry | None = None,
    journal: Journal | None = None,
) -> AsyncIterator[Bot]:
    """A local Discord, its limits' windows scaled, and the platform beside it, not yet started. The clock of
    both goes at this speed."""
    clock = MovedClock(speed=speed)
    server = DiscordServer(profile=load_profile(scale=scale), clock=clock)
    await server.start()
    with library_restored():
        bot = Bot(server, clock, commands, journal)
        try:
            yield bot
        finally:
            await bot.platform.close()
            await server.stop()


@asynccontextmanager
async def started(*, scale: float = 0.001, message_content: bool = True) -> AsyncIterator[Bot]:
    """The same, started."""
    async with local_discord(scale=scale) as bot:
        bot.server.grant_message_content(message_content)
        bot.ready = await bot.platform.start(bot.handle)
        yield bot


@contextmanager
def library_restored() -> Iterator[None]:
    """Put the library's process-wide addresses back afterwards."""
    with (
        mock.patch.object(Route, "BASE", Route.BASE),
        mock.patch.object(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY),
    ):
        yield


def content(
    text: str,
    *,
    buttons: tuple[Button, ...] = (),
    silent: bool = False,
    private: bool = False,
    nonce: str = "",
) -> MessageContent:
    """A message as the core hands it over."""
    return MessageContent(DiscordRenderer().render(text), buttons, silent, private, nonce)
