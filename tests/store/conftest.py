"""The stores that the same tests run on."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, aclosing
from pathlib import Path

import asyncpg
import pytest

from core.adapters.memory_ledger import MemoryLedger
from core.adapters.memory_store import MemoryStore
from core.adapters.store.database import Database
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.adapters.store.schema import upgrade_database
from core.adapters.store.tables import metadata
from core.ports.ledger import Ledger
from core.ports.store import Store
from tests.store import postgresql
from tests.store.processes import InDatabase, InMemory, Processes

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a PostgreSQL on loopback."""
    with ExitStack() as stack:
        try:
            address = stack.enter_context(postgresql.server())
        except postgresql.MissingError as missing:
            pytest.skip(str(missing))
        yield address


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with tables and no rows, to be copied: migrating takes a third of a second."""
    location = Location(tmp_path_factory.mktemp("migrated"))
    asyncio.run(_migrate(location))
    return location.file


@pytest.fixture(scope="session")
def migrated_database(server: str) -> str:
    """The same on PostgreSQL, by address."""
    asyncio.run(_statement(f"{server}/postgres", "CREATE DATABASE migrated"))
    asyncio.run(_migrate(Location(Path(), f"{server}/migrated")))
    return f"{server}/migrated"


async def _migrate(location: Location) -> None:
    async with aclosing(Database(location.url, migrating=True)) as database:
        await upgrade_database(database)


async def _statement(address: str, statement: str) -> None:
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
def sqlite_location(tmp_path: Path, migrated_file: Path) -> Location:
    location = Location(tmp_path / "data")
    location.data_dir.mkdir()
    shutil.copyfile(migrated_file, location.file)
    return location


@pytest.fixture
async def postgresql_location(tmp_path: Path, migrated_database: str) -> Location:
    tables = ", ".join(metadata.tables)
    await _statement(migrated_database, f"TRUNCATE {tables} RESTART IDENTITY")  # a new database takes longer
    return Location(tmp_path / "data", migrated_database)


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest) -> Location:
    """Where a store can be opened that holds nothing."""
    found: Location = request.getfixturevalue(f"{request.param}_location")
    return found


@pytest.fixture
async def empty_database(server: str) -> str:
    """The address of a database without tables."""
    name = f"empty_{next(_numbers)}"
    await _statement(f"{server}/postgres", f"CREATE DATABASE {name}")
    return f"{server}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def own_location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """A database without tables, for a test that changes its schema."""
    if request.param == "sqlite":
        return Location(tmp_path / "data")
    return Location(tmp_path / "data", request.getfixturevalue("empty_database"))


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def any_location(request: pytest.FixtureRequest) -> Location | None:
    """None is memory."""
    if request.param == "memory":
        return None
    found: Location = request.getfixturevalue(f"{request.param}_location")
    return found


@pytest.fixture
async def store(any_location: Location | None) -> AsyncIterator[Store]:
    """Every adapter of the port, with nothing in it."""
    if any_location is None:
        yield MemoryStore()
        return
    async with open_store(any_location) as store:
        yield store


@pytest.fixture
async def ledgers(any_location: Location | None) -> AsyncIterator[tuple[Ledger, Ledger]]:
    """Every adapter of `core.ports.ledger`, of two processes that share what they count."""
    if any_location is None:
        ledger = MemoryLedger()
        yield ledger, ledger
        return
    async with open_store(any_location) as one, open_store(any_location) as other:
        yield one.ledger, other.ledger


@pytest.fixture(params=["memory alone", "memory", "sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest) -> InMemory | Location:
    """What several processes have in common."""
    if request.param.startswith("memory"):
        return InMemory(alone=request.param.endswith("alone"))
    found: Location = request.getfixturevalue(f"{request.param}_location")
    return found


@pytest.fixture
async def processes(shared: InMemory | Location) -> AsyncIterator[Processes]:
    """Every adapter of `core.ports.journal`, with nothing in it."""
    if isinstance(shared, InMemory):
        yield shared
        return
    async with AsyncExitStack() as stack:
        yield InDatabase(shared, stack)
