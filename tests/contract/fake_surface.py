"""The fake surface for the contract suite: what the core's own tests rely on keeps the contract too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.adapters.clock import SystemClock
from core.ports.surface import Surface
from core.streaming.operations import FileContent
from tests.contract.bench import Failure
from tests.fakes.surface import FakeSurface


class FakeBench:
    def __init__(self, draft_lasts_s: float | None = None) -> None:
        self._fake = FakeSurface(SystemClock(), draft_lasts_s=draft_lasts_s)
        self.surface: Surface = self._fake

    async def shown(self) -> list[tuple[str, str]]:
        return [(message.id, message.content.body.text) for message in self._fake.messages.values()]

    async def files(self) -> list[FileContent | None]:
        return [message.content.file for message in self._fake.messages.values()]

    async def forbid_files(self) -> None:
        self._fake.permits_files = False

    async def fail_next(self, how: Failure) -> None:
        self._fake.failures.append(how)


@asynccontextmanager
async def fake_surface(*, drafts: bool = False) -> AsyncIterator[FakeBench]:
    yield FakeBench(30.0 if drafts else None)
