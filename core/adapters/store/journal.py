"""The port `core.ports.journal.Journal` over the database.

A process holds all its turns by one lease, the row of its owner, so that renewing costs the same however many
answers grow. On SQLite there is none: the process that runs the bot is alone (`holding`).

Locks are taken in one order, so that nobody waits in a circle: keys, events, turns by their ids.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Row, bindparam, column, delete, exists, func, insert, select, table, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.database import Database, insert_into, session_name
from core.adapters.store.encryption import Key
from core.adapters.store.keys import Keys
from core.adapters.store.lists import in_parts
from core.adapters.store.marks import Marks
from core.adapters.store.part import sealed_rows
from core.adapters.store.quotes import others_of, scopes_of, seal_others
from core.adapters.store.tables import counts, cursors, events, owners, steps, turns
from core.ports.journal import LEASE_S, KeptTurn, Left, Orphan, Received, Step
from core.ports.store import StoreError

_DAY_S: Final = 86_400
_EMPTY: Final = MappingProxyType({"key_id": None, "sealed": None, "others": None})
_UNSURE: Final = 10_000  # events; of more than these it is found out at the next start
_NOW: Final = func.extract("epoch", func.clock_timestamp())  # the server's: machines differ
_LOOK: Final = (
    select(turns.c.id, turns.c.owner, turns.c.fence)
    .where(turns.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(turns.c.id)
    .with_for_update(read=True)  # whoever takes one over waits until what was written under it is kept
)


@dataclass(slots=True)
class _Held:
    """A turn of this process: its key, so that a step needs no look-up, and how many steps it has."""

    asker: str
    key: Key
    fence: int
    steps: int = 0


class SqlJournal(Marks):
    """Made by `opening.open_store`. `owner`: `Database.name` unless given; `lease_s`: how long it holds its
    turns without renewing."""

    def __init__(
        self, database: Database, keys: Keys, *, owner: str | None = None, lease_s: float = LEASE_S
    ) -> None:
        super().__init__(database, keys)
        self._owner = owner or database.name
        self._lease_s = lease_s
        self._leased = self.alone
        self._held: dict[str, _Held] = {}
        self._taking = asyncio.Lock()
        self._unsure: set[str] = set()  # accounts of which turns may be its own: the answer got lost
        self._unsure_events: set[tuple[str, str]] = (
            set()
        )  # that may have been kept, and were handed to nobody

    @property
    def alone(self) -> bool:
        return self._database.is_sqlite

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
            theirs = (
                (owners.c.id == events.c.owner) & (owners.c.id != self._owner) & (owners.c.expires > _NOW)
            )
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
            return await _handle(connection, account, ids, at)

        new = await self._database.write(keep)
        return tuple(one for one in dict.fromkeys(ids) if one in new)

    async def was_handled(self, account: str, event_id: str) -> bool:
        this = (events.c.account == account) & (events.c.id == event_id)
        async with self._database.reading() as connection:
            handled = await connection.scalar(select(events.c.handled).where(this))
            return handled is not None

    async def begin(self, turn: KeptTurn) -> bool:
        await self._lease()

        async def keep(connection: AsyncConnection) -> Key | None:
            opening = await self._keys.of_scopes(connection, {turn.asker, *scopes_of(turn.others)})
            key = opening[turn.asker]
            first, others = turn.events[:1], turn.events[1:]
            if first and not await _handle(connection, turn.account, first, turn.at):
                # Perhaps by this very call, when its answer got lost.
                mine = select(turns.c.id).where(turns.c.id == turn.id, turns.c.owner == self._owner)
                return key if (await connection.execute(mine)).first() is not None else None
            await _handle(connection, turn.account, others, turn.at)
            row = {"id": turn.id, "account": turn.account, "asker": turn.asker, "at": turn.at}
            row |= {"state": "", "owner": self._owner, "fence": 1, "events": json.dumps(turn.events)}
            row |= {"key_id": key.id, "sealed": key.seal(turn.body, "turns", turn.id, "sealed")}
            if turn.others is not None:
                row["others"] = seal_others(turn.others, key, opening, "turns", turn.id, "others")
            await connection.execute(insert(turns), row)
            return key

        key = await self._database.write(keep)
        if key is not None:
            self._held.setdefault(turn.id, _Held(turn.asker, key, fence=1))
        return key is not None

    async def write(self, steps_: Sequence[Step]) -> frozenset[str]:
        ids = {step.turn_id for step in steps_}
        before = {one: self._held[one].steps for one in ids if one in self._held}
        rows = [self._row(held, step) for step in steps_ if (held := self._held.get(step.turn_id))]

        async def keep(connection: AsyncConnection) -> tuple[set[str], set[str]]:
            """Of these turns, which are this process's, and which are there."""
            parts = in_parts(sorted(ids))
            there = [row for some in parts for row in await connection.execute(_LOOK, {"ids": some})]
            mine = {row.id for row in there if self._owns(row)}
            kept = [row for row in rows if row["turn_id"] in mine]
            if kept:
                await connection.execute(_again(insert_into(connection, steps)), kept)
            return mine, {row.id for row in there}

        if not ids:
            return frozenset()
        after = {one: self._held[one].steps for one in before}
        try:
            mine, there = await self._database.write(keep)
        except StoreError:
            # Perhaps they are kept, and only the answer got lost: who tries again replaces them.
            for turn_id, number in before.items():
                if (held := self._held.get(turn_id)) and held.steps == after[turn_id]:
                    held.steps = number
            raise
        for turn_id in ids - mine:
            self._held.pop(turn_id, None)
        return frozenset(there - mine)

    async def finish(self, turn_id: str, state: str) -> None:
        held = self._held.get(turn_id)
        if held is None:
            return
        owned = (turns.c.id == turn_id) & (turns.c.owner == self._owner) & (turns.c.fence == held.fence)
        over = update(turns).where(owned).values(state=state, owner=None, **_EMPTY)

        async def keep(connection: AsyncConnection) -> None:
            if (await connection.execute(over)).rowcount:
                await connection.execute(delete(steps).where(steps.c.turn_id == turn_id))

        await self._database.write(keep)
        self._held.pop(turn_id, None)

    async def renew(self) -> None:
        if self.alone:
            return
        known = set(self._held)

        async def keep(connection: AsyncConnection) -> set[str]:
            until = _NOW + self._lease_s
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

    async def take_over(self, accounts: Collection[str]) -> tuple[Orphan, ...]:
        await self._lease()
        left = turns.c.account.in_(sorted(accounts)) & (turns.c.owner != self._owner)
        if not self.alone:
            left &= ~exists().where(owners.c.id == turns.c.owner, owners.c.expires > _NOW)

        async def take(connection: AsyncConnection) -> Sequence[tuple[Orphan, _Held]]:
            await self._end_sessions_of_the_dead(connection)
            gone = (await connection.execute(select(turns.c.owner).where(left).distinct())).scalars().all()
            if not gone:
                return ()
            # Only from those, as it may have passed on meanwhile to a process whose lease this statement does
            # not see yet. Who is locked is being written or taken now: the next look finds out.
            theirs = sealed_rows(turns).where(left, turns.c.owner.in_(gone)).order_by(turns.c.id)
            locked = theirs.with_for_update(of=turns, skip_locked=True)
            taken = (await connection.execute(locked)).all()
            if not taken:
                return ()
            mine = {"owner": self._owner, "fence": turns.c.fence + 1}
            await connection.execute(
                update(turns).where(turns.c.id == bindparam("row")).values(mine),
                [{"row": row.id} for row in taken],
            )
            return await self._orphans(connection, taken)

        async with self._taking:
            if again := self._unsure.intersection(accounts):
                own = (turns.c.owner == self._owner) & (turns.c.fence > 1)
                left |= turns.c.account.in_(sorted(again)) & own & turns.c.id.not_in(list(self._held))
            self._unsure.update(accounts)
            taken = await self._database.write(take)
            self._held.update((orphan.turn.id, held) for orphan, held in taken)
            self._unsure.difference_update(accounts)
        return tuple(orphan for orphan, _ in sorted(taken, key=lambda one: (one[0].turn.at, one[0].turn.id)))

    async def expire_journal(self, before: float, left_before: float) -> None:
        waits = events.c.handled.is_(None) & (events.c.at < left_before)
        open_ = (turns.c.owner != self._owner) & (turns.c.at < left_before)
        if not self.alone:
            open_ &= ~exists().where(owners.c.id == turns.c.owner, owners.c.expires > _NOW)

        async def take_out(connection: AsyncConnection) -> None:
            await connection.execute(delete(events).where((events.c.handled < before) | waits))
            await connection.execute(delete(turns).where(open_))
            await connection.execute(delete(turns).where(turns.c.owner.is_(None), turns.c.at < before))
            await connection.execute(delete(cursors).where(cursors.c.at < before))
            await connection.execute(delete(counts).where((counts.c.day + 1) * _DAY_S <= before))
            if not self.alone:
                dead = (owners.c.expires < _NOW) & (owners.c.expires < before)
                await connection.execute(delete(owners).where(dead))

        await self._database.write(take_out)

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

    async def _lease(self) -> None:
        """A process without one would be taken for dead; from then on whoever runs it renews."""
        if not self._leased:
            await self.renew()

    def _owns(self, row: Row[str, str | None, int]) -> bool:
        held = self._held.get(row.id)
        return held is not None and (row.owner, row.fence) == (self._owner, held.fence)

    def _row(self, held: _Held, step: Step) -> dict[str, Any]:
        number, held.steps = held.steps, held.steps + 1
        sealed = held.key.seal(step.body, "steps", step.turn_id, str(number), "sealed")
        return {"turn_id": step.turn_id, "number": number, "sealed": sealed}

    async def _end_sessions_of_the_dead(self, connection: AsyncConnection) -> None:
        """Who stands still in the middle of a transaction would keep its locks for as long as it does."""
        if self.alone:
            return
        sessions = table("pg_stat_activity", column("pid"), column("application_name"), column("xact_start"))
        theirs = sessions.c.application_name == func.concat(session_name(""), owners.c.id)
        begun = func.extract("epoch", sessions.c.xact_start)
        lapsed = (owners.c.id != self._owner) & (owners.c.expires < _NOW)
        dead = lapsed & (begun < func.greatest(owners.c.expires, _NOW - self._lease_s))
        await connection.execute(
            select(func.pg_terminate_backend(sessions.c.pid)).join_from(sessions, owners, theirs).where(dead)
        )

    async def _orphans(
        self, connection: AsyncConnection, taken: Sequence[Row[Any]]
    ) -> Sequence[tuple[Orphan, _Held]]:
        """Rows of `sealed_rows`, as they were before they were taken over."""
        written: dict[str, list[Row[Any]]] = {row.id: [] for row in taken}
        for some in in_parts(list(written)):
            theirs = select(steps).where(steps.c.turn_id.in_(some))
            for row in await connection.execute(theirs.order_by(steps.c.turn_id, steps.c.number)):
                written[row.turn_id].append(row)
        opening = self._keys.of_rows(taken)
        others = await others_of(connection, self._keys, opening, taken, "turns")
        orphans = []
        for row in taken:
            key, done = opening[row.key_id], written[row.id]
            body = key.open(row.sealed, "turns", row.id, "sealed")
            names = tuple(json.loads(row.events))
            turn = KeptTurn(row.id, row.account, names, row.asker, body, row.at, others.get(row.id))
            bodies = (key.open(step.sealed, "steps", row.id, str(step.number), "sealed") for step in done)
            held = _Held(row.asker, key, row.fence + 1, done[-1].number + 1 if done else 0)
            orphans.append((Orphan(turn, tuple(bodies)), held))
        return orphans


async def _handle(connection: AsyncConnection, account: str, ids: Sequence[str], at: float) -> set[str]:
    """Those that had not been handled before."""
    if not ids:
        return set()
    rows = [{"account": account, "id": one, "at": at, "handled": at} for one in sorted(set(ids))]
    done = insert_into(connection, events).on_conflict_do_update(
        index_elements=["account", "id"],
        set_={"handled": at, **_EMPTY},
        where=events.c.handled.is_(None),
    )
    return set((await connection.execute(done.returning(events.c.id), rows)).scalars())


def _again(adding: Any) -> Any:
    return adding.on_conflict_do_update(
        index_elements=["turn_id", "number"], set_={"sealed": adding.excluded.sealed}
    )


def _name(event: Received) -> tuple[str, str]:
    return event.account, event.id


def _nobodys(account: str) -> str:
    """The scope of events that nobody wrote."""
    return f"events:{account}"
