"""The machine under a real SQLite store: locked by another process, full, read-only. Answers go on, what was
said is kept once it can be, and nobody is told that something is kept which is not."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from core.adapters.steady_store import SteadyStore
from core.adapters.store import connections
from core.adapters.store.key_files import KeyChain
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.adapters.store.sql_store import SqlStore
from core.ports.alerts import Cause
from core.ports.store import Lane, LaneKey, Message, Role, StoreError
from tests.fakes.alerts import NotedAlerts

LANE = LaneKey("discord:30", "discord:1")


def said(number: int, *, text: str = "") -> Message:
    parent = f"q{number - 1}" if number else None
    return Message(
        f"q{number}", "c", parent, Role.USER, "discord:1", text or f"text {number}", at=100.0 + number
    )


@asynccontextmanager
async def opened(
    location: Location, *, patience_s: float = 0.02
) -> AsyncIterator[tuple[SteadyStore, NotedAlerts]]:
    alerts = NotedAlerts()
    async with open_store(location) as store:
        yield SteadyStore(store, alerts=alerts, patience_s=patience_s), alerts


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own patience with a lock is 5 s; the lock here outlasts it as one of 30 s does that."""
    pragmas = tuple(one for one in connections._PRAGMAS if "busy_timeout" not in one)
    monkeypatch.setattr(connections, "_PRAGMAS", (*pragmas, "PRAGMA busy_timeout=50"))


@contextmanager
def locked_by_another_process(file: Path) -> Iterator[None]:
    """A second process holds the write lock, as a backup tool or a migration would."""
    code = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('BEGIN IMMEDIATE')\n"
        "print('locked', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", code, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        try:
            yield
        finally:
            process.communicate("\n")


async def caught_up(store: SteadyStore) -> None:
    async with asyncio.timeout(10):
        while (task := store._catching_up) is not None and not task.done():
            await asyncio.wait([task])


async def test_a_database_that_another_process_holds(sqlite_location: Location) -> None:
    async with opened(sqlite_location, patience_s=5.0) as (store, alerts):
        await store.add(
            said(0)
        )  # kept for sure: a write of ours that is under way would hold the lock itself
        store._patience_s = 0.02
        with locked_by_another_process(sqlite_location.file):
            for number in range(1, 6):
                await store.add(said(number))
                await store.set_lane(LANE, Lane("c", f"q{number}", float(number)))
                assert [one.id for one in await store.path(f"q{number}")][-1] == f"q{number}"
            await caught_up(store)
            with pytest.raises(StoreError, match="locked"):
                await store.choose("person:discord:1", "model", "a/b")
            assert alerts.told[0][:2] == ("raised", Cause.STORE)
            assert len(alerts.told) == 1
        await store.add(said(6))
        await caught_up(store)
        assert alerts.told[1:] == [("over", Cause.STORE, "")]
        assert await store.choices(("person:discord:1",)) == {}
    async with opened(sqlite_location) as (again, _):
        assert [one.text for one in await again.path("q6")] == [f"text {number}" for number in range(7)]
        assert await again.lane(LANE) == Lane("c", "q5", 5.0)


async def test_a_disk_that_is_full(sqlite_location: Location) -> None:
    """SQLite's own limit of pages is its real error of a full disk, and a real roll-back."""
    async with opened(sqlite_location, patience_s=5.0) as (store, alerts):
        await store.add(said(0))
        inner = store._store
        assert isinstance(inner, SqlStore)
        engine = inner._database._engine

        async def limit(pages: int) -> None:
            async with engine.connect() as connection:
                await connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
                await connection.rollback()

        await limit(1)  # no more than there are
        for number in range(1, 40):
            await store.add(said(number, text="x" * 4_000))
        assert [told[:2] for told in alerts.told] == [("raised", Cause.STORE)]
        assert "full" in str(alerts.raised[Cause.STORE, ""])
        assert len(await store.path("q39")) == 40  # it is known all the same
        kept = {one.id for one in await inner.path("q39")}
        assert "q39" not in kept
        await limit(1_000_000)
        await store.add(said(40))
        assert alerts.told[1:] == [("over", Cause.STORE, "")]
        assert [one.id for one in await inner.path("q40")] == [f"q{number}" for number in range(41)]


async def test_a_database_that_may_only_be_read(sqlite_location: Location) -> None:
    async with open_store(sqlite_location) as store:
        await store.add(said(0))
    alerts = NotedAlerts()
    async with open_store(sqlite_location) as inner:
        event.listen(
            inner._database._engine.sync_engine,
            "connect",
            lambda connection, _: connection.execute("PRAGMA query_only=ON"),
        )
        await inner._database._engine.dispose()
        steady = SteadyStore(inner, alerts=alerts, patience_s=5.0)
        await steady.add(said(1))
        assert [one.id for one in await steady.path("q1")] == ["q0", "q1"]
        assert [told[:2] for told in alerts.told] == [("raised", Cause.STORE)]
        for done in (steady.choose("s", "n", "v"), steady.remove("q0"), steady.forget("discord:1")):
            with pytest.raises(StoreError, match="readonly"):
                await done
        assert await inner.message("q0") is not None


async def test_a_database_that_is_locked_at_start_is_told_in_one_line(tmp_path: Path) -> None:
    location = Location(tmp_path / "data")
    location.data_dir.mkdir()
    with closing(sqlite3.connect(location.file, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="database is locked"):
            async with open_store(location):
                pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
async def test_a_key_that_has_no_room_is_not_made_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key file cut short would be a database that nobody can open: none may be left."""
    real = os.fdopen

    def full(descriptor: int, *args: object, **named: object) -> object:
        os.close(descriptor)
        return real(os.open("/dev/full", os.O_WRONLY), *args, **named)  # type: ignore[call-overload]

    location = Location(tmp_path / "data")
    location.data_dir.mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdopen", full)
        with pytest.raises(StoreError, match="No space left on device"):
            KeyChain(location.keys, None).create()
    assert list(location.data_dir.iterdir()) == []
    async with open_store(location) as store:
        await store.add(said(0))
