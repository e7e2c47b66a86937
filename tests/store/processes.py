"""Several processes over one journal, played within one."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Protocol

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.memory_journal import JournalState, MemoryJournal
from core.adapters.memory_store import MemoryStore
from core.adapters.store.journal import SqlJournal
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.adapters.store.sql_store import SqlStore
from core.adapters.store.tables import owners
from core.ports.journal import Journal
from core.ports.store import Store
from tests.fakes.clock import FakeClock


class Processes(Protocol):
    alone: bool

    async def start(self) -> Journal:
        """One more process. Who is only not used any more was killed."""

    async def lapse(self, journal: Journal) -> None:
        """Let the process stand still until its lease has expired."""

    def store_of(self, journal: Journal) -> Store:
        """The store of the same process."""


class InMemory:
    def __init__(self, *, alone: bool) -> None:
        self.alone = alone
        self.state, self.clock = JournalState(), FakeClock()

    async def start(self) -> Journal:
        return MemoryJournal(self.state, clock=self.clock, alone=self.alone)

    async def lapse(self, journal: Journal) -> None:
        assert isinstance(journal, MemoryJournal)
        if not self.alone:
            self.state.leases[journal._owner] = self.clock.monotonic()

    def store_of(self, journal: Journal) -> Store:
        assert isinstance(journal, MemoryJournal)
        return MemoryStore(journal=journal)


class InDatabase:
    """Closed with `stack`."""

    def __init__(self, location: Location, stack: AsyncExitStack) -> None:
        self.alone = location.database_url is None
        self._location = location
        self._stack = stack
        self._stores: dict[SqlJournal, SqlStore] = {}

    async def start(self) -> Journal:
        store = await self._stack.enter_async_context(open_store(self._location))
        self._stores[store.journal] = store
        return store.journal

    async def lapse(self, journal: Journal) -> None:
        assert isinstance(journal, SqlJournal)
        if not self.alone:
            await lapse(journal)

    def store_of(self, journal: Journal) -> Store:
        assert isinstance(journal, SqlJournal)
        return self._stores[journal]


async def lapse(journal: SqlJournal) -> None:
    async def expire(connection: AsyncConnection) -> None:
        await connection.execute(update(owners).where(owners.c.id == journal._owner).values(expires=0.0))

    await journal._database.write(expire)
