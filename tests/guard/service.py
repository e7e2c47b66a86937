"""The whole service behind the real libraries on a local platform, with hastened time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from bots.discord.client import DiscordPlatform
from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.client import TelegramPlatform
from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_ledger import MemoryLedger
from core.adapters.memory_store import MemoryStore
from core.configuration import Live, ModelChoice
from core.policy.access import Access
from core.service.chat import ChatService
from core.service.choosing import Choices
from core.service.driver import Driver
from core.service.spending import Spending
from tests.commands.parts import Parts
from tests.fakes.faulty_model import FaultyModel
from tests.fakes.moved_clock import MovedClock
from tests.service.conftest import configured

SPEED: Final = 60.0
_PATIENCE_S: Final = 60.0
_QUIET_S: Final = 4.0  # by the hastened clock


class Service:
    """What was wired, and how to wait for it."""

    def __init__(self, chat: ChatService, model: FaultyModel, clock: MovedClock) -> None:
        self.chat, self.model, self.clock = chat, model, clock

    async def until_answered(self, answers: int) -> None:
        """Wait until so many answers were asked of the model, and all is shown."""
        async with asyncio.timeout(_PATIENCE_S):
            while len(self.model.said) < answers or self.chat.answering or self.chat._tasks._running:
                await self.clock.sleep_until(self.clock.monotonic() + 0.5)

    async def until_quiet(self, server: DiscordServer | TelegramServer) -> None:
        """Wait until nothing is under way, and nothing was asked of the platform for a while."""
        asked = -1
        async with asyncio.timeout(_PATIENCE_S):
            while asked != (now := _shown(server)) or self.chat.answering or self.chat._tasks._running:
                asked = now
                await self.clock.sleep_until(self.clock.monotonic() + _QUIET_S)


def _shown(server: DiscordServer | TelegramServer) -> int:
    return sum(request.route not in {"getUpdates", "getMe"} for request in server.requests)


@asynccontextmanager
async def serving(
    server: DiscordServer | TelegramServer, clock: MovedClock, deltas: Sequence[str], *, every_s: float
) -> AsyncIterator[Service]:
    """Every question is answered with `deltas`. What is configured: everybody may ask."""
    journal, store = MemoryJournal(clock=clock), MemoryStore()
    model = FaultyModel(clock, deltas, every_s=every_s)
    live, access = Live(configured(ModelChoice("scripted"))), Access(allow_everybody=True)
    spending, parts = Spending(MemoryLedger(), clock, lambda: live.current), Parts(clock, store, live)
    platform = (
        DiscordPlatform(server.token, clock=clock, api_base_url=server.url, journal=journal)
        if isinstance(server, DiscordServer)
        else TelegramPlatform(server.token, clock=clock, journal=journal, base_url=server.url, drafts=True)
    )
    chat = ChatService(
        completions=model,
        choices=Choices(store, live),
        driver=Driver(clock),
        clock=clock,
        access=access,
        spending=spending,
        store=store,
        journal=journal,
        book=parts.usage.book,
    )
    await platform.start(parts.dispatcher(chat, access, spending=spending).handle)
    try:
        yield Service(chat, model, clock)
    finally:
        now = clock.monotonic()
        await chat.stop(streams_until=now, marks_until=now)
        await platform.close()
        await model.aclose()
