"""What goes wrong outside: one line each, without the statement, its values, or a password."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import aiosqlite
import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from bots.bootstrap.kept import open_store as open_configured
from core.adapters.memory_store import MemoryStore
from core.adapters.store import connections
from core.adapters.store.connections import postgresql_url, write_ahead
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.ports.store import StoreError
from core.settings import Settings
from tests.fakes.clock import FakeClock
from tests.store.people import asked, grown

PASSWORD = "secret-of-the-database"


async def _failure(location: Location) -> str:
    with pytest.raises(StoreError) as error:
        async with open_store(location):
            pytest.fail("opened")
    for thread in threading.enumerate():  # aiosqlite may leave one behind, which speaks to the loop once more
        if "_connection_worker" in thread.name:
            thread.join()
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__
    line = str(error.value)
    assert "\n" not in line
    assert PASSWORD not in line
    return line


async def test_a_server_that_is_not_there(tmp_path: Path, unused_tcp_port: int) -> None:
    address = f"postgresql://sluice:{PASSWORD}@127.0.0.1:{unused_tcp_port}/sluice"
    line = await _failure(Location(tmp_path, address))
    assert line.startswith("PostgreSQL at 127.0.0.1, sluice: The database cannot be reached (")
    assert line.endswith(". Check DATABASE_URL, and that the server runs and lets Sluice in.")


async def test_a_database_that_is_not_there(tmp_path: Path, server: str) -> None:
    assert "InvalidCatalogNameError" in await _failure(Location(tmp_path, f"{server}/nowhere"))


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "sluice.db").write_bytes(b"no database at all" * 100)
    assert await _failure(Location(tmp_path)) == (
        f"{tmp_path}/sluice.db: The database cannot be used now (file is not a database). "
        "Put a backup in its place with `sluice restore DIR --replace`, or move the file away to begin anew."
    )


async def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "sluice.db").mkdir()
    assert await _failure(Location(tmp_path)) == (
        f"{tmp_path}/sluice.db: The database cannot be used now (unable to open database file). "
        "Let the user that runs Sluice write the file and its folder."
    )


async def test_a_database_that_another_program_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_PRAGMAS", (*connections._PRAGMAS, "PRAGMA busy_timeout=20"))
    with closing(sqlite3.connect(tmp_path / "sluice.db", isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        assert await _failure(Location(tmp_path)) == (
            f"{tmp_path}/sluice.db: The database cannot be used now (database is locked). "
            "Another program holds it: end that one, or wait for it, and try again."
        )


async def test_a_disk_without_room_for_a_new_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_PRAGMAS", (*connections._PRAGMAS, "PRAGMA max_page_count=1"))
    assert (await _failure(Location(tmp_path))).endswith("(database or disk is full). Make room on its disk.")


async def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert "cannot be made" in await _failure(Location(tmp_path / "data"))


async def test_a_file_is_opened_while_another_process_begins_to_write_it(tmp_path: Path) -> None:
    """The first of two that start at once; SQLite would not wait for it."""
    with closing(sqlite3.connect(tmp_path / "new.db", isolation_level=None)) as first:
        first.execute("BEGIN IMMEDIATE")
        waited: list[float] = []

        async def first_ends(seconds: float) -> None:
            waited.append(seconds)
            first.execute("COMMIT")

        async with aiosqlite.connect(tmp_path / "new.db") as second:
            await write_ahead(second, first_ends)
            assert len(waited) == 1
            assert list(await second.execute_fetchall("PRAGMA journal_mode")) == [("wal",)]


async def test_reads_that_follow_one_another_use_one_connection(sqlite_location: Location) -> None:
    """Else each connection comes to hold the same pages in its own cache."""
    async with open_store(sqlite_location) as store:
        await grown(store)
        taken: list[object] = []
        event.listen(
            store._database._readers.sync_engine, "checkout", lambda connection, *_: taken.append(connection)
        )
        await asyncio.gather(*(store.message("q1") for _ in range(20)))
        assert len(set(taken)) > 1
        taken.clear()
        for _ in range(20):
            await store.message("q1")
        assert (len(taken), len(set(taken))) == (20, 1)


async def test_pages_in_memory_are_four_mebibytes_at_most(sqlite_location: Location) -> None:
    async with open_store(sqlite_location) as store:

        async def kib(engine: AsyncEngine) -> int:
            async with engine.connect() as connection:
                return -int((await connection.exec_driver_sql("PRAGMA cache_size")).scalar_one())

        writer, reader = await kib(store._database._engine), await kib(store._database._readers)
        assert writer + connections.CONNECTIONS * reader <= 4_096


async def test_a_lock_that_does_not_go_fails_all_that_wait_and_stores_nothing(
    sqlite_location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_PRAGMAS", (*connections._PRAGMAS, "PRAGMA busy_timeout=20"))
    async with open_store(sqlite_location) as store:
        await grown(store)
        with closing(sqlite3.connect(sqlite_location.file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            adding = [store.add(asked(f"m{number}")) for number in range(5)]
            outcomes = await asyncio.gather(*adding, return_exceptions=True)
            assert {str(outcome) for outcome in outcomes} == {
                "The database cannot be used now (database is locked)."
            }
            assert await store.message("q1") == asked("q1")  # reading goes on
            other.execute("ROLLBACK")
        await store.add(asked("m9"))
        assert [await store.message(name) is not None for name in ("m0", "m4", "m9")] == [False, False, True]


async def test_a_full_disk_is_never_called_stored(
    sqlite_location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_store(sqlite_location) as store:
        await grown(store)
    pages = sqlite_location.file.stat().st_size // 4096
    monkeypatch.setattr(
        connections, "_PRAGMAS", (*connections._PRAGMAS, f"PRAGMA max_page_count={pages + 5}")
    )
    async with open_store(sqlite_location) as store:
        adding = [store.add(asked(f"m{number}", asker=f"discord:{number}")) for number in range(150)]
        outcomes = await asyncio.gather(*adding, return_exceptions=True)
        full = [str(outcome) for outcome in outcomes if outcome is not None]
        assert set(full) == {"The database cannot be used now (database or disk is full)."}
    monkeypatch.undo()
    async with open_store(sqlite_location) as store:
        kept = [await store.message(f"m{number}") is not None for number in range(150)]
    assert kept == [outcome is None for outcome in outcomes]


async def test_a_cancelled_caller_takes_nobody_with_it(location: Location) -> None:
    async with open_store(location) as store:
        await grown(store)
        adding = [asyncio.create_task(store.add(asked(f"m{number}"))) for number in range(9)]
        await asyncio.sleep(0)
        adding[4].cancel()
        outcomes = await asyncio.gather(*adding, return_exceptions=True)
        assert [isinstance(outcome, asyncio.CancelledError) for outcome in outcomes].count(True) == 1
        kept = [await store.message(f"m{number}") is not None for number in range(9) if number != 4]
        assert kept == [True] * 8


def test_addresses_of_hosted_databases_are_understood() -> None:
    for scheme in ("postgres", "postgresql", "postgresql+asyncpg"):
        url = postgresql_url(f"{scheme}://ada:p%40ss@host:6543/sluice?sslmode=require")
        assert (url.drivername, url.password, url.port) == ("postgresql+asyncpg", "p@ss", 6543)
        assert dict(url.query) == {"ssl": "require"}


async def test_the_sandbox_keeps_nothing(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    async with open_configured(settings, FakeClock(), sandbox=True) as kept:
        assert isinstance(kept.store, MemoryStore)
    assert not (tmp_path / "data").exists()
    async with open_configured(settings, FakeClock(), sandbox=False) as kept:
        await kept.store.add(asked("q1"))
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        "sluice.db",
        "sluice.key",
        "sluice.lock",
        "sluice.wrapping",
    ]
