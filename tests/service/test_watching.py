"""A file that is read again while everything goes on: real files, and time that the tests move."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.configuration import Live
from core.service.watching import EVERY_S, Watch
from core.variables import SettingsError
from tests.fakes.clock import FakeClock


@dataclass
class Watched:
    """A file whose value is its text; one that begins with `wrong` cannot be used."""

    file: Path
    live: Live[str] = field(default_factory=lambda: Live(""))
    told: list[str] = field(default_factory=list)
    loads: int = 0

    def load(self) -> str:
        self.loads += 1
        text = self.file.read_text()
        if text.startswith("wrong"):
            raise SettingsError((f"line 1: {text}", "line 2: too"))
        return text

    def watch(self, clock: FakeClock) -> Watch[str]:
        self.live.swap(self.file.read_text() if self.file.exists() else "")
        return Watch((self.file,), self.load, self.live, clock, changed=self.told.append)

    def rename_over(self, text: str) -> None:
        """As most editors write."""
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.replace(self.file)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    watched = Watched(tmp_path / "sluice.toml")
    watched.file.write_text("one")
    return watched


async def _look(watch: Watch[str], times: int = 2) -> None:
    for _ in range(times):
        await watch.look()


def _errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


async def test_a_change_is_in_force_once_it_has_settled(watched: Watched) -> None:
    watch = watched.watch(FakeClock())
    await _look(watch)
    assert watched.loads == 0
    watched.file.write_text("two")
    await watch.look()
    assert watched.live.current == "one"  # it may be half of what is being written
    await watch.look()
    assert (watched.live.current, watched.told) == ("two", ["two"])
    await _look(watch, 5)
    assert watched.loads == 1


async def test_a_file_that_is_still_being_written_is_not_read(watched: Watched) -> None:
    watch = watched.watch(FakeClock())
    for text in ("wr", "wrong", "wrong half", "two"):
        watched.file.write_text(text)
        await watch.look()
    assert watched.loads == 0
    await watch.look()
    assert (watched.live.current, watched.loads) == ("two", 1)


async def test_an_editor_that_writes_by_rename_is_noticed(watched: Watched) -> None:
    watch = watched.watch(FakeClock())
    watched.rename_over("two")
    await _look(watch)
    assert watched.live.current == "two"


async def test_a_wrong_file_changes_nothing_and_is_told_once(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watch = watched.watch(FakeClock())
    watched.file.write_text("wrong a")
    await _look(watch, 6)
    assert (watched.live.current, watched.told) == ("one", [])
    expected = [
        "line 1: wrong a",
        "line 2: too",
        f"{watched.file} cannot be used. What it said before stays in force.",
    ]
    assert _errors(caplog) == expected
    watched.rename_over("wrong a")  # saved again as it was
    await _look(watch, 3)
    assert _errors(caplog) == expected
    watched.file.write_text("wrong b")
    await _look(watch, 3)
    assert len(_errors(caplog)) == 6
    watched.file.write_text("one")  # as it was at first
    caplog.clear()
    with caplog.at_level(logging.INFO):
        await _look(watch, 3)
        assert (watched.live.current, watched.told) == ("one", [])
        said = f"{watched.file} is right again, and says what has stayed in force."
        assert [record.getMessage() for record in caplog.records] == [said]
        watched.file.write_text("two")
        await _look(watch, 3)
    assert [record.getMessage() for record in caplog.records][1:] == [
        f"{watched.file} has been read again and is in force."
    ]


async def test_a_file_that_vanishes_keeps_what_it_said(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watch = watched.watch(FakeClock())
    watched.file.unlink()
    await _look(watch, 5)
    assert watched.live.current == "one"
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == f"{watched.file} is gone. What it said stays in force."
    watched.file.write_text("two")
    await _look(watch)
    assert watched.live.current == "two"


async def test_a_file_that_comes_later_is_read(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "sluice.toml")
    watch = watched.watch(FakeClock())
    await _look(watch)
    watched.file.write_text("first")
    await _look(watch)
    assert watched.live.current == "first"


async def test_another_file_beside_it_counts_too(watched: Watched, tmp_path: Path) -> None:
    beside = tmp_path / ".env"
    loaded: list[str] = []

    def load() -> str:
        loaded.append(beside.read_text())
        return loaded[-1]

    watch = Watch((watched.file, beside), load, watched.live, FakeClock(), changed=watched.told.append)
    beside.write_text("KEY=1")
    await _look(watch)
    assert (loaded, watched.told) == (["KEY=1"], ["KEY=1"])


async def test_what_comes_out_the_same_is_no_change(watched: Watched) -> None:
    watch = Watch((watched.file,), lambda: "one", watched.live, FakeClock(), changed=watched.told.append)
    watched.live.swap("one")
    watched.file.write_text("one  # with a comment")
    await _look(watch)
    assert watched.told == []


async def test_it_looks_every_second(watched: Watched) -> None:
    clock = FakeClock()
    async with _running(watched.watch(clock)):
        watched.file.write_text("two")
        await clock.advance(EVERY_S)
        assert watched.loads == 0
        await clock.advance(EVERY_S)
        async with asyncio.timeout(10.0):
            while not watched.told:  # noqa: ASYNC110  # the thread that loads has a clock of its own
                await asyncio.sleep(0)
    assert watched.live.current == "two"


@asynccontextmanager
async def _running(watch: Watch[str]) -> AsyncIterator[None]:
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
