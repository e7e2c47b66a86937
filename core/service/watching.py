"""Files that are read again when they change, while everything goes on."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Generic, TypeAlias, TypeVar

from core.configuration import Live
from core.ports.clock import Clock
from core.variables import SettingsError

log = logging.getLogger(__name__)

EVERY_S: Final = 1.0
_Look: TypeAlias = tuple[tuple[int, int, int] | None, ...]  # of each file: time, size and inode
T = TypeVar("T")


class Watch(Generic[T]):
    """Swaps `live` for what `load` makes of the files, once their bytes have changed.

    A file is read when two looks find it the same, so that none is read half-written. `load` runs in a
    thread and raises SettingsError for what cannot be used: then the old value stays, and each problem is
    logged once until the files change again. While the first file is not there, nothing is read either.
    `changed` is told of each new value, in the event loop.
    """

    def __init__(
        self,
        files: Sequence[Path],
        load: Callable[[], T],
        live: Live[T],
        clock: Clock,
        *,
        changed: Callable[[T], None],
    ) -> None:
        self._files = tuple(files)
        self._load = load
        self._live = live
        self._clock = clock
        self._changed = changed
        self._digest = self._bytes()
        self._wrong = False  # what stands there now
        self._seen = self._looks()
        self._settled = self._seen  # what has been read

    async def run(self) -> None:
        """Look every second, until cancelled."""
        while True:
            await self._clock.sleep_until(self._clock.monotonic() + EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Look once, and read what has settled."""
        seen, self._seen = self._seen, self._looks()
        if self._seen[0] is None:
            if seen[0] is not None:
                log.warning("%s is gone. What it said stays in force.", self._files[0])
            self._settled = self._seen
        elif self._seen == seen != self._settled:
            self._settled = seen
            await self._read()

    async def _read(self) -> None:
        digest = await asyncio.to_thread(self._bytes)
        if digest == self._digest:
            return
        self._digest = digest
        try:
            new = await asyncio.to_thread(self._load)
        except SettingsError as error:
            for problem in error.problems:
                log.error("%s", problem)
            log.error("%s cannot be used. What it said before stays in force.", self._files[0])
            self._wrong = True
            return
        was_wrong, self._wrong = self._wrong, False
        if new != self._live.current:
            self._live.swap(new)
            self._changed(new)
            log.info("%s has been read again and is in force.", self._files[0])
        elif was_wrong:
            log.info("%s is right again, and says what has stayed in force.", self._files[0])

    def _looks(self) -> _Look:
        return tuple(map(_look_at, self._files))

    def _bytes(self) -> bytes:
        """A digest of all files; one that cannot be read counts as empty, and `load` says why."""
        digests = hashlib.sha256()
        for file in self._files:
            try:
                content = file.read_bytes()
            except OSError:
                content = b""
            digests.update(hashlib.sha256(content).digest())
        return digests.digest()


def _look_at(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
