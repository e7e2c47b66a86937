"""Putting a backup back, also while Sluice runs. What was there is kept aside.

What was in work when a backup was made has been answered since, by the process that made it: of that nothing
is done again (`_let_rest`). What a key opens that was replaced since is wrapped by the one in force: the old
one may be deleted at any time, or have leaked.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from contextlib import aclosing, closing
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store import rows, schema
from core.adapters.store.backup import (
    ROWS_FILE,
    About,
    about,
    back_up,
    copy_sqlite,
    files_translated,
    folder_stamp,
)
from core.adapters.store.connections import sqlite_url
from core.adapters.store.database import Database, translated
from core.adapters.store.key_files import KeyChain
from core.adapters.store.keys import Keys, unwrap
from core.adapters.store.location import DATABASE_FILE, WRAPPING_FILE, Location
from core.adapters.store.opening import make_data_dir, make_database_file
from core.adapters.store.tables import cursors, events, steps, turns
from core.ports.store import StoreError

_OPEN: Final = turns.c.owner.is_not(None)


async def restore(location: Location, folder: Path, *, replace: bool) -> Path | None:
    """Put the backup in `folder` in the place of the database. Where that is kept now, if there was one.

    Raises StoreError, with the database as it was, for a backup of the other kind of database, of a newer
    schema, that is damaged, or that the key file does not open; and without `replace` if there is a database.
    """
    made = about(folder)
    engine = "postgresql" if location.database_url else "sqlite"
    if made.engine != engine:
        raise StoreError(
            f"The backup is of {made.engine}, the database is {engine}. "
            "DATABASE_URL decides: set it for PostgreSQL, leave it out for SQLite."
        )
    schema.check_known(made.schema, "The backup")
    with files_translated():
        make_data_dir(location)
        if location.database_url:
            return await _restore_rows(location, folder, made, replace=replace)
        return await _restore_copy(location, folder, replace=replace)


async def _restore_copy(location: Location, folder: Path, *, replace: bool) -> Path | None:
    there = location.file.exists() and location.file.stat().st_size > 0
    if there and not replace:
        raise _there_already(str(location.file))
    work = location.data_dir / ".restoring"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    try:
        for name in (DATABASE_FILE, WRAPPING_FILE):
            await asyncio.to_thread(shutil.copyfile, folder / name, work / name)
        new = work / DATABASE_FILE
        with translated():
            await asyncio.to_thread(_check_whole, new)
        async with aclosing(Database(sqlite_url(new), migrating=True)) as database:
            keys = Keys(database, location.chain(work))
            await keys.check()
            await schema.upgrade_database(database)
            await database.write(_let_rest)
            await database.write(partial(keys.rewrap, new_master=False))
        aside = await _keep_aside(location) if there else None
        location.chain().adopt(*location.chain(work).sealed_wrappings()[0])
        make_database_file(location)
        with translated():
            await asyncio.to_thread(copy_sqlite, new, location.file)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    async with aclosing(Database(location.url)) as database:
        await Keys(database, location.chain()).open()
    return aside


async def _restore_rows(location: Location, folder: Path, made: About, *, replace: bool) -> Path | None:
    file = folder / ROWS_FILE
    chain = location.chain(folder)
    await asyncio.to_thread(_check_rows, file, chain)
    async with aclosing(Database(location.url)) as database:
        async with database.reading() as connection:
            found = await schema.revision_of(connection)
            there = found is not None and await rows.own_key(connection) is not None
        if there and not replace:
            raise _there_already("in PostgreSQL")
        aside = None
        if there:
            aside = location.backups / f"before-restore-{folder_stamp()}"
            await back_up(location, aside)

        async def load(connection: AsyncConnection) -> None:
            await rows.load(connection, file, made.schema)
            await _let_rest(connection)
            await Keys(database, chain).rewrap(connection, new_master=False)

        await database.write(load)
        await Keys(database, location.chain()).open()
    return aside


async def _let_rest(connection: AsyncConnection) -> None:
    """Take up no turn again, answer no event again, and fetch nothing that was said since the backup. A turn
    that grows at this moment goes on: the journal passes over what it is told of a turn that is not there."""
    await connection.execute(delete(steps).where(steps.c.turn_id.in_(select(turns.c.id).where(_OPEN))))
    await connection.execute(delete(turns).where(_OPEN))
    over = {"handled": time.time(), "key_id": None, "sealed": None, "others": None}
    await connection.execute(update(events).where(events.c.handled.is_(None)).values(over))
    await connection.execute(delete(cursors))


def _check_whole(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise StoreError("The backup is damaged. Use another one.")


def _check_rows(file: Path, chain: KeyChain) -> None:
    """Reads all of it. Raises StoreError unless every data key in it opens."""
    found = 0
    for row in rows.of_table(file, "keys"):
        unwrap(chain, row["id"], row["wrapped"], row["scope"])
        found += 1
    if not found:
        raise StoreError(f"{file} holds no keys. Use another backup.")


async def _keep_aside(location: Location) -> Path:
    """As a backup; what the key file does not open or is damaged, as it is."""
    aside = location.backups / f"before-restore-{folder_stamp()}"
    try:
        await back_up(location, aside)
    except StoreError:
        await asyncio.to_thread(_keep_files, location, aside)
    return aside


def _keep_files(location: Location, aside: Path) -> None:
    aside.mkdir(parents=True, mode=0o700)
    wrapping = location.data_dir / WRAPPING_FILE
    if wrapping.exists():
        shutil.copyfile(wrapping, aside / WRAPPING_FILE)
    try:
        copy_sqlite(location.file, aside / DATABASE_FILE)
    except sqlite3.Error:  # no database any more: nobody can be using it
        for suffix in ("", "-wal", "-shm"):
            file = location.file.with_name(location.file.name + suffix)
            if file.exists():
                file.replace(aside / file.name)


def _there_already(where: str) -> StoreError:
    return StoreError(
        f"There is a database already ({where}). "
        "With --replace the backup takes its place, and it is kept aside."
    )
