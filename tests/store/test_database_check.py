"""`sluice doctor` on the database and its key: each failure has a line and a remedy, and nothing changes."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bots.database_check import check_database
from core.adapters.store import schema
from core.adapters.store.database import Database
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.ports.platform import Check, CheckState
from core.settings import Settings

PASSWORD = "secret-of-the-database"


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    """Of a SQLite database that was written and closed."""
    settings = Settings(data_dir=tmp_path / "data")
    async with open_store(Location.of(settings)):
        pass
    return settings


def held(folder: Path) -> dict[str, bytes]:
    """Every file with what is in it."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def by_name(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {check.name: check for check in checks}


async def found(settings: Settings) -> dict[str, Check]:
    """Each check by its name; no file may be another one afterwards."""
    before = held(settings.data_dir.parent)
    checks = await check_database(settings)
    assert held(settings.data_dir.parent) == before
    assert all(bool(check.remedy) == (check.state is CheckState.BAD) for check in checks)
    return by_name(checks)


async def test_a_database_and_the_key_that_opens_it(settings: Settings) -> None:
    checks = await found(settings)
    assert [check.state for check in checks.values()] == [CheckState.GOOD] * 2
    assert checks["Database"].detail == f"{settings.data_dir}/sluice.db: schema {schema.newest()}"
    assert checks["Key file"].detail == f"{settings.data_dir}/sluice.key opens the database"


async def test_a_key_that_every_user_can_read(settings: Settings) -> None:
    key = settings.data_dir / "sluice.key"
    key.chmod(0o644)
    assert (await found(settings))["Key file"].state is CheckState.GOOD  # nobody else may enter its folder
    settings.data_dir.chmod(0o755)
    check = by_name(await check_database(settings))["Key file"]
    assert (check.state, check.remedy) == (CheckState.NOTE, f"Run: chmod 600 {key}")
    assert check.detail == f"{key} opens the database, and every user of this machine can read it"
    key.chmod(0o600)
    assert (await found(settings))["Key file"].state is CheckState.GOOD


async def test_one_that_is_open_or_was_left_by_a_kill(settings: Settings, tmp_path: Path) -> None:
    location = Location.of(settings)
    async with open_store(location) as store:
        await store.choose("test", "name", "value")  # stands in the file beside the database
        assert location.file.with_name("sluice.db-wal").stat().st_size > 0
        shutil.copytree(location.data_dir, tmp_path / "killed")
        checks = by_name(await check_database(settings))
        assert [check.state for check in checks.values()] == [CheckState.GOOD] * 2
    left = by_name(await check_database(Settings(data_dir=tmp_path / "killed")))
    assert [check.state for check in left.values()] == [CheckState.GOOD] * 2


async def test_nothing_is_made_before_the_first_start(tmp_path: Path) -> None:
    checks = await found(Settings(data_dir=tmp_path / "data"))
    assert [check.state for check in checks.values()] == [CheckState.GOOD] * 2
    assert "empty yet" in checks["Database"].detail
    assert checks["Key file"].detail.endswith("sluice.key is made when Sluice first starts")
    assert not (tmp_path / "data").exists()


async def test_an_older_schema_is_left_to_the_start(tmp_path: Path) -> None:
    location = Location(tmp_path / "data")
    location.data_dir.mkdir()
    database = Database(location.url, migrating=True)
    await database.write(lambda connection: schema.upgrade(connection, "0001"))
    await database.aclose()
    check = (await found(Settings(data_dir=location.data_dir)))["Database"]
    assert check.state is CheckState.GOOD
    assert f"schema 0001; the next start backs it up and brings it to {schema.newest()}" in check.detail


async def test_a_newer_schema(settings: Settings) -> None:
    with closing(sqlite3.connect(settings.data_dir / "sluice.db", isolation_level=None)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    check = (await found(settings))["Database"]
    assert check.state is CheckState.BAD
    assert "was written by a newer Sluice (schema 9999" in check.detail
    assert check.remedy.startswith("Install that version again.")


async def test_a_file_that_is_no_database_or_anothers(settings: Settings) -> None:
    file = settings.data_dir / "sluice.db"
    file.write_bytes(b"no database at all" * 100)
    check = (await found(settings))["Database"]
    assert (check.state, "cannot be used now" in check.detail) == (CheckState.BAD, True)
    assert "sluice restore" in check.remedy
    file.unlink()
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE somebody_elses (id)")
    check = (await found(settings))["Database"]
    assert (check.state, check.remedy) == (CheckState.BAD, "Give Sluice one of its own.")


async def test_a_key_that_is_missing_another_one_or_none_at_all(settings: Settings, tmp_path: Path) -> None:
    key = settings.data_dir / "sluice.key"
    own = key.read_bytes()
    key.unlink()
    check = (await found(settings))["Key file"]
    assert (check.state, "sluice.key is missing" in check.detail) == (CheckState.BAD, True)
    assert "SLUICE_KEY_FILE" in check.remedy
    async with open_store(Location(tmp_path / "other")):
        pass
    key.write_bytes((tmp_path / "other" / "sluice.key").read_bytes())
    check = (await found(settings))["Key file"]
    assert (check.state, "another key" in check.detail) == (CheckState.BAD, True)
    secret = key.read_text().split()[-1]
    assert secret not in f"{check.detail} {check.remedy}"
    key.write_text("not a key")
    check = (await found(settings))["Key file"]
    assert (check.state, "is not a key file" in check.detail) == (CheckState.BAD, True)
    key.write_bytes(own)
    (settings.data_dir / "sluice.wrapping").unlink()
    check = (await found(settings))["Key file"]
    assert (check.state, "sluice.wrapping does not belong" in check.detail) == (CheckState.BAD, True)


async def test_postgresql(empty_database: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", database_url=empty_database)
    assert "empty yet" in (await found(settings))["Database"].detail
    async with open_store(Location.of(settings)):
        pass
    checks = await found(settings)
    assert [check.state for check in checks.values()] == [CheckState.GOOD] * 2
    name = empty_database.rpartition("/")[2]
    assert checks["Database"].detail == f"PostgreSQL at 127.0.0.1, {name}: schema {schema.newest()}"
    (settings.data_dir / "sluice.key").unlink()
    assert (await found(settings))["Key file"].state is CheckState.BAD


async def test_a_server_that_is_not_there(tmp_path: Path, unused_tcp_port: int) -> None:
    address = f"postgresql://sluice:{PASSWORD}@127.0.0.1:{unused_tcp_port}/sluice"
    checks = await found(Settings(data_dir=tmp_path / "data", database_url=address))
    check, key = checks["Database"], checks["Key file"]
    assert (key.state, key.detail) == (CheckState.NOTE, "not looked at: the database must be readable first")
    assert (check.state, "cannot be reached" in check.detail) == (CheckState.BAD, True)
    assert check.remedy == "Check DATABASE_URL, and that the server runs and lets Sluice in."
    assert PASSWORD not in f"{check.detail} {check.remedy}"
