"""Making a backup while Sluice runs.

A backup is a folder: `about.json`, and either `sluice.db` with `sluice.wrapping`, or `rows.jsonl.gz` for
PostgreSQL. It holds no master key: whoever wants to read it needs the key file too. What was forgotten after
it was made is still in it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import aclosing, closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from core.adapters.store import rows, schema
from core.adapters.store.database import Database, translated
from core.adapters.store.encryption import key_id_of
from core.adapters.store.keys import OWN
from core.adapters.store.location import DATABASE_FILE, Location
from core.ports.store import StoreError

ROWS_FILE: Final = "rows.jsonl.gz"
_ABOUT_FILE: Final = "about.json"
_TRIES: Final = 5  # one fails only when somebody is forgotten in that very moment
_BUSY_S: Final = 30.0
_NOTHING: Final = "There is no database to back up yet."


@dataclass(frozen=True, slots=True)
class About:
    """What a backup says of itself. `made_at`: ISO 8601. `key`: the id of the master key that opens it."""

    engine: str
    schema: str
    key: str
    made_at: str


async def back_up(location: Location, folder: Path) -> About:
    """Make a folder with a backup. Raises StoreError, and then leaves nothing behind."""
    with files_translated():
        partial = _begin(folder)
        try:
            about = await (_rows_of if location.database_url else _copy_of)(location, partial)
            _own_file(partial / _ABOUT_FILE).write_text(json.dumps(asdict(about), indent=1) + "\n", "utf-8")
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return about


def _begin(folder: Path) -> Path:
    """Where the backup is written until it is whole."""
    if folder.exists():
        raise StoreError(f"{folder} is there already. Name a folder that is not.")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial.mkdir(mode=0o700)
    return partial


def about(folder: Path) -> About:
    """Raises StoreError where there is no backup."""
    try:
        return About(**json.loads((folder / _ABOUT_FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        raise StoreError(
            f"{folder} holds no backup of Sluice. Name the folder that it was made in."
        ) from None


def folder_stamp() -> str:
    """Now, for the name of a folder."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")


@contextmanager
def files_translated() -> Iterator[None]:
    """Raises StoreError for what the file system has to say."""
    try:
        yield
    except (OSError, shutil.Error) as error:
        name, why = getattr(error, "filename", None), getattr(error, "strerror", None)
        raise StoreError(f"{name or 'The folder'} cannot be used ({why or type(error).__name__}).") from None


def _own_file(file: Path) -> Path:
    """The same, made for its user alone if it is not there: a backup is copied to where others may enter."""
    file.touch(0o600)
    return file


def copy_sqlite(source: Path, target: Path) -> None:
    """All of one database into another, in one transaction of it, while both may be in use. Blocks."""
    _own_file(target)
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)) as from_,
        closing(sqlite3.connect(target, timeout=_BUSY_S)) as to,
    ):
        from_.backup(to)


async def _copy_of(location: Location, folder: Path) -> About:
    if not location.file.exists():
        raise StoreError(_NOTHING)
    copy = folder / DATABASE_FILE
    for _ in range(_TRIES):
        with translated():
            await asyncio.to_thread(copy_sqlite, location.file, copy)
            revision, own = await asyncio.to_thread(_look_into, copy)
            wrapping_id = key_id_of(own)
        sealed = location.chain().sealed_wrapping(wrapping_id)
        if sealed is not None:
            location.chain(folder).adopt(wrapping_id, sealed)
            return _about("sqlite", revision, key_id_of(sealed))
    raise StoreError("The database and its wrapping file do not belong together. Nothing was backed up.")


def _look_into(copy: Path) -> tuple[str, bytes]:
    """The schema, and the wrapped key of the store. Makes one file of the copy."""
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        try:
            (revision,) = connection.execute(f"SELECT version_num FROM {schema.VERSION_TABLE}").fetchone()  # noqa: S608  # our own name
            (own,) = connection.execute("SELECT wrapped FROM keys WHERE scope = ?", (OWN,)).fetchone()
        except TypeError:
            raise StoreError(_NOTHING) from None
        return revision, own


async def _rows_of(location: Location, folder: Path) -> About:
    async with aclosing(Database(location.url)) as database, database.snapshot() as connection:
        revision = await schema.revision_of(connection)
        own = await rows.own_key(connection) if revision else None
        if revision is None or own is None:
            raise StoreError(_NOTHING)
        await rows.dump(connection, _own_file(folder / ROWS_FILE))
    return _about("postgresql", revision, key_id_of(own))


def _about(engine: str, revision: str, key: str) -> About:
    return About(engine, revision, key, datetime.now(UTC).isoformat(timespec="seconds"))
