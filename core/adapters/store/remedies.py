"""What to do about a database that cannot be opened: by itself it says only what the matter is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from core.adapters.store.database import UnusableError
from core.adapters.store.location import Location
from core.ports.store import FullError, StoreError

_POSTGRESQL: Final = "Check DATABASE_URL, and that the server runs and lets Sluice in."
_FULL: Final = "Make room on its disk."
_HELD: Final = "Another program holds it: end that one, or wait for it, and try again."
_BROKEN: Final = (
    "Put a backup in its place with `sluice restore DIR --replace`, or move the file away to begin anew."
)
_CLOSED: Final = "Let the user that runs Sluice write the file and its folder."
_ANY_SQLITE: Final = (
    "See that this user may read and write it; if it is broken, restore a backup with `sluice restore`."
)
_OF_SQLITE: Final = {
    sqlite3.SQLITE_BUSY: _HELD,
    sqlite3.SQLITE_LOCKED: _HELD,
    sqlite3.SQLITE_NOTADB: _BROKEN,
    sqlite3.SQLITE_CORRUPT: _BROKEN,
    sqlite3.SQLITE_CANTOPEN: _CLOSED,
    sqlite3.SQLITE_READONLY: _CLOSED,
    sqlite3.SQLITE_PERM: _CLOSED,
}
_PRIMARY: Final = 0xFF  # of SQLite's codes: the rest says more than is needed here


def remedy_for(error: StoreError, location: Location) -> str:
    """For an error that has none of its own."""
    if isinstance(error, FullError):
        return _FULL
    if location.database_url is not None:
        return _POSTGRESQL
    code = error.code if isinstance(error, UnusableError) else None
    return _ANY_SQLITE if code is None else _OF_SQLITE.get(code & _PRIMARY, _ANY_SQLITE)


@contextmanager
def telling_what_to_do(location: Location) -> Iterator[None]:
    """Raises StoreError with the database's place and the remedy, where the error says neither."""
    try:
        yield
    except (UnusableError, FullError) as error:
        raise StoreError(f"{location.shown}: {error} {remedy_for(error, location)}") from None
