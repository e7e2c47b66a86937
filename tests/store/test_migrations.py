"""Every database that a release has made becomes today's, whole or not at all."""

from __future__ import annotations

import asyncio
import gzip
import shutil
from contextlib import aclosing
from pathlib import Path
from typing import Final

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.memory_journal import JournalState, MemoryJournal
from core.adapters.memory_ledger import MemoryLedger
from core.adapters.memory_store import MemoryStore
from core.adapters.store import schema
from core.adapters.store.backup import back_up
from core.adapters.store.database import Database
from core.adapters.store.location import DATABASE_FILE, Location
from core.adapters.store.opening import open_store
from core.adapters.store.restore import restore
from core.adapters.store.tables import metadata
from core.ports.journal import Journal
from core.ports.ledger import Amount, Ledger, Line
from core.ports.store import LaneKey, Store, StoreError
from tests.fakes.clock import FakeClock
from tests.store.make_released import RELEASED, fill, fill_journal, fill_ledger
from tests.store.people import ADA, BEN, asked, ids

SCHEMAS: Final = sorted(path.name for path in RELEASED.iterdir())
WITH_JOURNAL: Final = "0002"
WITH_LEDGER: Final = "0004"
NEXT: Final = '''"""Rebuilds the table that most others hang on."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{before}"


def upgrade() -> None:
    with op.batch_alter_table("messages") as messages:
        messages.add_column(sa.Column("stars", sa.Integer(), nullable=False, server_default="5"))
        messages.alter_column("tokens", new_column_name="weight")
    {then}
'''


async def everything(store: Store) -> list[object]:
    return [
        [await store.export(person) for person in (ADA, BEN)],
        ids(await store.path("b2")),
        await store.shows("a1"),
        await store.lane(LaneKey("discord:30", ADA)),
        await store.summary(("q1", "a1", "q2")),
        await store.choices(("chat:discord:30",)),
        await store.personas(("discord:99",)),
        await store.overheard("telegram:-100", since=0.0, limit=9),
        await store.used(since_day=0),
    ]


async def all_of_the_journal(journal: Journal) -> list[object]:
    return [
        await journal.unhandled("discord:9"),
        await journal.take_over_events("discord:9"),
        await journal.handled("discord:9", ["q1", "q2", "r2"], 104.0),
        await journal.take_over(["discord:9"]),
        await journal.cursors("discord:9", since=0.0),
        await journal.count("identify:discord:9", 20_000),
    ]


async def expected_of_the_journal() -> list[object]:
    """As it was filled, and whoever filled it is gone."""
    state, clock = JournalState(), FakeClock()
    await fill_journal(MemoryJournal(state, clock=clock))
    return await all_of_the_journal(MemoryJournal(state, clock=clock))


async def all_of_the_ledger(ledger: Ledger) -> tuple[Amount, ...]:
    spans = ("2024-10-04", "2024-10")
    return await ledger.counted([Line(of, span) for of in ("everybody", f"user:{ADA}") for span in spans])


async def expected_of_the_ledger() -> tuple[Amount, ...]:
    await fill_ledger(ledger := MemoryLedger())
    return await all_of_the_ledger(ledger)


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """What releases have made, unpacked."""
    shutil.copytree(RELEASED, tmp_path / "released")
    for packed in (tmp_path / "released").rglob(f"{DATABASE_FILE}.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    return tmp_path / "released"


def test_every_schema_but_none_that_is_unknown_has_its_databases() -> None:
    assert schema.newest() in SCHEMAS
    for name in SCHEMAS:
        schema.check_known(name, "The fixture")
        assert sorted(path.name for path in (RELEASED / name).iterdir()) == ["postgresql", "sqlite"]


def test_the_names_of_the_steps_say_what_they_make() -> None:
    walked = ScriptDirectory(str(schema._STEPS)).walk_revisions()
    assert schema._known(schema._STEPS) == tuple(step.revision for step in walked)


@pytest.mark.parametrize("name", SCHEMAS)
async def test_a_database_of_a_release_holds_everything_today(
    name: str, released: Path, tmp_path: Path
) -> None:
    folder = released / name / "sqlite"
    location = Location(tmp_path / "data")
    location.data_dir.mkdir()
    for file in (DATABASE_FILE, "sluice.wrapping", "sluice.key"):
        shutil.copy(folder / file, location.data_dir)
    expected = MemoryStore()
    await fill(expected)
    async with open_store(location) as store:
        assert await everything(store) == await everything(expected)
        await store.add(asked("later", "b2"))
        if name >= WITH_JOURNAL:
            assert await all_of_the_journal(store.journal) == await expected_of_the_journal()
        if name >= WITH_LEDGER:
            assert await all_of_the_ledger(store.ledger) == await expected_of_the_ledger()


@pytest.mark.parametrize("name", SCHEMAS)
async def test_a_backup_of_a_release_holds_everything_today(
    name: str, released: Path, location: Location
) -> None:
    folder = released / name / ("postgresql" if location.database_url else "sqlite")
    location.data_dir.mkdir(exist_ok=True)
    shutil.copy(folder / "sluice.key", location.keys)
    await restore(location, folder, replace=True)
    expected = MemoryStore()
    await fill(expected)
    async with open_store(location) as store:
        assert await everything(store) == await everything(expected)
        await store.add(asked("later", "b2"))
        if name >= WITH_JOURNAL:
            *in_work, counted = await expected_of_the_journal()
            assert await all_of_the_journal(store.journal) == [(), (), (), (), {}, counted]
            assert len(in_work) == 5, "nothing of which is done again"
        if name >= WITH_LEDGER:
            assert await all_of_the_ledger(store.ledger) == await expected_of_the_ledger()


async def test_the_migrations_make_the_tables_of_the_code(location: Location) -> None:
    async with aclosing(Database(location.url)) as database, database.reading() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
        )
    assert differences == []


