"""Transactions, and foreign exceptions, which end here.

SQLite has one writer. Here it takes all writes that wait and commits them together: with `synchronous=FULL` a
commit costs a flush of the disk, and many streams share it. FULL, since an event is confirmed to its platform
once it is stored, and must then survive a power cut too.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Generic, TypeVar

import asyncpg
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.connections import postgresql_engine, sqlite_readers, sqlite_writer
from core.adapters.store.encryption import SealError
from core.ports.store import FullError, StoreError

T = TypeVar("T")
_TOGETHER: Final = 64  # writes in one commit


class UnusableError(StoreError):
    """What the database, or the way to it, has to say. `code`: SQLite's own."""

    def __init__(self, line: str, code: int | None = None) -> None:
        super().__init__(line)
        self.code = code


class Database:
    """One SQLite file or one PostgreSQL database, by `url`. No connection is made before the first use.

    `name`: random; other processes know its sessions by it. `migrating`: rows may refer to rows that are not
    there while tables are rebuilt (SQLite has no other way).
    """

    def __init__(self, url: URL, *, migrating: bool = False) -> None:
        self.url = url
        self.name = secrets.token_hex(8)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._engine = (
            sqlite_writer(url, migrating=migrating) if self.is_sqlite else postgresql_engine(url, self.name)
        )
        self._readers = sqlite_readers(url) if self.is_sqlite else self._engine
        self._waiting: list[_Write[Any]] = []
        self._writer: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with. Raises StoreError."""
        with translated():
            async with self._readers.connect() as connection:
                yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Like `reading`, on PostgreSQL: everything as it was at one moment. Raises StoreError."""
        with translated():
            async with self._engine.connect() as connection:
                yield await connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """What `work` returns, once it is committed. Raises StoreError, and then nothing of it was kept.

        `work` may be called twice: again, alone, when another one that shared its transaction failed. On
        SQLite it goes on when the caller is cancelled.
        """
        if not self.is_sqlite:
            with translated():
                async with self._engine.begin() as connection:
                    result = await work(connection)
            return result
        return await self._write_with_others(work)

    async def write_at_once(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Like `write`, for one statement that locks what many want: on PostgreSQL its transaction ends with
        it, so that nobody waits for a process that stands still. Raises StoreError."""
        if self.is_sqlite:
            return await self._write_with_others(work)
        with translated():
            async with self._engine.connect() as connection:
                return await work(await connection.execution_options(isolation_level="AUTOCOMMIT"))

    async def _write_with_others(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        write: _Write[T] = _Write(work, asyncio.get_running_loop().create_future())
        self._waiting.append(write)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all(), name="store writer")
        return await write.done

    async def aclose(self) -> None:
        """Finish what is being written and let go of every connection."""
        if self._writer is not None:
            await self._writer
        with translated():
            await self._readers.dispose()
            await self._engine.dispose()

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                together, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
                await self._write_together([write for write in together if not write.done.cancelled()])
        finally:
            self._writer = None
            for write in self._waiting:  # only where this task was cancelled
                write.done.cancel()

    async def _write_together(self, writes: list[_Write[Any]]) -> None:
        """All in one transaction; where one of them fails, each in its own."""
        begun = False
        try:
            with translated():
                async with self._engine.begin() as connection:
                    begun = True
                    results = [await write.work(connection) for write in writes]
        except Exception as error:  # noqa: BLE001  # it is the callers' to raise
            if begun and len(writes) > 1:
                for write in writes:
                    await self._write_together([write])
                return
            for write in writes:
                if not write.done.done():
                    write.done.set_exception(error)
        except BaseException:
            for write in writes:
                write.done.cancel()
            raise
        else:
            for write, result in zip(writes, results, strict=True):
                if not write.done.done():
                    write.done.set_result(result)


@dataclass(frozen=True, slots=True)
class _Write(Generic[T]):
    work: Callable[[AsyncConnection], Awaitable[T]]
    done: asyncio.Future[T]


def insert_into(connection: AsyncConnection, table: Table) -> Any:
    """An INSERT that may say what to do about a row that is there: both databases spell it alike. It is
    always the same one, so that its `excluded`, a copy of the table, is made once."""
    return _insert_into(table, connection.dialect.name)


@cache
def _insert_into(table: Table, dialect: str) -> Any:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


@contextmanager
def translated() -> Iterator[None]:
    """Raises StoreError for whatever the database, its driver or a seal has to say.

    Never with the statement or its values, which the libraries put into their messages.
    """
    try:
        yield
    except SealError as error:
        raise StoreError(f"The database holds a value that does not open: {error}.") from None
    except DBAPIError as error:
        raise _unusable(error.orig) from None
    except (SQLAlchemyError, sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _unusable(error) from None
    except OSError as error:
        raise UnusableError(
            f"The database cannot be reached ({error.strerror or type(error).__name__})."
        ) from None


def _unusable(error: BaseException | None) -> StoreError:
    cause = error.__cause__ if error is not None else None
    code = getattr(error, "sqlite_errorcode", None)
    line = f"The database cannot be used now ({_what(error)})."
    if code == sqlite3.SQLITE_FULL or isinstance(cause, asyncpg.DiskFullError):
        return FullError(line)
    return UnusableError(line, code)


def _what(error: BaseException | None) -> str:
    if isinstance(error, sqlite3.Error):
        return str(error)  # SQLite's own words name tables and columns, never values
    cause = error.__cause__ if error is not None else None
    known = cause if isinstance(cause, asyncpg.PostgresError) else error
    return type(known).__name__
