"""The example's surface for the contract suite: a stranger's surface gets no easier test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from core.ports.surface import Surface
from core.streaming.operations import FileContent
from examples.third_surface import FolderSurface
from tests.contract.bench import Failure


class FolderBench:
    def __init__(self, folder: Path) -> None:
        self.surface: Surface = FolderSurface(folder)
        self._folder = folder

    async def shown(self) -> list[tuple[str, str]]:
        return [(path.name, path.read_text(encoding="utf-8")) for path in sorted(self._folder.glob("*.md"))]

    async def files(self) -> list[FileContent | None]:
        raise NotImplementedError

    async def forbid_files(self) -> None:
        raise NotImplementedError

    async def fail_next(self, how: Failure) -> None:
        if how == "message_gone":
            for path in self._folder.iterdir():
                path.unlink()
        elif how == "place_gone":
            shutil.rmtree(self._folder)
        else:
            raise ValueError(f"a folder cannot fail so: {how}")


@asynccontextmanager
async def folder_surface() -> AsyncIterator[FolderBench]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield FolderBench(Path(folder))