async def test_two_that_start_at_once_agree(tmp_path: Path, empty_database: str) -> None:
    for location in (Location(tmp_path / "s"), Location(tmp_path / "p", empty_database)):

        async def start(name: str, location: Location = location) -> None:
            async with open_store(location) as store:
                await store.add(asked(name))

        await asyncio.gather(*(start(f"m{number}") for number in range(3)))
        async with open_store(location) as store:
            assert [await store.message(f"m{number}") is not None for number in range(3)] == [True] * 3


@pytest.fixture
def next_steps(tmp_path: Path) -> Path:
    """The migrations of a later release."""
    steps = tmp_path / "migrations"
    shutil.copytree(schema._STEPS, steps, ignore=shutil.ignore_patterns("__pycache__"))
    _write_step(steps, then="")
    return steps


def _write_step(steps: Path, *, then: str) -> None:
    step = NEXT.format(before=schema.newest(), then=then)
    (steps / "versions" / "v9999_next.py").write_text(step)


async def _state(location: Location) -> tuple[str | None, set[str]]:
    """The schema, and the columns of messages."""
    async with aclosing(Database(location.url)) as database, database.reading() as connection:
        row = (await connection.exec_driver_sql("SELECT * FROM messages")).first()
        assert row is not None
        return await schema.revision_of(connection), set(row._fields)


async def _filled(location: Location) -> list[object]:
    async with open_store(location) as store:
        await fill(store)
        return await everything(store)


async def _open(location: Location) -> None:
    async with open_store(location):
        pass


async def test_a_migration_is_backed_up_and_there_is_a_way_back(
    own_location: Location, monkeypatch: pytest.MonkeyPatch, next_steps: Path
) -> None:
    before = await _filled(own_location)
    with monkeypatch.context() as later:
        later.setattr(schema, "_STEPS", next_steps)
        await _open(own_location)
        await _open(own_location)
    revision, columns = await _state(own_location)
    assert revision == "9999"
    assert columns >= {"stars", "weight"}
    (saved,) = own_location.backups.iterdir()
    assert saved.name.startswith("before-9999-")
    with pytest.raises(StoreError, match=r"database was written by a newer Sluice \(schema 9999; this one"):
        await _open(own_location)
    await restore(own_location, saved, replace=True)
    async with open_store(own_location) as store:
        assert await everything(store) == before


async def test_a_backup_of_before_is_migrated_when_it_is_put_back(
    own_location: Location, monkeypatch: pytest.MonkeyPatch, next_steps: Path, tmp_path: Path
) -> None:
    await _filled(own_location)
    await back_up(own_location, tmp_path / "saved")
    monkeypatch.setattr(schema, "_STEPS", next_steps)
    await restore(own_location, tmp_path / "saved", replace=True)
    revision, columns = await _state(own_location)
    assert (revision, "stars" in columns) == ("9999", True)


async def test_a_migration_that_fails_changes_nothing(
    own_location: Location, monkeypatch: pytest.MonkeyPatch, next_steps: Path
) -> None:
    before = await _filled(own_location)
    state = await _state(own_location)
    _write_step(next_steps, then='op.execute("SELECT * FROM nowhere")')
    with monkeypatch.context() as later:
        later.setattr(schema, "_STEPS", next_steps)
        with pytest.raises(StoreError, match="cannot be used now"):
            await _open(own_location)
    assert await _state(own_location) == state
    async with open_store(own_location) as store:
        assert await everything(store) == before


async def test_a_migration_needs_the_key_before_it_touches_anything(
    own_location: Location, monkeypatch: pytest.MonkeyPatch, next_steps: Path
) -> None:
    await _filled(own_location)
    state = await _state(own_location)
    own_location.keys.unlink()
    monkeypatch.setattr(schema, "_STEPS", next_steps)
    with pytest.raises(StoreError, match="is missing"):
        await _open(own_location)
    assert await _state(own_location) == state
    assert not own_location.backups.exists()


async def test_a_database_of_something_else_is_left_alone(tmp_path: Path, empty_database: str) -> None:
    for location in (Location(tmp_path / "s"), Location(tmp_path / "p", empty_database)):
        location.data_dir.mkdir()
        async with aclosing(Database(location.url)) as database:

            async def put(connection: AsyncConnection) -> None:
                await connection.exec_driver_sql("CREATE TABLE messages (id INTEGER)")

            await database.write(put)
        with pytest.raises(StoreError, match="holds tables of something else"):
            await _open(location)
        assert not location.keys.exists()
