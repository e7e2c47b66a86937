"""A journal that fails when it is told to, and what outlives the process that writes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.kept import update_in
from core.adapters.memory_journal import JournalState, MemoryJournal
from core.messages import IncomingMessage
from core.ports.journal import Left, Received
from core.ports.store import StoreError
from core.settings import TelegramWebhook
from tests.telegram.harness import Bot, HeldClock, started

Started: TypeAlias = AbstractAsyncContextManager[Bot]


class BrittleJournal(MemoryJournal):
    """A journal that can fail: `broken` does nothing, `lossy` does it and breaks before it can say so."""

    def __init__(self, state: JournalState, clock: HeldClock) -> None:
        super().__init__(state, clock=clock)
        self.broken = self.lossy = False
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()

    async def receive(self, events: Sequence[Received]) -> tuple[Received, ...]:
        self.asked.set()
        await self.open.wait()
        if self.broken:
            raise StoreError("disk full")
        new = await super().receive(events)
        if self.lossy:
            self.lossy = False
            raise StoreError("connection lost")
        return new

    async def unhandled(self, account: str) -> tuple[Received, ...]:
        if self.broken:
            raise StoreError("disk full")
        return await super().unhandled(account)

    async def take_over_events(self, account: str) -> tuple[Left, ...]:
        if self.broken:
            raise StoreError("disk full")
        return await super().take_over_events(account)


class Process:
    """What outlives a process, and the journal of the one that runs."""

    def __init__(self) -> None:
        self.state = JournalState()
        self.clock = HeldClock()
        self.journal = BrittleJournal(self.state, self.clock)

    def bot(self, server: TelegramServer, webhook: TelegramWebhook | None = None) -> Started:
        return started(server, journal=self.journal, clock=self.clock, webhook=webhook)

    def next_bot(self, server: TelegramServer, webhook: TelegramWebhook | None = None) -> Started:
        """That of the process after it, whose clock is its own."""
        return started(server, journal=self.journal, webhook=webhook)

    async def say_and_hold(self, server: TelegramServer, text: str) -> None:
        """Have Ada say something that the journal is asked to keep, and does not before it is open again."""
        self.journal.open.clear()
        await server.say("Ada", "Ada", text)
        async with asyncio.timeout(10):
            await self.journal.asked.wait()

    @property
    def left(self) -> list[str]:
        """The texts that were kept and not dealt with."""
        return [update_in(kept)["message"]["text"] for kept in self.state.waiting.values()]


async def texts(bot: Bot, count: int) -> list[str]:
    return [(await bot.next(IncomingMessage))[0].text for _ in range(count)]


async def until(condition: Callable[[], bool]) -> None:
    """Sockets settle in no fixed number of turns."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0)


async def deal_with(bot: Bot, process: Process, event_id: str) -> None:
    await process.journal.handled(bot.platform.account, [event_id], process.clock.wall())


async def confirmed(server: TelegramServer) -> None:
    """Wait until Telegram has no update left to bring."""
    await until(lambda: not len(server._hub.updates))
