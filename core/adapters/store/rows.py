"""All rows of a PostgreSQL database as lines of JSON, and back, without a program beside Sluice.

A line is a table with its columns, or one row of the table named last. The tables are those of the database
as it stands, so that a backup of an older schema can be made and put back.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import MetaData, Table, delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store import schema
from core.adapters.store.keys import OWN
from core.adapters.store.tables import keys
from core.ports.store import StoreError

_AT_ONCE: Final = 500


async def own_key(connection: AsyncConnection) -> bytes | None:
    """The store's own key, wrapped."""
    found: bytes | None = await connection.scalar(select(keys.c.wrapped).where(keys.c.scope == OWN))
    return found


async def dump(connection: AsyncConnection, file: Path) -> None:
    """Write every row that the connection sees."""
    with gzip.open(file, "wt", encoding="utf-8") as out:
        for table in (await _tables(connection)).sorted_tables:
            if table.name == schema.VERSION_TABLE:  # the backup says it beside the rows
                continue
            out.write(
                json.dumps({"table": table.name, "columns": [column.name for column in table.c]}) + "\n"
            )
            async for row in await connection.stream(select(table)):
                out.write(json.dumps([_plain(value) for value in row]) + "\n")


async def load(connection: AsyncConnection, file: Path, revision: str) -> None:
    """Put the rows in the place of all there is, and bring them up to date, within one transaction."""
    found = await schema.revision_of(connection)
    if found != revision:
        if found is not None:
            present = await _tables(connection)
            await connection.run_sync(present.drop_all)
        await schema.upgrade(connection, revision)
    tables = await _tables(connection)
    tables.remove(tables.tables[schema.VERSION_TABLE])
    for table in reversed(tables.sorted_tables):
        await connection.execute(delete(table))
    await connection.execute(text("SET CONSTRAINTS ALL DEFERRED"))  # a message may come before its parent
    for name, some in _batches(file):
        await connection.execute(insert(tables.tables[name]), some)
    for table in tables.tables.values():
        await _count_on(connection, table)
    await connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    await schema.upgrade(connection)


def of_table(file: Path, wanted: str) -> Iterator[dict[str, Any]]:
    """The rows of one table in a backup. Raises StoreError for a file that is damaged."""
    return (row for name, some in _batches(file) if name == wanted for row in some)


def _batches(file: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    name, columns, batch = "", [""], list[dict[str, Any]]()
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                value = json.loads(line)
                if isinstance(value, dict) or len(batch) == _AT_ONCE:
                    if batch:
                        yield name, batch
                    batch = []
                if isinstance(value, dict):
                    name, columns = value["table"], value["columns"]
                else:
                    row = (_value(plain) for plain in value)
                    batch.append(dict(zip(columns, row, strict=True)))
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        raise StoreError(f"{file} is damaged. Use another backup.") from None
    if batch:
        yield name, batch


async def _tables(connection: AsyncConnection) -> MetaData:
    """All there are: the database is Sluice's own (see `opening`)."""
    found = MetaData()
    await connection.run_sync(found.reflect)
    return found


async def _count_on(connection: AsyncConnection, table: Table) -> None:
    """The next row that is added is numbered after those that were put back."""
    if "number" in table.c:
        last = await connection.scalar(select(func.max(table.c.number)))
        if last:
            sequence = func.pg_get_serial_sequence(table.name, "number")
            await connection.execute(select(func.setval(sequence, last)))


def _plain(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _value(plain: Any) -> Any:
    return base64.b64decode(plain["base64"]) if isinstance(plain, dict) else plain
