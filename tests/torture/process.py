"""`sluice run` as a process that is started and killed many times over one data folder."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.project.program import SLUICE, AnyProcess, environment, forked

LOG: Final = "sluice.log"
READY_S: Final = 60.0


class SluiceProcess:
    """What it says goes to LOG in its folder, over all its lives. `forks`: each life is forked from a process
    that has loaded Sluice already, see `tests.project.forking`."""

    def __init__(self, folder: Path, settings: Mapping[str, str], *, forks: bool = False) -> None:
        self.folder = folder
        self.lives = 0
        self._settings = settings
        self._forks = forks
        self._process: AnyProcess | None = None
        self._reading: asyncio.Task[None] | None = None
        self._said: list[str] = []  # in this life
        self._spoke = asyncio.Event()

    @property
    def pid(self) -> int:
        return self._alive.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def _alive(self) -> AnyProcess:
        if self._process is None:
            raise RuntimeError("it was never started")
        return self._process

    async def start(self) -> None:
        """Start it; it is not ready yet."""
        self._said.clear()
        self._process = await (
            forked(self.folder, "run", "--live", settings=self._settings)
            if self._forks
            else asyncio.create_subprocess_exec(
                SLUICE,
                "run",
                "--live",
                cwd=self.folder,
                env=environment(self._settings),
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
            )
        )
        self.lives += 1
        self._reading = asyncio.create_task(self._read(self._process))

    async def says(self, words: str, within_s: float = READY_S) -> None:
        """Wait until it says this in its present life. Raises AssertionError when it ends before."""
        async with asyncio.timeout(within_s):
            while not any(words in line for line in self._said):
                if self._reading is None or self._reading.done():
                    raise AssertionError(f"it ended without {words!r}:\n" + "\n".join(self._said[-20:]))
                self._spoke.clear()
                await self._spoke.wait()

    async def ready(self) -> None:
        """Wait until it is connected to both platforms."""
        await self.says("Discord is ready")
        await self.says("Telegram is ready")

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._alive.kill()
        await self._gone()

    async def terminate(self, within_s: float) -> int | None:
        """SIGTERM; its exit code, None when it had to be killed after all."""
        self._alive.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(within_s):
                code = await self._alive.wait()
        except TimeoutError:
            await self.kill()
            return None
        await self._gone()
        return code

    async def close(self) -> None:
        """See that nothing of it is left."""
        if self.running:
            await self.kill()

    async def _gone(self) -> None:
        await self._alive.wait()
        if self._reading is not None:
            await self._reading

    async def _read(self, process: AnyProcess) -> None:
        assert process.stdout is not None
        with (self.folder / LOG).open("a") as log:
            print(f"--- life {self.lives}", file=log)
            while raw := await process.stdout.readline():
                line = raw.decode(errors="replace").rstrip("\n")
                print(line, file=log, flush=True)
                self._said.append(line)
                self._spoke.set()
        self._spoke.set()
