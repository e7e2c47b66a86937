"""Watches the machine under us: an event loop that stands still, a clock that jumps, a disk that fills up."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from core.ports.alerts import Alerts, Cause
from core.ports.clock import Clock

log = logging.getLogger(__name__)

LOOK_S: Final = 0.5
BLOCKED_S: Final = 1.0
"""So late, a look means that nothing else was done meanwhile either: edits and heartbeats came late, too."""
JUMPED_S: Final = 30.0
"""Less is a clock that is set by a time server."""
DISK_EVERY_S: Final = 60.0
FULL_BELOW: Final = 100_000_000
"""Bytes: a database can grow by so much in a busy day, and a backup of it needs as much again."""
_WELL_AGAIN: Final = 1.5  # times as much must be free, so that an alert does not come and go
BEAT_S: Final = 10.0


class Watchdog:
    """`folder`: where everything is kept. `heartbeat`: a file there that is written every 10 s, so that
    others see that we live, and how many tasks the event loop has. `free`: free bytes, asked in a thread."""

    def __init__(
        self,
        clock: Clock,
        alerts: Alerts,
        folder: Path,
        *,
        heartbeat: Path,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._clock = clock
        self._alerts = alerts
        self._folder = folder
        self._heartbeat = heartbeat
        self._free = free

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_time())
            group.create_task(self._watch_disk())
            group.create_task(self._beat())

    async def _watch_time(self) -> None:
        clock = self._clock
        offset = clock.wall() - clock.monotonic()
        while True:
            due = clock.monotonic() + LOOK_S
            await clock.sleep_until(due)
            if (late := clock.monotonic() - due) >= BLOCKED_S:
                self._alerts.raise_(Cause.LOOP, why=round(late, 1))
            moved, offset = clock.wall() - clock.monotonic() - offset, clock.wall() - clock.monotonic()
            if abs(moved) >= JUMPED_S:
                self._alerts.raise_(Cause.CLOCK, why=round(moved))

    async def _watch_disk(self) -> None:
        about = str(self._folder)
        while True:
            try:
                free = await asyncio.to_thread(self._free, self._folder)
            except OSError as error:
                log.warning("%s: free space is not known (%s)", self._folder, error.strerror)
            else:
                if free < FULL_BELOW:
                    self._alerts.raise_(Cause.DISK, about=about, why=free // 1_000_000)
                elif free >= FULL_BELOW * _WELL_AGAIN:
                    self._alerts.clear(Cause.DISK, about=about)
            await self._clock.sleep_until(self._clock.monotonic() + DISK_EVERY_S)

    async def _beat(self) -> None:
        about = str(self._heartbeat)
        while True:
            try:
                # In a thread: a disk that hangs must hold up nobody but this.
                await asyncio.to_thread(_beat, self._heartbeat, len(asyncio.all_tasks()))
            except OSError as error:
                self._alerts.raise_(Cause.FILE, about=about, why=error.strerror or "")
            else:
                self._alerts.clear(Cause.FILE, about=about)
            await self._clock.sleep_until(self._clock.monotonic() + BEAT_S)


def _beat(heartbeat: Path, tasks: int) -> None:
    """Always as long, and over what stands there: also a full disk has room for it."""
    heartbeat.touch()
    with heartbeat.open("r+b") as file:
        file.write(f"{tasks:7} tasks\n".encode())


def tasks_in(heartbeat: Path) -> int:
    """How many tasks its process had when the file was written. Raises OSError and ValueError."""
    return int(heartbeat.read_text().split()[0])
