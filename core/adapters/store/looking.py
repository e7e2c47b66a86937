"""What a database is, found out without changing it: no file is made, nothing is migrated or locked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store import schema
from core.adapters.store.connections import read_only
from core.adapters.store.database import translated
from core.adapters.store.keys import OWN, own_key, unwrap
from core.adapters.store.location import Location
from core.ports.store import StoreError


@dataclass(frozen=True, slots=True)
class Found:
    """`schema`: None where nothing was written yet. `own`: the id of the database's own key and the key as it
    is wrapped; None where it has none yet."""

    schema: str | None = None
    own: tuple[str, bytes] | None = None


async def look_at(location: Location) -> Found:
    """Raises StoreError for a database that cannot be used as it is, whatever the key file holds."""
    if location.database_url is None and not location.file.exists():
        return Found()
    async with _connected(location) as connection:
        found = await schema.revision_of(connection)
        if found is None:
            if await schema.holds_tables(connection):
                raise StoreError(schema.OF_SOMETHING_ELSE)
            return Found()
        schema.check_known(found, "The database")
        return Found(found, await own_key(connection))


def prove_key(location: Location, found: Found) -> bool:
    """Whether the key file opens the database; False where there is nothing to open yet. Raises StoreError
    for a key file that does not, is missing, or cannot be read."""
    chain = location.chain()
    if found.own is None:
        chain.held()
        return False
    unwrap(chain, *found.own, OWN)
    return True


@asynccontextmanager
async def _connected(location: Location) -> AsyncIterator[AsyncConnection]:
    engine = read_only(location.url)
    try:
        with translated():
            async with engine.connect() as connection:
                yield connection
    finally:
        await engine.dispose()
