"""How connections are made: to one SQLite file, or to PostgreSQL."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiosqlite
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_BUSY_MS: Final = 5_000  # how long SQLite waits for another process's write, such as a migration
_AGAIN_S: Final = 0.05
_CACHE_KIB: Final = 2_048  # of the writer's pages; the system caches the file as well
_READER_CACHE_KIB: Final = 256
"""Of each reader: each commit empties it, so that more saves nothing."""
CONNECTIONS: Final = 8
_PATIENCE_S: Final = 10.0  # for a connection to PostgreSQL
_COMMAND_S: Final = 30.0
_PRAGMAS: Final = (
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={_BUSY_MS}",
    "PRAGMA secure_delete=ON",  # what is deleted is overwritten, so that an id does not outlive its row
)


def sqlite_url(file: Path) -> URL:
    return URL.create("sqlite+aiosqlite", database=str(file))


def postgresql_url(address: str) -> URL:
    """What `DATABASE_URL` holds, checked by the settings, as the driver wants it."""
    url = make_url(address).set(drivername="postgresql+asyncpg")
    query = dict(url.query)
    if "sslmode" in query:  # libpq's name, which addresses of hosted databases carry
        query["ssl"] = query.pop("sslmode")
    return url.set(query=query)


def sqlite_writer(url: URL, *, migrating: bool) -> AsyncEngine:
    engine = create_async_engine(url, pool_size=1, max_overflow=0)
    _prepare(engine, f"PRAGMA foreign_keys={'OFF' if migrating else 'ON'}", _cache(_CACHE_KIB))

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # waits for its turn, instead of failing half-way

    return engine


def sqlite_readers(url: URL) -> AsyncEngine:
    """Each statement for itself, so that a read pays no other thread for a BEGIN and a ROLLBACK."""
    engine = create_async_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_use_lifo=True,  # else each of them comes to hold the same pages, and a thread's share of memory
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
    )
    _prepare(engine, "PRAGMA foreign_keys=ON", _cache(_READER_CACHE_KIB))
    return engine


def read_only(url: URL) -> AsyncEngine:
    """For somebody who only looks. Of SQLite no file is made: what no process has open, and none left
    unfinished, is read without the files that stand beside it."""
    if url.get_backend_name() != "sqlite":
        return postgresql_engine(url, secrets.token_hex(8)).execution_options(postgresql_readonly=True)
    file = Path(url.database or "").absolute()
    unfinished = file.with_name(f"{file.name}-wal").exists()
    how = {"mode": "ro"} if unfinished else {"mode": "ro", "immutable": "1"}
    return create_async_engine(url.set(database=f"file:{quote(str(file))}", query={**how, "uri": "true"}))


def _cache(kib: int) -> str:
    return f"PRAGMA cache_size=-{kib}"


def _prepare(engine: AsyncEngine, *more: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        connection.run_async(write_ahead)
        cursor = connection.cursor()
        for pragma in (*_PRAGMAS, *more):
            cursor.execute(pragma)
        cursor.close()


async def write_ahead(
    connection: aiosqlite.Connection, wait: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> None:
    """Have the file in WAL mode, whoever else opens it now. SQLite waits for nobody who begins to write a
    file that is in another mode, as the first of two that start at once does, but fails."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _BUSY_MS / 1_000
    while True:
        try:
            await connection.execute_fetchall("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or loop.time() >= until:
                raise
            await wait(_AGAIN_S)
        else:
            return


def session_name(database_name: str) -> str:
    """What PostgreSQL calls the sessions of one `Database`."""
    return f"sluice {database_name}"


def postgresql_engine(url: URL, name: str) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
        pool_pre_ping=True,  # a server that was restarted costs nobody an error
        pool_timeout=_PATIENCE_S,
        connect_args={
            "timeout": _PATIENCE_S,
            "command_timeout": _COMMAND_S,
            "server_settings": {
                "application_name": session_name(name),
                "jit": "off",  # compiling costs more than a path
            },
        },
    )
