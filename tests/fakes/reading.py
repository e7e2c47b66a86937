"""What stands in a place, in memory; who may read it, and a platform that takes its time."""

from __future__ import annotations

import asyncio

from core.messages import MessageRef, Person
from core.ports.reading import NotReadable, Seen


class FakeReading:
    """`refusal`: given to every reader. `hangs`: it never answers. `asked`: each call."""

    def __init__(self, *messages: Seen) -> None:
        self.messages = list(messages)
        self.refusal: NotReadable | None = None
        self.hangs = False
        self.asked: list[str] = []

    async def refused(self, reader: Person) -> NotReadable | None:
        await self._answer(f"may {reader.id} read")
        return self.refusal

    async def message(self, ref: MessageRef) -> Seen | None:
        await self._answer(ref.message_id)
        return next((seen for seen in self.messages if seen.ref == ref), None)

    async def recent(
        self, reader: Person, *, since: float = 0.0, before: MessageRef | None = None, limit: int
    ) -> tuple[Seen, ...] | NotReadable:
        await self._answer(f"{limit} for {reader.id}")
        if self.refusal is not None:
            return self.refusal
        found = [seen for seen in self.messages if seen.at >= since]
        refs = [seen.ref for seen in found]
        end = refs.index(before) if before in refs else len(found)
        return tuple(found[max(0, end - limit) : end])

    async def _answer(self, asked: str) -> None:
        self.asked.append(asked)
        if self.hangs:
            await asyncio.Event().wait()
