"""The adapter on a local Telegram, its events in a queue, its clock in the test's hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from bots.sandbox.limits import load_profile
from bots.sandbox.telegram_server import TelegramServer
from bots.telegram.client import TelegramPlatform
from core.messages import Incoming
from core.ports.surface import Surface
from core.streaming.operations import Button, MessageContent
from core.streaming.rendering import Rendered

E = TypeVar("E", bound=Incoming)


class HeldClock:
    """core.ports.clock.Clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.deadlines: asyncio.Queue[float] = asyncio.Queue()  # each sleep's, when it begins
        self._moved = asyncio.Condition()

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    async def sleep_until(self, deadline: float) -> None:
        self.deadlines.put_nowait(deadline)
        async with self._moved:
            await self._moved.wait_for(lambda: self.now >= deadline)

    async def move_to(self, now: float) -> None:
        self.now = now
        async with self._moved:
            self._moved.notify_all()

    async def pass_next_sleep(self) -> float:
        """Wait until somebody sleeps, then move to the end of that sleep; its seconds."""
        async with asyncio.timeout(10):
            before, deadline = self.now, await self.deadlines.get()
        await self.move_to(deadline)
        return deadline - before


class Bot:
    """A started adapter and what it delivered."""

    def __init__(self, server: TelegramServer) -> None:
        self.server = server
        self.clock = HeldClock()
        self.platform = TelegramPlatform(server.token, clock=self.clock, base_url=server.url)
        self.ready_line = ""
        self._events: asyncio.Queue[tuple[Incoming, Surface]] = asyncio.Queue()

    async def handle(self, event: Incoming, surface: Surface) -> None:
        self._events.put_nowait((event, surface))

    async def next(self, kind: type[E]) -> tuple[E, Surface]:
        """The next event, which must be of this kind."""
        async with asyncio.timeout(10):
            event, surface = await self._events.get()
        assert isinstance(event, kind), event
        return event, surface

    @property
    def idle(self) -> bool:
        return self._events.empty()


@asynccontextmanager
async def local_telegram(scale: float = 0.001) -> AsyncIterator[TelegramServer]:
    server = TelegramServer(profile=load_profile(scale=scale))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def started(server: TelegramServer) -> AsyncIterator[Bot]:
    bot = Bot(server)
    bot.ready_line = await bot.platform.start(bot.handle)
    try:
        yield bot
    finally:
        await bot.platform.close()


def calls(server: TelegramServer, route: str) -> list[dict[str, Any]]:
    """The bodies of the calls of one method that were answered or dropped so far."""
    return [request.body for request in server.requests if request.route.lower() == route.lower()]


def next_request(server: TelegramServer, route: str) -> asyncio.Future[dict[str, Any]]:
    """The log's entry of the next call of a method, once it is answered."""
    found: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def look(event: dict[str, Any]) -> None:
        if event["type"] == "request" and event["route"].lower() == route.lower() and not found.done():
            found.set_result(event)

    server.subscribe(look)
    return found


async def online(server: TelegramServer) -> None:
    """Return when somebody polls."""
    polls = asyncio.Event()
    server.subscribe(lambda event: polls.set() if event == {"type": "online", "online": True} else None)
    if not server.snapshot()["online"]:
        await asyncio.wait_for(polls.wait(), 10)


def content(text: str, *buttons: Button, silent: bool = False, private: bool = False) -> MessageContent:
    """A message without marks."""
    return MessageContent(Rendered(text), buttons, silent=silent, private=private)


def message_of(server: TelegramServer, chat_id: str, message_id: str) -> dict[str, Any]:
    """A message as people see it; a forum's messages bear the topic behind the chat's id."""
    found: dict[str, Any] = next(
        message
        for message in server.snapshot()["messages"]
        if message["id"] == message_id and message["chat"].split("/")[0] == chat_id
    )
    return found
