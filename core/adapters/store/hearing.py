"""What was not for the bot, kept where a chat opted in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, delete
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.database import insert_into
from core.adapters.store.part import Part, sealed_rows
from core.adapters.store.tables import overheard
from core.ports.store import Overheard


class Hearing(Part):
    async def overhear(self, heard: Overheard) -> None:
        async def keep(connection: AsyncConnection) -> None:
            ids = (heard.place, heard.message_id)
            sealed = await self._sealed(
                connection, heard.author, "overheard", *ids, text=heard.text, name=heard.name
            )
            row = {
                "place": heard.place,
                "message_id": heard.message_id,
                "author": heard.author,
                "at": heard.at,
                **sealed,
            }
            kept = insert_into(connection, overheard).values(row)
            await connection.execute(
                kept.on_conflict_do_update(index_elements=["place", "message_id"], set_=row)
            )

        await self._database.write(keep)

    async def overheard(self, place: str, *, since: float, limit: int) -> tuple[Overheard, ...]:
        query = (
            sealed_rows(overheard)
            .where(overheard.c.place == place, overheard.c.at >= since)
            .order_by(overheard.c.at.desc(), overheard.c.number.desc())
            .limit(limit)
        )
        async with self._database.reading() as connection:
            newest = (await connection.execute(query)).all()
            return self._heard(newest[::-1])

    async def unhear(self, author: str) -> None:
        async def drop(connection: AsyncConnection) -> None:
            await connection.execute(delete(overheard).where(overheard.c.author == author))

        await self._database.write(drop)

    def _heard(self, rows: Iterable[Row[Any]]) -> tuple[Overheard, ...]:
        opened = self._opened(rows, "overheard", "place", "message_id")
        return tuple(
            Overheard(row.place, row.message_id, row.author, texts["name"], texts["text"], row.at)
            for row, texts in opened
        )
