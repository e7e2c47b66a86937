"""What a process holds: all its turns and events by one lease, the row of its owner.

So renewing it costs the same however many answers grow. On SQLite there is none: the process that runs the
bot is alone (`holding`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sqlalchemy import column, delete, func, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.connections import session_name
from core.adapters.store.database import Database, insert_into
from core.adapters.store.encryption import Key
from core.adapters.store.keys import Keys
from core.adapters.store.marks import Marks
from core.adapters.store.tables import owners, turns
from core.ports.store import StoreError

NOW: Final = func.extract("epoch", func.clock_timestamp())  # the server's: machines differ


@dataclass(slots=True)
class Held:
    """A turn of this process: its key, so that a step needs no look-up, and how many steps it has."""

    asker: str
    key: Key
    fence: int
    steps: int = 0


class Holder(Marks):
    def __init__(self, database: Database, keys: Keys, *, owner: str | None, lease_s: float) -> None:
        super().__init__(database, keys)
        self._owner = owner or database.name
        self._lease_s = lease_s
        self._leased = self.alone
        self._held: dict[str, Held] = {}

    @property
    def alone(self) -> bool:
        return self._database.is_sqlite

    async def renew(self) -> None:
        if self.alone:
            return
        known = set(self._held)

        async def keep(connection: AsyncConnection) -> set[str]:
            until = NOW + self._lease_s
            lease = insert_into(connection, owners).values(id=self._owner, expires=until)
            await connection.execute(
                lease.on_conflict_do_update(index_elements=["id"], set_={"expires": until})
            )
            mine = await connection.execute(select(turns.c.id).where(turns.c.owner == self._owner))
            return set(mine.scalars())

        mine = await self._database.write(keep)
        self._leased = True
        for turn_id in known - mine:  # taken over, or forgotten in another process: no key outlives it here
            self._held.pop(turn_id, None)

    async def let_go(self) -> None:
        """At the end of the process, after which it does nothing more: others need not wait for its lease."""

        async def keep(connection: AsyncConnection) -> None:
            await connection.execute(delete(owners).where(owners.c.id == self._owner))

        self._held.clear()
        if self._leased and not self.alone:
            with suppress(StoreError):  # then they wait
                await self._database.write(keep)

    def drop_keys_of(self, person: str) -> None:
        """Who was forgotten is held by nothing; what is still written of theirs is passed over."""
        for turn_id in [turn_id for turn_id, held in self._held.items() if held.asker == person]:
            del self._held[turn_id]

    async def _lease(self) -> None:
        """A process without one would be taken for dead; from then on whoever runs it renews."""
        if not self._leased:
            await self.renew()

    async def _end_sessions_of_the_dead(self, connection: AsyncConnection) -> None:
        """Who stands still in the middle of a transaction would keep its locks for as long as it does."""
        if self.alone:
            return
        sessions = table("pg_stat_activity", column("pid"), column("application_name"), column("xact_start"))
        theirs = sessions.c.application_name == func.concat(session_name(""), owners.c.id)
        begun = func.extract("epoch", sessions.c.xact_start)
        lapsed = (owners.c.id != self._owner) & (owners.c.expires < NOW)
        dead = lapsed & (begun < func.greatest(owners.c.expires, NOW - self._lease_s))
        await connection.execute(
            select(func.pg_terminate_backend(sessions.c.pid)).join_from(sessions, owners, theirs).where(dead)
        )
