"""The service with its dispatcher behind a platform, and a model that says what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.client import TelegramPlatform
from core.adapters.clock import SystemClock
from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_store import MemoryStore
from core.commands.registry import Registry
from core.configuration import Budgets, Configuration, Limits, Live, ModelChoice
from core.policy.access import Access
from core.ports.clock import Clock
from core.service.chat import ChatService
from core.service.choosing import Choices
from core.service.driver import Driver
from core.service.signing import Signer
from tests.commands.parts import Parts
from tests.discord.support import Bot, local_discord
from tests.service.conftest import configured
from tests.service.scripted_model import ScriptedModel
from tests.telegram.harness import local_telegram

PATIENCE_S = 10
SIGNER = Signer(b"of every process in turn, as kept")


class Service:
    """Give `dispatcher.handle` and `dispatcher.suggest` to a platform."""

    def __init__(
        self,
        clock: Clock,
        commands: Registry | None = None,
        *,
        admin: str = "",
        store: MemoryStore | None = None,
        configuration: Configuration | None = None,
        daily_tokens: int | None = None,
        access: Access | None = None,
    ) -> None:
        self.model = ScriptedModel()
        self.clock = clock
        self.store = store or MemoryStore()
        budgets = Budgets(everybody=Limits(daily_tokens))
        live = Live(configuration or configured(ModelChoice("scripted"), budgets=budgets))
        self.access = access or Access(allow_everybody=True, admins=frozenset({admin} if admin else ()))
        self.parts = Parts(clock, self.store, live)
        self.spending = self.parts.spending
        self.chat = ChatService(
            completions=self.model,
            choices=Choices(self.store, live),
            store=self.store,
            journal=MemoryJournal(clock=clock),
            driver=Driver(clock),
            clock=clock,
            access=self.access,
            spending=self.spending,
            book=self.parts.usage.book,
            signer=SIGNER,
        )
        self.dispatcher = self.parts.dispatcher(self.chat, self.access, commands, spending=self.spending)

    async def close(self) -> None:
        now = self.clock.monotonic()
        await self.chat.stop(streams_until=now, marks_until=now)


@asynccontextmanager
async def on_discord(commands: Registry | None = None) -> AsyncIterator[tuple[Bot, Service]]:
    async with local_discord(commands=commands) as bot:
        service = Service(bot.clock, commands)
        await bot.platform.start(service.dispatcher.handle, service.dispatcher.suggest)
        try:
            yield bot, service
        finally:
            await service.close()


class Chat:
    """Ada's private chat with the bot on Telegram."""

    def __init__(self, server: TelegramServer) -> None:
        self.server = server
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        server.subscribe(self._events.put_nowait)

    async def says(self, text: str) -> dict[str, Any]:
        """The bot's message that says this, whether sent or edited."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = (await self._events.get()).get("message")
                if isinstance(message, dict) and message["author"]["bot"] and text in message["text"]:
                    return message


@asynccontextmanager
async def on_telegram(commands: Registry | None = None) -> AsyncIterator[tuple[Chat, Service]]:
    async with local_telegram() as server:
        service = Service(clock := SystemClock(), commands)
        platform = TelegramPlatform(
            server.token,
            clock=clock,
            journal=MemoryJournal(clock=clock),
            base_url=server.url,
            commands=commands,
        )
        chat = Chat(server)
        await platform.start(service.dispatcher.handle, service.dispatcher.suggest)
        try:
            yield chat, service
        finally:
            await service.close()
            await platform.close()


async def said(bot: Bot, text: str) -> dict[str, Any]:
    """The message on Discord that says this, whether sent or edited."""

    def found() -> list[dict[str, Any]]:
        return [message for message in bot.server.snapshot()["messages"] if message["text"] == text]

    await bot.heard.until(lambda: bool(found()))
    return found()[0]
