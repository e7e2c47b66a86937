"""`sluice backup`, `sluice restore` and `sluice keys`, as people run them."""

from __future__ import annotations

from pathlib import Path

from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from tests.project.program import sluice
from tests.store.people import asked, grown, ids


async def test_backup_rotate_and_restore_while_the_store_is_open(tmp_path: Path) -> None:
    location = Location(tmp_path / "data")
    async with open_store(location) as store:
        await grown(store)
        saved = await sluice(tmp_path, "backup", "saved", installed=True)
        assert (saved.code, saved.err) == (0, "")
        assert f"the key file is needed too: {location.keys}" in saved.out.decode()
        old = location.keys.read_bytes()
        rotated = await sluice(tmp_path, "keys", "rotate", installed=True)
        assert (rotated.code, rotated.err) == (0, "")
        kept = location.chain().replaced(old.split()[-2].decode())
        assert f"The old key is kept in {kept}.\n" in rotated.out.decode()
        assert kept.exists()
        await store.add(asked("later", "a2"))  # under a key that another process has wrapped
        assert location.keys.read_bytes() != old
        refused = await sluice(tmp_path, "restore", "saved")
        assert refused.code == 1
        assert "--replace" in refused.line
        restored = await sluice(tmp_path, "restore", "saved", "--replace", installed=True)
        assert (restored.code, restored.err) == (0, "")
        assert "is kept in" in restored.out.decode()
        assert await store.message("later") is None
        assert ids(await store.path("b2")) == ["q1", "a1", "q2", "b2"]


async def test_a_backup_of_nothing_is_one_line(tmp_path: Path) -> None:
    wrong = {"DISCORD_TOKEN": "changeme", "SLUICE_HTTP": "8765"}  # which no backup uses
    done = await sluice(tmp_path, "backup", "saved", settings=wrong)
    assert (done.code, done.line) == (1, "sluice: There is no database to back up yet.")


async def test_where_nothing_is_stored_no_key_is_made_for_the_sake_of_a_new_one(tmp_path: Path) -> None:
    done = await sluice(tmp_path, "keys", "rotate")
    assert done.code == 1
    wrong = f"There is no key to replace yet: {tmp_path}/data/sluice.db is not there or empty."
    assert done.line.startswith(f"sluice: {wrong}")
    assert not (tmp_path / "data").exists()


async def test_a_broken_database_is_told_with_its_place_and_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sluice.db").write_bytes(b"no database at all" * 100)
    done = await sluice(tmp_path, "keys", "rotate")
    assert done.code == 1
    assert done.line.startswith(f"sluice: {tmp_path}/data/sluice.db: The database cannot be used now (file ")
    assert "sluice restore DIR --replace" in done.line


async def test_no_key_is_made_in_an_empty_postgresql_database_either(
    tmp_path: Path, empty_database: str
) -> None:
    done = await sluice(tmp_path, "keys", "rotate", settings={"DATABASE_URL": empty_database})
    assert (done.code, "no key to replace yet: PostgreSQL at 127.0.0.1, " in done.line) == (1, True)
    assert not (tmp_path / "data").exists()
