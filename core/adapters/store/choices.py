"""What people have chosen, and the personas they have made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.database import insert_into
from core.adapters.store.part import Part, sealed_rows
from core.adapters.store.tables import choices, personas
from core.ports.store import KeptPersona


class Choices(Part):
    async def choices(self, scopes: tuple[str, ...]) -> Mapping[str, Mapping[str, str]]:
        found: dict[str, dict[str, str]] = {}
        async with self._database.reading() as connection:
            for row in await connection.execute(select(choices).where(choices.c.scope.in_(scopes))):
                found.setdefault(row.scope, {})[row.name] = row.value
        return found

    async def choose(self, scope: str, name: str, value: str | None) -> None:
        async def keep(connection: AsyncConnection) -> None:
            if value is None:
                chosen = delete(choices).where(choices.c.scope == scope, choices.c.name == name)
                await connection.execute(chosen)
                return
            row = insert_into(connection, choices).values(scope=scope, name=name, value=value)
            await connection.execute(
                row.on_conflict_do_update(index_elements=["scope", "name"], set_={"value": value})
            )

        await self._database.write(keep)

    async def personas(self, scopes: tuple[str, ...]) -> tuple[KeptPersona, ...]:
        query = sealed_rows(personas).where(personas.c.scope.in_(scopes))
        async with self._database.reading() as connection:
            rows = await connection.execute(query)
            opened = self._opened(rows, "personas", "scope", "name")
        found = (
            KeptPersona(row.scope, row.name, texts["prompt"], row.made_by, row.model, row.temperature)
            for row, texts in opened
        )
        # Not by the database, whose order depends on its language.
        return tuple(sorted(found, key=lambda persona: (persona.scope, persona.name)))

    async def set_persona(self, persona: KeptPersona) -> None:
        async def keep(connection: AsyncConnection) -> None:
            row = await self._persona_row(connection, persona)
            kept = insert_into(connection, personas).values(row)
            await connection.execute(kept.on_conflict_do_update(index_elements=["scope", "name"], set_=row))

        await self._database.write(keep)

    async def _persona_row(self, connection: AsyncConnection, persona: KeptPersona) -> dict[str, Any]:
        ids = (persona.scope, persona.name)
        sealed = await self._sealed(connection, persona.made_by, "personas", *ids, prompt=persona.prompt)
        return {
            "scope": persona.scope,
            "name": persona.name,
            "made_by": persona.made_by,
            "model": persona.model,
            "temperature": persona.temperature,
            **sealed,
        }

    async def _move_personas(self, connection: AsyncConnection, old: str, new: str) -> None:
        """Sealed anew, since their scope is a part of what the seal is for."""
        rows = await connection.execute(sealed_rows(personas).where(personas.c.scope == old))
        for row, texts in self._opened(rows, "personas", "scope", "name"):
            moved = KeptPersona(new, row.name, texts["prompt"], row.made_by, row.model, row.temperature)
            kept = insert_into(connection, personas).values(await self._persona_row(connection, moved))
            await connection.execute(kept.on_conflict_do_nothing(index_elements=["scope", "name"]))
        await connection.execute(delete(personas).where(personas.c.scope == old))

    async def remove_persona(self, scope: str, name: str) -> bool:
        async def take_out(connection: AsyncConnection) -> bool:
            named = delete(personas).where(personas.c.scope == scope, personas.c.name == name)
            return bool((await connection.execute(named)).rowcount)

        return await self._database.write(take_out)
