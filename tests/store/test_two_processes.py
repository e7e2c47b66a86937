"""Two real processes over one PostgreSQL: one is stopped or killed by the system, this one takes over."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import asyncpg
import pytest

from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.ports.journal import Journal, Orphan, Step

LEASE_S: Final = 0.5
PATIENCE_S: Final = 30.0
ACCOUNT, OTHER = "discord:9", "telegram:8"


class OtherProcess:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def ask(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    async def answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_S))

    async def do(self, line: str) -> Any:
        self.ask(line)
        return await self.answer()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def other_process(location: Location) -> AsyncIterator[OtherProcess]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.store.journal_process"),
        *(str(location.data_dir), str(location.database_url), str(LEASE_S)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        other = OtherProcess(process)
        assert await other.answer() == "ready"
        yield other
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def journal(postgresql_location: Location) -> AsyncIterator[Journal]:
    """This process's, which holds what it takes for the whole test."""
    async with open_store(postgresql_location, lease_s=600.0) as store:
        yield store.journal


async def taken_over(journal: Journal, account: str, until: Callable[[list[Orphan]], bool]) -> list[Orphan]:
    """What this process takes over, look by look."""
    taken: list[Orphan] = []
    async with asyncio.timeout(PATIENCE_S):
        while not until(taken):
            taken += await journal.take_over([account])
    return taken


async def test_who_stood_still_for_too_long_writes_no_more_of_what_was_taken(
    postgresql_location: Location, journal: Journal
) -> None:
    async with other_process(postgresql_location) as other:
        assert await other.do(f"begin t1@{ACCOUNT} t2@{ACCOUNT} t3@{OTHER}") == [True] * 3
        assert await other.do("write t1 t1 t2 t3") == []
        other.stop()
        taken = await taken_over(journal, ACCOUNT, lambda taken: len(taken) == 2)
        assert {orphan.turn.id: orphan.steps for orphan in taken} == {
            "t1": (b"shown", b"shown"),
            "t2": (b"shown",),
        }
        assert await journal.write([Step("t1", b"on"), Step("t3", b"on")]) == {"t3"}
        other.go_on()
        assert await other.do("write t1 t2 t3") == ["t1", "t2"]
        assert await other.do("write t1 t3") == ["t1"]
        assert await other.do(f"take_over {ACCOUNT} {OTHER}") == []
        assert await journal.write([Step("t1", b"on"), Step("t2", b"on")]) == frozenset()


async def test_what_is_written_when_it_is_stopped_is_taken_along_or_refused(
    postgresql_location: Location,
) -> None:
    """Stopped at any moment of a write, also in the middle of its transaction.

    On a busy machine that may have begun after its lease lapsed: then it is given as long again, by a process
    with a lease like its own.
    """
    async with (
        open_store(postgresql_location, lease_s=LEASE_S) as store,
        other_process(postgresql_location) as other,
    ):
        journal = store.journal
        for number in range(4):
            name = f"t{number}"
            assert await other.do(f"begin {name}@{ACCOUNT}") == [True]
            other.ask(f"write {name}")
            await asyncio.sleep(0.001 * number)
            other.stop()
            [orphan] = await taken_over(journal, ACCOUNT, bool)
            other.go_on()
            answer = await other.answer()
            if answer in ([], [name]):  # else the server had ended its transaction, and it was told so
                assert len(orphan.steps) == (0 if answer else 1)
            assert await other.do(f"write {name}") == [name]
            assert await journal.write([Step(name, b"on")]) == frozenset()


async def test_what_a_killed_process_left_is_taken_over_and_begun_by_nobody_else(
    postgresql_location: Location, journal: Journal
) -> None:
    async with other_process(postgresql_location) as other:
        await other.do(f"begin t1@{ACCOUNT}")
        await other.do("write t1 t1 t1")
        other.ask("write t1")
        await other.kill()
    [orphan] = await taken_over(journal, ACCOUNT, bool)
    assert len(orphan.steps) in {3, 4}
    assert not await journal.begin(replace(orphan.turn, id="t2"))
    assert await journal.take_over([ACCOUNT]) == ()
    assert await journal.write([Step("t1", b"on")]) == frozenset()


async def test_who_stands_still_while_it_writes_holds_up_nobody_but_its_own_turn(
    postgresql_location: Location, journal: Journal
) -> None:
    """As if it were stopped between looking at its turn and writing."""
    async with other_process(postgresql_location) as other:
        await other.do(f"begin t1@{ACCOUNT} t2@{ACCOUNT}")
        await other.kill()
    connection = await asyncpg.connect(postgresql_location.database_url)
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT id FROM turns WHERE id = 't1' FOR SHARE")
        [orphan] = await taken_over(journal, ACCOUNT, bool)
        assert orphan.turn.id == "t2"
        assert await journal.take_over([ACCOUNT]) == ()
        await transaction.rollback()
    finally:
        await connection.close()
    [orphan] = await journal.take_over([ACCOUNT])
    assert orphan.turn.id == "t1"
