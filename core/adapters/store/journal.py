"""The port `core.ports.journal.Journal` over the database.

Turns and their steps stand here, events in `inbox`, by what they are held in `lease`.

Locks are taken in one order, so that nobody waits in a circle: keys, events, turns by their ids.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.database import Database, insert_into
from core.adapters.store.encryption import Key
from core.adapters.store.inbox import EMPTY, Inbox, handle
from core.adapters.store.keys import Keys
from core.adapters.store.lease import NOW, Held
from core.adapters.store.lists import in_parts
from core.adapters.store.part import sealed_rows
from core.adapters.store.quotes import others_of, scopes_of, seal_others
from core.adapters.store.tables import counts, cursors, events, owners, steps, turns
from core.ports.journal import LEASE_S, KeptTurn, Orphan, Step
from core.ports.store import StoreError

_DAY_S: Final = 86_400
_LOOK: Final = (
    select(turns.c.id, turns.c.owner, turns.c.fence)
    .where(turns.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(turns.c.id)
    .with_for_update(read=True)  # whoever takes one over waits until what was written under it is kept
)


class SqlJournal(Inbox):
    """Made by `opening.open_store`. `owner`: `Database.name` unless given; `lease_s`: how long it holds its
    turns without renewing."""

    def __init__(
        self, database: Database, keys: Keys, *, owner: str | None = None, lease_s: float = LEASE_S
    ) -> None:
        super().__init__(database, keys, owner=owner, lease_s=lease_s)
        self._taking = asyncio.Lock()
        self._unsure: set[str] = set()  # accounts of which turns may be its own: the answer got lost

    async def begin(self, turn: KeptTurn) -> bool:
        await self._lease()

        async def keep(connection: AsyncConnection) -> Key | None:
            opening = await self._keys.of_scopes(connection, {turn.asker, *scopes_of(turn.others)})
            key = opening[turn.asker]
            first, others = turn.events[:1], turn.events[1:]
            if first and not await handle(connection, turn.account, first, turn.at):
                # Perhaps by this very call, when its answer got lost.
                mine = select(turns.c.id).where(turns.c.id == turn.id, turns.c.owner == self._owner)
                return key if (await connection.execute(mine)).first() is not None else None
            await handle(connection, turn.account, others, turn.at)
            row = {"id": turn.id, "account": turn.account, "asker": turn.asker, "at": turn.at}
            row |= {"state": "", "owner": self._owner, "fence": 1, "events": json.dumps(turn.events)}
            row |= {"key_id": key.id, "sealed": key.seal(turn.body, "turns", turn.id, "sealed")}
            if turn.others is not None:
                row["others"] = seal_others(turn.others, key, opening, "turns", turn.id, "others")
            await connection.execute(insert(turns), row)
            return key

        key = await self._database.write(keep)
        if key is not None:
            self._held.setdefault(turn.id, Held(turn.asker, key, fence=1))
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
        over = update(turns).where(owned).values(state=state, owner=None, **EMPTY)

        async def keep(connection: AsyncConnection) -> None:
            if (await connection.execute(over)).rowcount:
                await connection.execute(delete(steps).where(steps.c.turn_id == turn_id))

        await self._database.write(keep)
        self._held.pop(turn_id, None)

    async def take_over(self, accounts: Collection[str]) -> tuple[Orphan, ...]:
        await self._lease()
        left = turns.c.account.in_(sorted(accounts)) & (turns.c.owner != self._owner)
        if not self.alone:
            left &= ~exists().where(owners.c.id == turns.c.owner, owners.c.expires > NOW)

        async def take(connection: AsyncConnection) -> Sequence[tuple[Orphan, Held]]:
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
            open_ &= ~exists().where(owners.c.id == turns.c.owner, owners.c.expires > NOW)

        async def take_out(connection: AsyncConnection) -> None:
            await connection.execute(delete(events).where((events.c.handled < before) | waits))
            await connection.execute(delete(turns).where(open_))
            await connection.execute(delete(turns).where(turns.c.owner.is_(None), turns.c.at < before))
            await connection.execute(delete(cursors).where(cursors.c.at < before))
            await connection.execute(delete(counts).where((counts.c.day + 1) * _DAY_S <= before))
            if not self.alone:
                dead = (owners.c.expires < NOW) & (owners.c.expires < before)
                await connection.execute(delete(owners).where(dead))

        await self._database.write(take_out)

    def _owns(self, row: Row[str, str | None, int]) -> bool:
        held = self._held.get(row.id)
        return held is not None and (row.owner, row.fence) == (self._owner, held.fence)

    def _row(self, held: Held, step: Step) -> dict[str, Any]:
        number, held.steps = held.steps, held.steps + 1
        sealed = held.key.seal(step.body, "steps", step.turn_id, str(number), "sealed")
        return {"turn_id": step.turn_id, "number": number, "sealed": sealed}

    async def _orphans(
        self, connection: AsyncConnection, taken: Sequence[Row[Any]]
    ) -> Sequence[tuple[Orphan, Held]]:
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
            held = Held(row.asker, key, row.fence + 1, done[-1].number + 1 if done else 0)
            orphans.append((Orphan(turn, tuple(bodies)), held))
        return orphans


def _again(adding: Any) -> Any:
    return adding.on_conflict_do_update(
        index_elements=["turn_id", "number"], set_={"sealed": adding.excluded.sealed}
    )
