"""The part of the journal that names nobody: how far a channel was heard, and what is counted by the day."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.database import insert_into
from core.adapters.store.part import Part
from core.adapters.store.tables import counts, cursors


class Marks(Part):
    async def cursors(self, account: str, *, since: float) -> Mapping[str, str]:
        moved = select(cursors.c.channel, cursors.c.last).where(
            cursors.c.account == account, cursors.c.at >= since
        )
        async with self._database.reading() as connection:
            return {row.channel: row.last for row in await connection.execute(moved)}

    async def move_cursors(self, account: str, cursors_: Mapping[str, str], at: float) -> None:
        rows = [
            {"account": account, "channel": channel, "last": last, "at": at}
            for channel, last in sorted(cursors_.items())
        ]

        async def keep(connection: AsyncConnection) -> None:
            moving = insert_into(connection, cursors)
            moved = {"last": moving.excluded.last, "at": moving.excluded.at}
            await connection.execute(
                moving.on_conflict_do_update(index_elements=["account", "channel"], set_=moved), rows
            )

        if rows:
            await self._database.write(keep)

    async def count(self, name: str, day: int) -> int:
        async def keep(connection: AsyncConnection) -> int:
            first = insert_into(connection, counts).values(name=name, day=day, number=1)
            more = first.on_conflict_do_update(
                index_elements=["name", "day"], set_={"number": counts.c.number + 1}
            )
            return int((await connection.execute(more.returning(counts.c.number))).scalar_one())

        return await self._database.write(keep)
