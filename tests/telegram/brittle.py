"""A journal that fails when it is told to, and what outlives the process that writes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bots.telegram.kept import update_in
from core.adapters.memory_journal import JournalState, MemoryJournal
from core.messages import IncomingMessage
from core.ports.journal import Left, Received
from core.ports.store import StoreError
from tests.telegram.harness import Bot, HeldClock


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
