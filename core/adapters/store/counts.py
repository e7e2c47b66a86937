"""What was used: counters under a keyed hash of the person, so that forgetting somebody resets no budget."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.database import insert_into
from core.adapters.store.part import Part
from core.adapters.store.tables import usage
from core.ports.store import Used

_COUNTED: Final = ("requests", "prompt_tokens", "completion_tokens", "cost")


class Counts(Part):
    async def use(self, used: Used) -> None:
        ids = {
            "day": used.day,
            "person": self._keys.hashed(used.person),
            "place": used.place,
            "model": used.model,
        }
        more = {name: getattr(used, name) for name in _COUNTED}

        async def count(connection: AsyncConnection) -> None:
            row = insert_into(connection, usage)
            sums = {name: usage.c[name] + row.excluded[name] for name in _COUNTED}
            counted = row.on_conflict_do_update(index_elements=list(ids), set_=sums)
            await connection.execute(counted.values(**ids, **more))

        await self._database.write(count)

    async def used(self, *, since_day: int, person: str = "", place: str = "") -> tuple[Used, ...]:
        sums = [func.sum(usage.c[name]).label(name) for name in _COUNTED]
        query = select(usage.c.day, usage.c.model, *sums).where(usage.c.day >= since_day)
        if person:
            query = query.where(usage.c.person == self._keys.hashed(person))
        if place:
            query = query.where(usage.c.place == place)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.group_by(usage.c.day, usage.c.model))).all()
        found = (
            Used(
                row.day,
                person,
                place,
                row.model,
                # PostgreSQL sums to its type for decimals
                requests=int(row.requests),
                prompt_tokens=int(row.prompt_tokens),
                completion_tokens=int(row.completion_tokens),
                cost=int(row.cost),
            )
            for row in rows
        )
        return tuple(sorted(found, key=lambda used: (used.day, used.model)))
