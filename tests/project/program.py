"""The installed program `sluice` in a process of its own, in an empty folder, with a clean environment."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

SLUICE = Path(sys.executable).with_name("sluice")
PATIENCE_S = 60.0
_KEPT = ("HOME", "PATH", "LANG", "SSL_CERT_FILE", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Finished:
    code: int
    out: bytes
    err: str

    @property
    def line(self) -> str:
        """The one line on standard error."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Nothing of ours but `settings`."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | dict(settings)


async def sluice(
    folder: Path, *arguments: str, settings: Mapping[str, str] | None = None, stdin: bytes | None = None
) -> Finished:
    """Run one command to its end."""
    process = await asyncio.create_subprocess_exec(
        SLUICE,
        *arguments,
        cwd=folder,
        env=environment(settings or {}),
        stdin=DEVNULL if stdin is None else PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(stdin), PATIENCE_S)
    except BaseException:
        process.kill()
        raise
    assert process.returncode is not None
    return Finished(process.returncode, out, err.decode())


class Running:
    """`sluice run`, followed line by line."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.said: list[str] = []

    async def says(self, words: str) -> str:
        """The first line, from the start on, that holds `words`; waits for it."""
        for line in self.said:
            if words in line:
                return line
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while raw := await self.process.stdout.readline():
                self.said.append(raw.decode().rstrip("\n"))
                if words in self.said[-1]:
                    return self.said[-1]
        raise AssertionError(f"it ended without {words!r}:\n" + "\n".join(self.said))

    async def ends(self, within_s: float = PATIENCE_S) -> int:
        """The exit code; the rest of what it said is in `said`."""
        async with asyncio.timeout(within_s):
            out, _ = await self.process.communicate()
            self.said += out.decode().splitlines()
            return await self.process.wait()


@asynccontextmanager
async def running(
    folder: Path, *arguments: str, settings: Mapping[str, str], program: Sequence[str] = (str(SLUICE),)
) -> AsyncIterator[Running]:
    """`sluice run`, killed at the end if it is still there. Both outputs come as one. `program`: what else is
    run in its place."""
    process = await asyncio.create_subprocess_exec(
        *program,
        "run",
        *arguments,
        cwd=folder,
        env=environment(settings),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
