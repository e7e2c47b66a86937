"""What every part of the store stands on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.database import Database
from core.adapters.store.encryption import packed, unpacked
from core.adapters.store.keys import Keys

_SEALED: Final = "sealed"


class Part:
    def __init__(self, database: Database, keys: Keys) -> None:
        self._database = database
        self._keys = keys

    async def _sealed(
        self, connection: AsyncConnection, scope: str, *where: str, **texts: str
    ) -> dict[str, Any]:
        """The columns `key_id` and `sealed` of a row. `where`: its table and ids."""
        key = await self._keys.of_scope(connection, scope)
        return {"key_id": key.id, _SEALED: key.seal(packed(**texts), *where, _SEALED)}

    async def _opened(
        self, connection: AsyncConnection, rows: Iterable[Row[Any]], table: str, *ids: str
    ) -> Sequence[tuple[Row[Any], Mapping[str, str]]]:
        """Each row with its texts, but for those whose key is destroyed. `ids`: the columns that name it."""
        found = list(rows)
        keys = await self._keys.of_rows(connection, {row.key_id for row in found})
        return [
            (
                row,
                unpacked(
                    keys[row.key_id].open(row.sealed, table, *(getattr(row, name) for name in ids), _SEALED)
                ),
            )
            for row in found
            if row.key_id in keys
        ]
