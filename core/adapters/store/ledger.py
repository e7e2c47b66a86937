"""The port `core.ports.ledger.Ledger` over the database.

Each `take` and `settle` is one statement, which on PostgreSQL is its own transaction: every question locks
the line of everybody, so nobody must stand still while holding it. The statement locks its lines in the order
of their keys, so that nobody waits in a circle. The rows are made before, once for each line and span.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, true, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.database import Database, insert_into
from core.adapters.store.keys import Keys
from core.adapters.store.part import Part
from core.adapters.store.tables import spent
from core.ports.ledger import Amount, Line

_Key = tuple[str, str]
_REMEMBERED: Final = 10_000  # lines that are known to have their row


class SqlLedger(Part):
    def __init__(self, database: Database, keys: Keys) -> None:
        super().__init__(database, keys)
        self._made: set[_Key] = set()

    async def take(self, lines: Sequence[Line], amount: Amount) -> bool:
        return await self._add({self._key(line): _within(line, amount) for line in lines}, amount)

    async def settle(self, lines: Sequence[Line], amount: Amount) -> None:
        wanted: dict[_Key, ColumnElement[bool]] = {self._key(line): true() for line in lines}
        if not await self._add(wanted, amount):
            await self._add(wanted, amount)

    async def counted(self, lines: Sequence[Line]) -> tuple[Amount, ...]:
        keys = [self._key(line) for line in lines]
        async with self._database.reading() as connection:
            rows = await connection.execute(select(spent).where(_one_of(keys)))
            found = {(row.line, row.span): Amount(row.tokens, row.money) for row in rows}
        return tuple(found.get(key, Amount()) for key in keys)

    async def expire(self, before: str) -> None:
        async def take_out(connection: AsyncConnection) -> None:
            await connection.execute(delete(spent).where(spent.c.span < before))

        self._made.clear()
        await self._database.write(take_out)

    async def _add(self, within: dict[_Key, ColumnElement[bool]], amount: Amount) -> bool:
        if not within:
            return True
        await self._make(within)
        statement = _adding(within, amount)

        async def add(connection: AsyncConnection) -> bool:
            return (await connection.execute(statement)).first() is not None

        added = await self._database.write_at_once(add)
        if not added:
            self._made.difference_update(within)  # perhaps a row is gone: it is made before the next time
        return added

    async def _make(self, keys: dict[_Key, Any]) -> None:
        missing = [{"line": line, "span": span} for line, span in sorted(keys.keys() - self._made)]
        if not missing:
            return

        async def make(connection: AsyncConnection) -> None:
            empty = insert_into(connection, spent).values(tokens=0, money=0)
            await connection.execute(empty.on_conflict_do_nothing(index_elements=["line", "span"]), missing)

        await self._database.write(make)
        if len(self._made) >= _REMEMBERED:
            self._made.clear()
        self._made.update(keys)

    def _key(self, line: Line) -> _Key:
        return self._keys.hashed(line.of), line.span


def _within(line: Line, amount: Amount) -> ColumnElement[bool]:
    caps = ((spent.c.tokens, amount.tokens, line.tokens), (spent.c.money, amount.money, line.money))
    return and_(true(), *(counted + more <= cap for counted, more, cap in caps if cap is not None))


def _one_of(keys: Sequence[_Key]) -> ColumnElement[bool]:
    return tuple_(spent.c.line, spent.c.span).in_(keys)


def _adding(within: dict[_Key, ColumnElement[bool]], amount: Amount) -> Any:
    """One statement: every row is locked and looked at before the first one is changed."""
    keys = sorted(within)
    fits = or_(*(and_(_one_of([key]), within[key]) for key in keys))
    held = (
        select(case((fits, 1), else_=0).label("fits"))
        .where(_one_of(keys))
        .order_by(spent.c.line, spent.c.span)
        .with_for_update()
        .cte("held")
    )
    fitting = select(func.sum(held.c.fits)).scalar_subquery()
    return (
        update(spent)
        .where(_one_of(keys), fitting == len(keys))
        .values(tokens=_no_less(spent.c.tokens + amount.tokens), money=_no_less(spent.c.money + amount.money))
        .returning(spent.c.span)
    )


def _no_less(value: ColumnElement[int]) -> ColumnElement[int]:
    return case((value < 0, 0), else_=value)
