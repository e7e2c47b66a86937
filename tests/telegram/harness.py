"""The adapter on a local Telegram, its events in a queue, its clock in the test's hand."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from telegram import Bot as LibraryBot

from bots.sandbox.limits import load_profile
from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.client import TelegramPlatform
from core.adapters.memory_journal import MemoryJournal
from core.commands.registry import Registry
from core.messages import Incoming
from core.ports.alerts import Alerts
from core.ports.journal import Journal
from core.ports.surface import Suggest, Surface, no_suggestions
from core.settings import TelegramWebhook
from core.streaming.operations import Button, MessageContent
from core.streaming.rendering import Rendered
from tests.fakes.clock import FakeClock

E = TypeVar("E", bound=Incoming)


class HeldClock(FakeClock):
    """The fake clock, which also tells a test that somebody sleeps: sockets settle in no fixed time."""

    def __init__(self) -> None:
        super().__init__()
        self._sleeps: asyncio.Queue[float] = asyncio.Queue()

    async def sleep_until(self, deadline: float) -> None:
        self._sleeps.put_nowait(deadline - self.now)
        await super().sleep_until(deadline)

    async def see_next_sleep(self) -> float:
        """Wait until somebody sleeps, and let them; for how many seconds."""
        async with asyncio.timeout(10):
            return await self._sleeps.get()

    async def pass_next_sleep(self) -> float:
        """Wait until somebody sleeps, and let that time pass; its seconds."""
        seconds = await self.see_next_sleep()
        await self.advance(seconds)
        return seconds


class Bot:
    """A started adapter and what it delivered."""

    def __init__(
        self,
        server: TelegramServer,
        *,
        drafts: bool = False,
        commands: Registry | None = None,
        inline_mode: bool = False,
        journal: Journal | None = None,
        clock: HeldClock | None = None,
        webhook: TelegramWebhook | None = None,
        alerts: Alerts | None = None,
    ) -> None:
        self.server = server
        self.clock = clock or HeldClock()
        self.platform = TelegramPlatform(
            server.token,
            clock=self.clock,
            journal=journal or MemoryJournal(clock=self.clock),
            base_url=server.url,
            drafts=drafts,
            commands=commands,
            inline_mode=inline_mode,
            webhook=webhook,
            alerts=alerts,
        )
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
async def started(
    server: TelegramServer,
    *,
    drafts: bool = False,
    commands: Registry | None = None,
    inline_mode: bool = False,
    journal: Journal | None = None,
    clock: HeldClock | None = None,
    webhook: TelegramWebhook | None = None,
    alerts: Alerts | None = None,
    suggest: Suggest = no_suggestions,
) -> AsyncIterator[Bot]:
    """`journal`: one that outlives it; None: its own. `webhook`: where updates come; None: it polls."""
    bot = Bot(
        server,
        drafts=drafts,
        commands=commands,
        inline_mode=inline_mode,
        journal=journal,
        clock=clock,
        webhook=webhook,
        alerts=alerts,
    )
    bot.ready_line = await bot.platform.start(bot.handle, suggest)
    try:
        yield bot
    finally:
        await bot.platform.close()


SECRET = "a-secret_that-Nobody-guesses_0123456789"


def local_webhook(path: str = "/telegram") -> TelegramWebhook:
    """An address on this machine where nobody listens yet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return TelegramWebhook(f"http://127.0.0.1:{port}{path}", SECRET, port=port)


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


async def webhook_info(server: TelegramServer) -> dict[str, Any]:
    """What Telegram says of the webhook that is set."""
    async with LibraryBot(server.token, base_url=f"{server.url}/bot") as somebody:
        return (await somebody.get_webhook_info()).to_dict()
