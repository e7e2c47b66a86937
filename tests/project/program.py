"""The program `sluice` in a process of its own, in an empty folder, with a clean environment."""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

from tests.project import forking

SLUICE: Final = Path(sys.executable).with_name("sluice")
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


class Forked:
    """What `asyncio.subprocess.Process` is, of a Sluice that was forked; see `forking`."""

    def __init__(self, pid: int, reports: socket.socket, stdout: asyncio.StreamReader) -> None:
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None
        self._ended = asyncio.create_task(self._end(reports))

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    async def communicate(self) -> tuple[bytes, None]:
        out = await self.stdout.read()
        await self.wait()
        return out, None

    def send_signal(self, number: signal.Signals) -> None:
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def _end(self, reports: socket.socket) -> int:
        with reports:
            self.returncode = int(await asyncio.get_running_loop().sock_recv(reports, 32))
        return self.returncode


AnyProcess: TypeAlias = Process | Forked


async def forked(
    folder: Path, *arguments: str, settings: Mapping[str, str], stderr: int | None = None
) -> Forked:
    """Start `sluice` without loading it again. `stderr`: a descriptor; None: where its output goes."""
    ours, theirs = os.pipe()
    with open(os.devnull) as nothing:  # noqa: ASYNC230, PTH123  # never waits
        streams = (nothing.fileno(), theirs, theirs if stderr is None else stderr)
        reports = forking.start(_server(), arguments, folder, environment(settings), streams)
    os.close(theirs)
    reports.setblocking(False)
    pid = int(await asyncio.get_running_loop().sock_recv(reports, 32))
    return Forked(pid, reports, await reading(ours))


async def reading(descriptor: int) -> asyncio.StreamReader:
    """A pipe's end, which is closed at its end."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


@cache
def _server() -> socket.socket:
    """Of this test process; it ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = (sys.executable, "-m", forking.__name__, str(theirs.fileno()))
    with theirs:
        process = subprocess.Popen(  # noqa: S603  # our own module
            command, pass_fds=[theirs.fileno()], env=environment({}), stdin=DEVNULL, stdout=DEVNULL
        )

    def close() -> None:
        ours.close()
        process.wait()

    atexit.register(close)
    return ours


async def sluice(
    folder: Path,
    *arguments: str,
    settings: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    installed: bool = False,
) -> Finished:
    """Run one command to its end. `installed`: the program itself, which loads all that it needs."""
    if stdin is None and not installed:
        return await _run_forked(folder, *arguments, settings=settings or {})
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


async def _run_forked(folder: Path, *arguments: str, settings: Mapping[str, str]) -> Finished:
    ours, theirs = os.pipe()
    try:
        process = await forked(folder, *arguments, settings=settings, stderr=theirs)
    finally:
        os.close(theirs)
    errors = await reading(ours)
    try:
        async with asyncio.timeout(PATIENCE_S):
            (out, _), err = await asyncio.gather(process.communicate(), errors.read())
    except BaseException:
        process.kill()
        raise
    return Finished(await process.wait(), out, err.decode())


class Running:
    """`sluice run`, followed line by line."""

    def __init__(self, process: AnyProcess) -> None:
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
    folder: Path, *arguments: str, settings: Mapping[str, str], program: Sequence[str | Path] = ()
) -> AsyncIterator[Running]:
    """`sluice run`, killed at the end if it is still there. Both outputs come as one. `program`: what is run
    in place of a fork, such as the installed one."""
    process: AnyProcess
    if program:
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
    else:
        process = await forked(folder, "run", *arguments, settings=settings)
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
