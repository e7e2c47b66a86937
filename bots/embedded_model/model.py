"""The embedded model as one object: fetch the weights once, start the process, keep it at one address.

The law of starting again: a process that dies is started again at once, at the same address. One that dies
soon after waits longer each time, and after RESTARTS times in a row nobody tries any more.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import IO, Final, Self
from urllib.parse import urlsplit

from bots.embedded_model import server
from bots.embedded_model.errors import OTHER_MODEL, EmbeddedModelError, explain_exit, how_it_ended
from bots.embedded_model.progress import OnProgress, Progress, Stage, ignore_progress
from bots.embedded_model.weights import ensure_weights

log = logging.getLogger(__name__)

RESTARTS: Final = 5
"""So many starts that did not last, one after the other, are enough."""
_GIVEN_UP: Final = f"Start Sluice again, or {OTHER_MODEL}."
_LASTED_S = 60.0  # a process that served for so long begins a new count
_READY_WITHIN_S = 120.0  # measured: 1.3 s with the weights in the page cache
_LEAVES_WITHIN_S = 1.5
_OURS_ALONE = ("OPENAI_", "DISCORD_", "TELEGRAM_", "SLUICE_")  # settings and secrets it has no use for


class EmbeddedModel:
    """`async with EmbeddedModel(data_dir) as model:` serves `model.name` at `model.base_url`; no key.

    Entering raises EmbeddedModelError, one line with what to do. `stop` takes at most 2 s. `back_off_s`:
    the wait before the second start in a row; before the n-th it is 2**(n-1) - 1 times as long.
    """

    name = "embedded"

    def __init__(
        self, data_dir: Path, *, on_progress: OnProgress = ignore_progress, back_off_s: float = 1.0
    ) -> None:
        self.base_url = ""
        self._data_dir = data_dir
        self._on_progress = on_progress
        self._back_off_s = back_off_s
        self._process: Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Fetch what is missing, start the process and wait until it serves."""
        weights = await ensure_weights(self._data_dir, self._on_progress)
        self._on_progress(Progress(Stage.LOAD))
        await self.launch(weights)
        self._on_progress(Progress(Stage.READY))

    async def launch(self, weights: Path) -> None:
        """Serve these weights, a GGUF file, without fetching any."""
        process = await self._serve(weights)
        self._keeper = asyncio.create_task(self._keep(weights, process), name="embedded model")

    async def stop(self) -> None:
        """End the process. Answers that still run break off."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        await self._end()

    async def _keep(self, weights: Path, process: Process) -> None:
        """Start it again whenever it dies; see the law at the head. Until cancelled, or given up."""
        loop, in_a_row = asyncio.get_running_loop(), 0
        running: Process | None = process
        while True:
            if running is not None:
                began = loop.time()
                how = how_it_ended(await running.wait())
                in_a_row = 0 if loop.time() - began > _LASTED_S else in_a_row
                if in_a_row < RESTARTS:
                    log.warning("the embedded model stopped (%s); starting it again", how)
            if in_a_row == RESTARTS:
                log.error("the embedded model stopped too often and stays away. %s", _GIVEN_UP)
                return
            await asyncio.sleep(self._back_off_s * (2**in_a_row - 1))
            in_a_row += 1
            try:
                running = await self._serve(weights)
                log.info("the embedded model serves again")
            except EmbeddedModelError as error:
                running = None
                log.warning("%s", error)

    async def _serve(self, weights: Path) -> Process:
        """A process that serves, at the address of the one before if there was one."""
        with tempfile.TemporaryFile() as errors:
            try:
                process, address = await self._started(weights, errors)
            except BaseException:
                await self._end()
                raise
        self.base_url = f"{address}/v1"
        return process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _LEAVES_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    async def _started(self, weights: Path, errors: IO[bytes]) -> tuple[Process, str]:
        port = urlsplit(self.base_url).port or 0  # whoever was told the address must find it again
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", server.__file__, str(weights), str(port)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=errors,
            env={name: value for name, value in os.environ.items() if not name.startswith(_OURS_ALONE)},
        )
        try:
            line = await asyncio.wait_for(_first_line(process), _READY_WITHIN_S)
        except TimeoutError:
            raise EmbeddedModelError(
                f"The embedded model did not load within {_READY_WITHIN_S:.0f} s."
            ) from None
        answer = json.loads(line) if line else {}
        if "ready" in answer:
            return process, str(answer["ready"])
        returncode = await process.wait()
        errors.seek(0)
        raise explain_exit(returncode, answer.get("error") or errors.read().decode(errors="replace"))


async def _first_line(process: Process) -> bytes:
    return await process.stdout.readline() if process.stdout else b""
