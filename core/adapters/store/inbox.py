"""The part of the journal that keeps what came in, until it is handled: each event once."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Row, bindparam, exists, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.database import Database, insert_into
from core.adapters.store.keys import Keys
from core.adapters.store.lease import NOW, Holder
from core.adapters.store.lists import in_parts
from core.adapters.store.part import sealed_rows
from core.adapters.store.quotes import others_of, scopes_of, seal_others
from core.adapters.store.tables import events, owners
from core.ports.journal import Left, Received
from core.ports.store import StoreError

EMPTY: Final = MappingProxyType({"key_id": None, "sealed": None, "others": None})
_UNSURE: Final = 10_000  # events; of more than these it is found out at the next start


class Inbox(Holder):
    def __init__(self, database: Database, keys: Keys, *, owner: str | None, lease_s: float) -> None:
        super().__init__(database, keys, owner=owner, lease_s=lease_s)
        self._unsure_events: set[tuple[str, str]] = set()  # may have been kept, and were handed to nobody

    async def receive(self, events_: Sequence[Received]) -> tuple[Received, ...]:
        if not events_:
            return ()
        await self._lease()
        scopes = {event.author or _nobodys(event.account) for event in events_}
        scopes.update(*(scopes_of(event.others) for event in events_))

        async def keep(connection: AsyncConnection) -> set[tuple[str, str]]:
            opening = await self._keys.of_scopes(connection, scopes)
            rows: dict[tuple[str, str], dict[str, Any]] = {}
            for event in events_:
                key = opening[event.author or _nobodys(event.account)]
                sealed = key.seal(event.body, "events", event.account, event.id, "sealed")
                row = {"account": event.account, "id": event.id, "at": event.at, "owner": self._owner}
                row |= {"key_id": key.id, "sealed": sealed, "others": None}
                if event.others is not None:
                    where = ("events", event.account, event.id, "others")
                    row["others"] = seal_others(event.others, key, opening, *where)
                rows.setdefault((event.account, event.id), row)
            added = insert_into(connection, events).on_conflict_do_nothing(index_elements=["account", "id"])
            added = added.returning(events.c.account, events.c.id)
            parts = in_parts(list(rows.values()))
            found = {(row.account, row.id) for some in parts for row in await connection.execute(added, some)}
            if again:
                waits = events.c.handled.is_(None) & tuple_(events.c.account, events.c.id).in_(sorted(again))
                kept = await connection.execute(select(events.c.account, events.c.id).where(waits))
                found |= {(one.account, one.id) for one in kept}
            return found

        again = self._unsure_events.intersection(map(_name, events_))
        try:
            new = await self._database.write(keep)
        except StoreError:
            if len(self._unsure_events) < _UNSURE:
                self._unsure_events.update(map(_name, events_))
            raise
        self._unsure_events.difference_update(map(_name, events_))
        first = {(event.account, event.id): event for event in reversed(events_)}
        return tuple(first[name] for name in dict.fromkeys(map(_name, events_)) if name in new)

    async def unhandled(self, account: str) -> tuple[Received, ...]:
        waiting = sealed_rows(events).where(events.c.account == account, events.c.handled.is_(None))
        async with self._database.reading() as connection:
            rows = (await connection.execute(waiting.order_by(events.c.number))).all()
            return await self._received(connection, account, rows)

    async def take_over_events(self, account: str) -> tuple[Left, ...]:
        await self._lease()
        left = sealed_rows(events).where(events.c.account == account, events.c.handled.is_(None))
        if not self.alone:
            theirs = (owners.c.id == events.c.owner) & (owners.c.id != self._owner) & (owners.c.expires > NOW)
            left = left.where(~exists().where(theirs))
        left = left.order_by(events.c.number).with_for_update(of=events, skip_locked=True)
        mine = {"owner": self._owner, "taken": func.coalesce(events.c.taken, 0) + 1}

        async def take(connection: AsyncConnection) -> tuple[Left, ...]:
            rows: Sequence[Row[Any]] = (await connection.execute(left)).all()
            if taken := [{"row": row.number} for row in rows if row.owner != self._owner]:
                await connection.execute(
                    update(events).where(events.c.number == bindparam("row")).values(mine), taken
                )
            times = [(row.taken or 0) + (row.owner != self._owner) for row in rows]
            return tuple(map(Left, await self._received(connection, account, rows), times))

        return await self._database.write(take)

    async def handled(self, account: str, ids: Sequence[str], at: float) -> tuple[str, ...]:
        async def keep(connection: AsyncConnection) -> set[str]:
            return await handle(connection, account, ids, at)

        new = await self._database.write(keep)
        return tuple(one for one in dict.fromkeys(ids) if one in new)

    async def was_handled(self, account: str, event_id: str) -> bool:
        this = (events.c.account == account) & (events.c.id == event_id)
        async with self._database.reading() as connection:
            handled = await connection.scalar(select(events.c.handled).where(this))
            return handled is not None

    async def _received(
        self, connection: AsyncConnection, account: str, rows: Sequence[Row[Any]]
    ) -> tuple[Received, ...]:
        """Of rows of `sealed_rows`."""
        opening = self._keys.of_rows(rows)
        others = await others_of(connection, self._keys, opening, rows, "events", account)
        return tuple(
            Received(
                account,
                row.id,
                "" if row.key_scope == _nobodys(account) else row.key_scope,
                opening[row.key_id].open(row.sealed, "events", account, row.id, "sealed"),
                row.at,
                others.get(row.id),
            )
            for row in rows
        )


async def handle(connection: AsyncConnection, account: str, ids: Sequence[str], at: float) -> set[str]:
    """Keep that they are, without their bodies. Those that had not been handled before."""
    if not ids:
        return set()
    rows = [{"account": account, "id": one, "at": at, "handled": at} for one in sorted(set(ids))]
    done = insert_into(connection, events).on_conflict_do_update(
        index_elements=["account", "id"],
        set_={"handled": at, **EMPTY},
        where=events.c.handled.is_(None),
    )
    return set((await connection.execute(done.returning(events.c.id), rows)).scalars())


def _name(event: Received) -> tuple[str, str]:
    return event.account, event.id


def _nobodys(account: str) -> str:
    """The scope of events that nobody wrote."""
    return f"events:{account}"
