"""Two hundred of the cases again, on the store and the journal as they stand in a file."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from random import Random
from typing import Final

import pytest

from core.adapters.store.database import Database
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.adapters.store.schema import upgrade_database
from core.ports.journal import Journal
from core.ports.store import Store
from tests.faults.cases import MACHINE, MODEL, PLATFORM, PROCESS, Case, Process, cells, pairs
from tests.faults.judge import broken
from tests.faults.play import Kept, Play

_ALONE: Final = [  # nobody else can have a lease on a file
    case
    for case in (*cells(MODEL + PLATFORM + MACHINE + PROCESS), *pairs(range(1_000)))
    if all(fault.kind is not Process.LEASE_LOST for fault in case.faults)
]
SAMPLED: Final = Random(5).sample(_ALONE, 200)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    async def migrate(location: Location) -> None:
        async with aclosing(Database(location.url, migrating=True)) as database:
            await upgrade_database(database)

    location = Location(tmp_path_factory.mktemp("migrated"))
    asyncio.run(migrate(location))
    return location.file


@pytest.mark.parametrize("case", SAMPLED, ids=str)
def test_the_promise_holds_on_sqlite(case: Case, migrated: Path, tmp_path: Path) -> None:
    async def play() -> str | None:
        location = Location(tmp_path / "data")
        location.data_dir.mkdir()
        shutil.copyfile(migrated, location.file)
        async with AsyncExitStack() as stack:

            async def opened() -> tuple[Store, Journal]:
                store = await stack.enter_async_context(open_store(location))
                return store, store.journal

            return broken(await Play(case, lambda _: Kept(opened), threads=True).run())

    assert asyncio.run(play()) is None, case
