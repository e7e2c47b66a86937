"""Opening the store: the right key first, then the schema, then the store itself."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

from core.adapters.store import schema
from core.adapters.store.backup import back_up, folder_stamp
from core.adapters.store.database import Database
from core.adapters.store.journal import SqlJournal
from core.adapters.store.keys import Keys
from core.adapters.store.location import Location
from core.adapters.store.remedies import telling_what_to_do
from core.adapters.store.sql_store import SqlStore
from core.ports.journal import LEASE_S
from core.ports.store import StoreError

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_store(location: Location, *, lease_s: float = LEASE_S) -> AsyncIterator[SqlStore]:
    """The store with its journal, their database made or brought up to date.

    Raises StoreError with a line that says what to do. A database that holds something is backed up before
    it is migrated. `lease_s`: see `SqlJournal`.
    """
    make_data_dir(location)
    make_database_file(location)
    async with aclosing(Database(location.url)) as database:
        keys = Keys(database, location.chain())
        store = SqlStore(database, keys, SqlJournal(database, keys, lease_s=lease_s))
        with telling_what_to_do(location):
            await bring_up_to_date(location, database)
            await store.open()
        try:
            yield store
        finally:
            await store.journal.let_go()


async def bring_up_to_date(location: Location, database: Database) -> None:
    """Migrate what is older. Raises StoreError, with nothing changed, for a wrong key or a newer schema."""
    async with database.reading() as connection:
        found = await schema.revision_of(connection)
        if found is None and await schema.holds_tables(connection):
            raise StoreError(schema.OF_SOMETHING_ELSE)
    if found == schema.newest():
        return
    if found is not None:
        schema.check_known(found, "The database")
        await Keys(database, location.chain()).open()
        aside = location.backups / f"before-{schema.newest()}-{folder_stamp()}"
        await back_up(location, aside)
        log.warning(
            "The database is migrated from schema %s to %s; as it was: %s", found, schema.newest(), aside
        )
    async with aclosing(Database(location.url, migrating=True)) as migrating:
        await schema.upgrade_database(migrating)


def make_data_dir(location: Location) -> None:
    """For this user alone, unless it is there already. Raises StoreError."""
    try:
        location.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{location.data_dir} cannot be made ({error.strerror}).") from None


def make_database_file(location: Location) -> None:
    """Empty, and for this user alone, unless it is there already: SQLite gives what it puts beside a database
    the same mode. What stands in the way is told by whoever opens it."""
    if location.database_url is None:
        with suppress(OSError):
            location.file.touch(0o600, exist_ok=False)
