"""What every part of the store stands on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.database import Database
from core.adapters.store.encryption import packed, unpacked
from core.adapters.store.keys import Keys
from core.adapters.store.tables import keys

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

    def _opened(
        self, rows: Iterable[Row[Any]], table: str, *ids: str
    ) -> Sequence[tuple[Row[Any], Mapping[str, str]]]:
        """Each row of a `sealed_rows` with its texts. `ids`: the columns that name it."""
        found = list(rows)
        opening = self._keys.of_rows(found)
        return [
            (
                row,
                unpacked(
                    opening[row.key_id].open(
                        row.sealed, table, *(getattr(row, name) for name in ids), _SEALED
                    )
                ),
            )
            for row in found
        ]


def sealed_rows(table: Table) -> Select[Any]:
    """Rows with what opens them, in one statement. Without its key a row is not there."""
    opening = select(table, keys.c.wrapped, keys.c.scope.label("key_scope"))
    return opening.join(keys, keys.c.id == table.c.key_id)
