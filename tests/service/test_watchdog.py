"""What the machine does under us is noticed, and told once."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.adapters.clock import SystemClock
from core.ports.alerts import Cause
from core.ports.clock import Clock
from core.service.watchdog import BEAT_S, DISK_EVERY_S, FULL_BELOW, Watchdog, tasks_in
from tests.fakes.alerts import NotedAlerts
from tests.fakes.clock import FakeClock
from tests.service.conftest import Bot, shut


class Disk:
    free = 10 * FULL_BELOW

    def __call__(self, folder: Path) -> int:
        return self.free


@asynccontextmanager
async def watched(
    clock: Clock, folder: Path, disk: Disk | None = None
) -> AsyncIterator[tuple[NotedAlerts, Watchdog]]:
    alerts = NotedAlerts()
    watchdog = Watchdog(clock, alerts, folder, heartbeat=folder / "heartbeat", free=disk or Disk())
    task = asyncio.ensure_future(watchdog.run())
    try:
        yield alerts, watchdog
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def passing(clock: FakeClock, seconds: float) -> None:
    """Threads need real turns of the loop to come back."""
    until = clock.now + seconds
    while clock.now < until:
        await clock.advance(min(5.0, until - clock.now))
        await asyncio.sleep(0.002)


@pytest.mark.parametrize("jump", [3_600, -3_600])
async def test_a_clock_that_jumps_is_told_once_and_a_set_one_not(tmp_path: Path, jump: int) -> None:
    clock = FakeClock()
    async with watched(clock, tmp_path) as (alerts, _):
        await clock.advance(60.0)
        clock.wall_ahead_s += 5.0
        await clock.advance(60.0)
        assert alerts.told == []
        clock.wall_ahead_s += jump
        await clock.advance(60.0)
        assert alerts.told == [("raised", Cause.CLOCK, jump)]


async def test_a_loop_that_stands_still_for_two_seconds_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    """A real block of the real loop; the answers that grow meanwhile are whole in the end."""
    bot = Bot()
    surface = bot.surface()
    async with watched(SystemClock(), tmp_path) as (alerts, _):
        stream = await bot.asked(surface, "one")
        stream.say("Said before. ")
        await asyncio.sleep(0.01)
        time.sleep(2.0)  # noqa: ASYNC251  # that is what is tested
        bot.clock.now += 2.0  # no timer has fired meanwhile, nor did here
        stream.finish("Said after.")
        await bot.clock.advance(3.0)
        await asyncio.sleep(0.01)
        [(_, cause, seconds)] = alerts.told
        assert cause is Cause.LOOP
        assert isinstance(seconds, float)
        assert 1.0 <= seconds <= 60.0
    assert surface.texts == ["Said before. Said after."]
    await shut(bot)


async def test_a_disk_that_fills_up_is_told_and_when_there_is_room_again(tmp_path: Path) -> None:
    clock, disk = FakeClock(), Disk()
    async with watched(clock, tmp_path, disk) as (alerts, _):
        await passing(clock, DISK_EVERY_S)
        assert alerts.told == []
        disk.free = FULL_BELOW // 2
        await passing(clock, 2 * DISK_EVERY_S)
        assert alerts.told == [("raised", Cause.DISK, 50)]
        disk.free = FULL_BELOW + 1  # it comes and goes
        await passing(clock, 2 * DISK_EVERY_S)
        assert len(alerts.told) == 1
        disk.free = 2 * FULL_BELOW
        await passing(clock, 2 * DISK_EVERY_S)
        assert alerts.told[1:] == [("over", Cause.DISK, str(tmp_path))]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
async def test_a_heartbeat_that_cannot_be_written_is_told_once(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()

    def refused(*args: object, **named: object) -> None:
        raise OSError(number, os.strerror(number))

    async with watched(clock, tmp_path) as (alerts, _):
        await passing(clock, BEAT_S)
        assert (tmp_path / "heartbeat").exists()
        with monkeypatch.context() as patched:
            patched.setattr(Path, "touch", refused)
            await passing(clock, 5 * BEAT_S)
        assert alerts.told == [("raised", Cause.FILE, os.strerror(number))]
        await passing(clock, 2 * BEAT_S)
        assert alerts.told[1:] == [("over", Cause.FILE, str(tmp_path / "heartbeat"))]


async def test_the_heartbeat_tells_how_many_tasks_there_are(tmp_path: Path) -> None:
    clock, file = FakeClock(), tmp_path / "heartbeat"
    async with watched(clock, tmp_path):
        await passing(clock, BEAT_S)
        before, size = tasks_in(file), file.stat().st_size
        more = [asyncio.ensure_future(asyncio.Event().wait()) for _ in range(1_234)]
        await passing(clock, 2 * BEAT_S)
        assert tasks_in(file) - before == len(more)
        assert file.stat().st_size == size
        for task in more:
            task.cancel()
        await asyncio.gather(*more, return_exceptions=True)
        await passing(clock, 2 * BEAT_S)
        assert tasks_in(file) == before


async def test_a_folder_that_is_gone_is_told_and_found_again(tmp_path: Path) -> None:
    """As an unmounted volume: a real error of the real file system."""
    clock, folder = FakeClock(), tmp_path / "data"
    folder.mkdir()
    async with watched(clock, folder) as (alerts, _):
        await passing(clock, BEAT_S)
        (folder / "heartbeat").unlink()
        folder.rmdir()
        await passing(clock, 3 * BEAT_S)
        assert alerts.told == [("raised", Cause.FILE, "No such file or directory")]
        folder.mkdir()
        await passing(clock, 2 * BEAT_S)
        assert not alerts.raised
