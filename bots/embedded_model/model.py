"""The embedded model as one object: fetch the weights once, start the process, know its address."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import IO, Self

from bots.embedded_model import server
from bots.embedded_model.errors import EmbeddedModelError, explain_exit
from bots.embedded_model.progress import OnProgress, Progress, Stage, ignore_progress
from bots.embedded_model.weights import ensure_weights

_READY_WITHIN_S = 120.0  # measured: 1.3 s with the weights in the page cache
_LEAVES_WITHIN_S = 1.5
_OURS_ALONE = ("OPENAI_", "DISCORD_", "TELEGRAM_", "SLUICE_")  # settings and secrets it has no use for


class EmbeddedModel:
    """`async with EmbeddedModel(data_dir) as model:` serves `model.name` at `model.base_url`; no key.

    Entering raises EmbeddedModelError, one line with what to do. `stop` takes at most 2 s.
    """

    name = "embedded"

    def __init__(self, data_dir: Path, *, on_progress: OnProgress = ignore_progress) -> None:
        self.base_url = ""
        self._data_dir = data_dir
        self._on_progress = on_progress
        self._process: Process | None = None

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
        with tempfile.TemporaryFile() as errors:
            try:
                self.base_url = f"{await self._started(weights, errors)}/v1"
            except BaseException:
                await self.stop()
                raise

    async def stop(self) -> None:
        """End the process. Answers that still run break off."""
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

    async def _started(self, weights: Path, errors: IO[bytes]) -> str:
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", server.__file__, str(weights)),
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
            return str(answer["ready"])
        returncode = await process.wait()
        errors.seek(0)
        raise explain_exit(returncode, answer.get("error") or errors.read().decode(errors="replace"))


async def _first_line(process: Process) -> bytes:
    return await process.stdout.readline() if process.stdout else b""
