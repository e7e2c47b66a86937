"""Backups are made and put back while a store is in use, and nothing is overwritten by mistake."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from core.adapters.store import backup as backups
from core.adapters.store import schema
from core.adapters.store.backup import back_up
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.adapters.store.restore import restore
from core.ports.journal import KeptTurn, Received, Step
from core.ports.store import KeptPersona, Lane, LaneKey, Overheard, Shown, StoreError, Summary, Used
from tests.store.make_released import fill_journal
from tests.store.people import ADA, BEN, asked, grown, ids


async def test_everything_comes_back_while_the_store_is_open(location: Location, tmp_path: Path) -> None:
    async with open_store(location) as store:
        await grown(store)
        await store.set_lane(LaneKey("t", private=True), Lane("c", "b2", 1.5))
        await store.set_summary(Summary("c", "a1", "short", 3))
        await store.choose("chat:p", "model", "big")
        await store.set_persona(KeptPersona("discord:99", "sailor", "Ahoy.", ADA, "big", 0.5))
        await store.overhear(Overheard("p", "7", BEN, "Ben", "psst", 1.0))
        await store.use(Used(7, ADA, "discord:99", "big", 1, 10, 5, 2))
        await fill_journal(store.journal)
        was = [await store.export(person) for person in (ADA, BEN)]
        made = await back_up(location, tmp_path / "saved")
        await store.add(asked("later", "a2", asker=BEN))
        await store.forget(ADA)
        aside = await restore(location, tmp_path / "saved", replace=True)
        assert [await store.export(person) for person in (ADA, BEN)] == was
        assert await store.lane(LaneKey("t", private=True)) == Lane("c", "b2", 1.5)
        assert await store.summary(("q1", "a1")) == Summary("c", "a1", "short", 3)
        assert await store.shows("a1") == (Shown("p", "2"), Shown("p", "3"))
        assert await store.message("later") is None
        await store.add(asked("after", "a2"))  # numbered after what was put back
        await store.overhear(Overheard("p", "8", ADA, "Ada", "what", 2.0))
    assert made.schema == schema.newest()
    assert aside is not None
    assert aside.parent == location.backups
    async with open_store(location) as store:
        assert ids(await store.path("after")) == ["q1", "a1", "q2", "a2", "after"]
        await restore(location, aside, replace=True)
        assert await store.message("later") is not None
        assert await store.message("q1") is None


async def test_what_was_in_work_at_a_backup_is_not_done_again(location: Location, tmp_path: Path) -> None:
    async with open_store(location) as store:
        await fill_journal(store.journal)
        await back_up(location, tmp_path / "saved")
        await restore(location, tmp_path / "saved", replace=True)
        assert await store.journal.write([Step("t2", b"and on")]) == frozenset()  # it grows on, unkept
        await store.journal.finish("t2", "complete")
    async with open_store(location) as store:
        journal = store.journal
        assert await journal.unhandled("discord:9") == ()
        assert await journal.take_over(["discord:9"]) == ()
        assert await journal.cursors("discord:9", since=0.0) == {}
        offered = [Received("discord:9", event, ADA, b"again", 200.0) for event in ("e1", "q2")]
        assert await journal.receive(offered) == ()
        assert not await journal.begin(KeptTurn("t3", "discord:9", ("q1",), BEN, b"again", 200.0))


async def test_a_backup_is_for_its_user_alone_and_holds_no_master_key(
    location: Location, tmp_path: Path
) -> None:
    async with open_store(location) as store:
        await grown(store)
    made = await back_up(location, tmp_path / "saved")
    saved = b"".join(file.read_bytes() for file in (tmp_path / "saved").iterdir())
    secret = location.keys.read_text().split()[-1]
    assert secret.encode() not in saved
    assert stat.S_IMODE((tmp_path / "saved").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "saved").iterdir()} == {0o600}
    assert made.key in location.keys.read_text()
    assert json.loads((tmp_path / "saved" / "about.json").read_text())["schema"] == schema.newest()


async def test_a_backup_of_a_busy_store_is_one_moment(location: Location, tmp_path: Path) -> None:
    """Each message follows the one before, so a backup that mixed moments would have gaps."""
    async with open_store(location) as store:
        await store.add(asked("m0"))
        begun = asyncio.Event()

        async def write() -> None:
            for number in range(1, 60):
                await store.add(asked(f"m{number}", f"m{number - 1}"))
                await store.set_lane(LaneKey("t"), Lane("c", f"m{number}", 1.0))
                begun.set()

        writing = asyncio.create_task(write())
        await begun.wait()
        await back_up(location, tmp_path / "saved")
        await writing
        await restore(location, tmp_path / "saved", replace=True)
        lane = await store.lane(LaneKey("t"))
        assert lane is not None
        assert lane.leaf_id is not None
        last = int(lane.leaf_id[1:])
        assert ids(await store.path(lane.leaf_id)) == [f"m{number}" for number in range(last + 1)]
        assert await store.message(f"m{last + 2}") is None


async def test_nothing_is_overwritten_by_mistake(location: Location, tmp_path: Path) -> None:
    async with open_store(location) as store:
        await grown(store)
        await back_up(location, tmp_path / "saved")
        with pytest.raises(StoreError, match="saved is there already"):
            await back_up(location, tmp_path / "saved")
        await store.add(asked("later", "a2"))
        with pytest.raises(StoreError, match=r"There is a database already .* With --replace"):
            await restore(location, tmp_path / "saved", replace=False)
        assert await store.message("later") is not None


async def test_a_new_machine_needs_the_backup_and_the_key_file(
    sqlite_location: Location, tmp_path: Path
) -> None:
    async with open_store(sqlite_location) as store:
        await grown(store)
    await back_up(sqlite_location, tmp_path / "saved")
    new = Location(tmp_path / "new")
    with pytest.raises(StoreError, match=r"key file .*new/sluice\.key is missing"):
        await restore(new, tmp_path / "saved", replace=False)
    assert not new.file.exists()
    shutil.copy(sqlite_location.keys, new.keys)
    assert await restore(new, tmp_path / "saved", replace=False) is None
    async with open_store(new) as store:
        assert ids(await store.path("b2")) == ["q1", "a1", "q2", "b2"]


async def test_what_a_replaced_key_opens_comes_back_under_the_one_in_force(
    location: Location, tmp_path: Path
) -> None:
    async with open_store(location) as store:
        await grown(store)
        made = await back_up(location, tmp_path / "saved")
        for _ in range(2):
            await store.rotate()
        new = location.keys.read_bytes()
        await restore(location, tmp_path / "saved", replace=True)
        assert ids(await store.path("b2")) == ["q1", "a1", "q2", "b2"]
    assert location.keys.read_bytes() == new
    location.chain().replaced(made.key).unlink()
    async with open_store(location) as store:
        assert ids(await store.path("b2")) == ["q1", "a1", "q2", "b2"]
        await store.add(asked("later", "a2"))


async def test_another_key_does_not_open_it_and_changes_nothing(location: Location, tmp_path: Path) -> None:
    async with open_store(location) as store:
        await grown(store)
        made = await back_up(location, tmp_path / "saved")
        old = location.keys.read_bytes()
        await store.rotate()
        location.chain().replaced(made.key).unlink()
        new = location.keys.read_bytes()
        with pytest.raises(StoreError, match="holds another key"):
            await restore(location, tmp_path / "saved", replace=True)
        assert ids(await store.path("b2")) == ["q1", "a1", "q2", "b2"]
    assert location.keys.read_bytes() == new
    location.keys.write_bytes(old)  # as whoever kept it would
    await restore(location, tmp_path / "saved", replace=True)
    async with open_store(location) as store:
        assert ids(await store.path("b2")) == ["q1", "a1", "q2", "b2"]


async def test_a_damaged_backup_changes_nothing(location: Location, tmp_path: Path) -> None:
    async with open_store(location) as store:
        await grown(store)
        await back_up(location, tmp_path / "saved")
        await store.add(asked("later", "a2"))
        file = tmp_path / "saved" / (backups.ROWS_FILE if location.database_url else "sluice.db")
        content = file.read_bytes()
        for damaged in (content[: len(content) // 2], b"", b"x" * 9_000):
            file.write_bytes(damaged)  # small
            with pytest.raises(StoreError):
                await restore(location, tmp_path / "saved", replace=True)
            assert await store.message("later") is not None
    assert not (location.data_dir / ".restoring").exists()


async def test_a_database_that_is_damaged_can_be_replaced(sqlite_location: Location, tmp_path: Path) -> None:
    async with open_store(sqlite_location) as store:
        await grown(store)
    await back_up(sqlite_location, tmp_path / "saved")
    sqlite_location.file.write_bytes(b"no database any more" * 999)
    with pytest.raises(StoreError, match="file is not a database"):
        async with open_store(sqlite_location):
            pytest.fail("opened")
    aside = await restore(sqlite_location, tmp_path / "saved", replace=True)
    assert aside is not None
    assert (aside / "sluice.db").read_bytes().startswith(b"no database")
    async with open_store(sqlite_location) as store:
        assert ids(await store.path("b2")) == ["q1", "a1", "q2", "b2"]


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"schema": "9999"}, "The backup was written by a newer Sluice .schema 9999; this one knows up to"),
        ({"engine": "oracle"}, "The backup is of oracle"),
        ({"more": "x"}, "holds no backup of Sluice"),
    ],
)
async def test_what_is_no_backup_for_here_is_refused(
    location: Location, tmp_path: Path, changed: dict[str, str], line: str
) -> None:
    async with open_store(location) as store:
        await grown(store)
    await back_up(location, tmp_path / "saved")
    about = tmp_path / "saved" / "about.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), **changed}))
    with pytest.raises(StoreError, match=line):
        await restore(location, tmp_path / "saved", replace=True)
    with pytest.raises(StoreError, match="holds no backup of Sluice"):
        await restore(location, tmp_path, replace=True)


async def test_there_must_be_something_to_back_up(location: Location, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no database to back up yet"):
        await back_up(location, tmp_path / "saved")
    with pytest.raises(StoreError, match="no database to back up yet"):
        await back_up(replace(location, data_dir=tmp_path / "nowhere"), tmp_path / "saved")
    assert list(tmp_path.glob("*saved*")) == []  # noqa: ASYNC240  # small


async def test_lines_of_rows_show_no_text(postgresql_location: Location, tmp_path: Path) -> None:
    async with open_store(postgresql_location) as store:
        await grown(store)
    await back_up(postgresql_location, tmp_path / "saved")
    with gzip.open(tmp_path / "saved" / backups.ROWS_FILE, "rt") as lines:
        content = lines.read()
    assert '"q1"' in content
    assert "text of" not in content
