"""One process runs the bot over a data folder, whatever became of the one before."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from pathlib import Path

import pytest

from bots.bootstrap.kept import open_store as open_configured
from bots.keeping import backup, rotate_keys
from core.adapters.store.holding import held
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.ports.store import StoreError
from core.settings import Settings
from tests.fakes.clock import FakeClock

HOLDER = """
import sys
from pathlib import Path
from core.adapters.store.holding import held
from core.adapters.store.location import Location
with held(Location(Path(sys.argv[1]))):
    sys.stdout.write("held\\n")
    sys.stdout.flush()
    sys.stdin.read()
"""


async def test_a_second_one_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    location = Location(tmp_path / "data")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLDER, str(location.data_dir)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"held\n"
        with pytest.raises(StoreError) as error, held(location):
            pytest.fail("held twice")
        assert str(error.value) == (
            f"Sluice runs already over the data folder {location.data_dir}. "
            "Stop that one first, or give this one a folder of its own with SLUICE_DATA_DIR."
        )
    finally:
        process.kill()
        await process.wait()
    with held(location):
        pass
    with held(location):
        pass


async def test_running_the_bot_holds_its_data_folder(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    async with open_configured(settings, FakeClock(), sandbox=False):
        with pytest.raises(StoreError, match="runs already"):
            async with open_configured(settings, FakeClock(), sandbox=False):
                pytest.fail("opened twice")
        async with open_configured(settings, FakeClock(), sandbox=True):
            pass
    async with open_configured(settings, FakeClock(), sandbox=False):
        pass


async def test_what_does_not_run_the_bot_goes_on(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    location = Location.of(settings)
    with held(location):
        async with open_store(location):
            await backup(settings, tmp_path / "saved")
            await rotate_keys(settings)


def test_several_share_a_postgresql(tmp_path: Path) -> None:
    location = Location(tmp_path, "postgresql://somewhere/sluice")
    with held(location), held(location):
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "sluice.lock").mkdir()
    with pytest.raises(StoreError, match=r"sluice\.lock cannot be written"), held(Location(tmp_path)):
        pytest.fail("held")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
async def test_what_is_made_is_for_its_user_alone_and_what_is_there_stays(tmp_path: Path, umask: int) -> None:
    location = Location(tmp_path / "data")
    old = os.umask(umask)
    try:
        async with open_store(location) as store:
            await store.choose("scope", "name", "value")
            made = {one.name: stat.S_IMODE(one.stat().st_mode) for one in location.data_dir.iterdir()}
    finally:
        os.umask(old)
    assert stat.S_IMODE(location.data_dir.stat().st_mode) == 0o700
    assert {"sluice.db", "sluice.db-wal", "sluice.db-shm"} <= made.keys()
    assert {name: mode for name, mode in made.items() if mode & 0o077} == {}
    location.data_dir.chmod(0o750)
    location.file.chmod(0o640)
    async with open_store(location):
        assert stat.S_IMODE(location.data_dir.stat().st_mode) == 0o750
        assert stat.S_IMODE(location.file.stat().st_mode) == 0o640
