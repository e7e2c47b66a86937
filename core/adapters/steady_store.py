"""A store whose conversations outlive its failures: what this process knows of them, it goes on with.

The law: conversations are written to the store and to memory, and read from the store. Memory answers when
the store fails, and as long as something is not written yet. So an answer goes on; what was said while the
store failed is written once it works again, and until then known to this process. What hangs on something
that was taken out meanwhile, as by /forget, is kept nowhere. What people are told is done (choices, personas,
what is taken back or forgotten) is done in the store first, and its failure raised.

Nobody waits long for a store that is slow or locked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

from core.adapters.memory_store import MemoryStore
from core.ports.store import (
    GoneError,
    KeptPersona,
    Lane,
    LaneKey,
    Message,
    Overheard,
    Shown,
    Store,
    StoreError,
    Summary,
    Used,
)

log = logging.getLogger(__name__)

REMEMBERED: Final = 4_000  # questions and answers
PATIENCE_S: Final = 1.0
"""Whoever says something waits for so long until it is kept; then it is known from memory meanwhile."""
_NOWHERE: Final = LaneKey("")  # no place has this name
_T = TypeVar("_T")


class SteadyStore:
    """The port `core.ports.store.Store` over another one."""

    def __init__(self, store: Store, *, remembered: int = REMEMBERED, patience_s: float = PATIENCE_S) -> None:
        self._store = store
        self._patience_s = patience_s
        self._memory = MemoryStore(messages=remembered, partial=True)
        self._most = remembered
        self._failing = False
        self._missed: dict[
            str | LaneKey, Callable[[Store], Awaitable[None]]
        ] = {}  # by message or lane: what to write
        self._writing = asyncio.Lock()  # one at a time, and nothing while something is taken out
        self._catching_up: asyncio.Task[None] | None = None

    async def lane(self, key: LaneKey) -> Lane | None:
        if key in self._missed:
            return await self._memory.lane(key)
        return await self._read(lambda store: store.lane(key))

    async def set_lane(self, key: LaneKey, lane: Lane) -> None:
        await self._write(key, lambda store: store.set_lane(key, lane))

    async def message(self, message_id: str) -> Message | None:
        return await self._read(lambda store: store.message(message_id))

    async def shown(self, shown: Shown) -> Message | None:
        return await self._read(lambda store: store.shown(shown))

    async def add(self, message: Message, shown: tuple[Shown, ...] = ()) -> None:
        await self._write(message.id, lambda store: store.add(message, shown))

    async def path(self, message_id: str, *, limit: int = 400) -> tuple[Message, ...]:
        found = await self._read(lambda store: store.path(message_id, limit=limit))
        top = found[0].parent_id if found else None
        if top is None or len(found) >= limit:
            return found
        # Its end is not written yet, and what stood before this process is not in memory.
        return (*await self._read(lambda store: store.path(top, limit=limit - len(found))), *found)

    async def answers(self, question_id: str) -> tuple[Message, ...]:
        return await self._read(lambda store: store.answers(question_id))

    async def last_question(
        self, conversation_id: str, parent_id: str | None, asker: str = ""
    ) -> Message | None:
        return await self._read(lambda store: store.last_question(conversation_id, parent_id, asker))

    async def shows(self, message_id: str) -> tuple[Shown, ...]:
        return await self._read(lambda store: store.shows(message_id))

    async def remove(self, message_id: str) -> None:
        async with self._writing:
            await self._store.remove(message_id)
            await self._memory.remove(message_id)
            await self._miss_no_more()

    async def summary(self, message_ids: tuple[str, ...]) -> Summary | None:
        return await self._read(lambda store: store.summary(message_ids))

    async def set_summary(self, summary: Summary) -> None:
        await self._store.set_summary(summary)

    async def choices(self, scopes: tuple[str, ...]) -> Mapping[str, Mapping[str, str]]:
        return await self._store.choices(scopes)

    async def choose(self, scope: str, name: str, value: str | None) -> None:
        await self._store.choose(scope, name, value)

    async def personas(self, scopes: tuple[str, ...]) -> tuple[KeptPersona, ...]:
        return await self._store.personas(scopes)

    async def set_persona(self, persona: KeptPersona) -> None:
        await self._store.set_persona(persona)

    async def remove_persona(self, scope: str, name: str) -> bool:
        return await self._store.remove_persona(scope, name)

    async def use(self, used: Used) -> None:
        await self._store.use(used)

    async def used(self, *, since_day: int, person: str = "", place: str = "") -> tuple[Used, ...]:
        return await self._store.used(since_day=since_day, person=person, place=place)

    async def overhear(self, heard: Overheard) -> None:
        await self._store.overhear(heard)

    async def overheard(self, place: str, *, since: float, limit: int) -> tuple[Overheard, ...]:
        return await self._store.overheard(place, since=since, limit=limit)

    async def export(self, person: str) -> Mapping[str, object]:
        return await self._store.export(person)

    async def forget(self, person: str) -> int:
        async with self._writing:
            rows = await self._store.forget(person)
            await self._memory.forget(person)
            await self._miss_no_more()
        return rows

    async def expire(self, *, before: float, overheard_before: float) -> int:
        async with self._writing:
            gone = await self._store.expire(before=before, overheard_before=overheard_before)
            await self._memory.expire(before=before, overheard_before=overheard_before)
            await self._miss_no_more()
        return gone

    async def aclose(self) -> None:
        await self._store.aclose()

    async def _read(self, ask: Callable[[Store], Awaitable[_T]]) -> _T:
        try:
            found = await ask(self._store)
        except StoreError as error:
            self._failed(error)
            return await ask(self._memory)
        if not self._missed:
            self._works()
        return found or (await ask(self._memory) if self._missed else found)

    async def _write(self, key: str | LaneKey, tell: Callable[[Store], Awaitable[None]]) -> None:
        await tell(self._memory)
        self._missed.pop(key, None)
        self._missed[key] = tell
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self._catch_up(), name="store catching up")
        # It takes along what comes meanwhile, so all have the same patience with a store that is locked.
        await asyncio.wait({self._catching_up}, timeout=self._patience_s)
        if self._catching_up.done():
            self._catching_up.result()

    async def _catch_up(self) -> None:
        """Write what the store has not yet, oldest first: a message needs the one above it."""
        async with self._writing:
            await self._write_missed()

    async def _write_missed(self) -> None:
        doubted: object = None  # refused once while the store works: it may have begun to work just then
        while self._missed:
            key, tell = next(iter(self._missed.items()))
            try:
                await tell(self._store)
            except GoneError:
                if isinstance(key, str):  # a late answer of somebody who was forgotten
                    await self._memory.remove(key)
            except StoreError as error:
                if not await self._takes_writes():
                    self._failed(error)
                    while len(self._missed) > self._most:
                        del self._missed[next(iter(self._missed))]
                    return
                if doubted is not tell:
                    doubted = tell
                    continue
                log.warning("one message cannot be kept: %s", error)
            if self._missed.get(key) is tell:
                del self._missed[key]
        self._works()

    async def _miss_no_more(self) -> None:
        """What memory was told to drop is not to be written later."""
        for key in tuple(self._missed):
            memory = self._memory
            kept = await (memory.lane(key) if isinstance(key, LaneKey) else memory.message(key))
            if kept is None:
                self._missed.pop(key, None)

    async def _takes_writes(self) -> bool:
        """Whether the store works in general: then it is one write alone that it refuses. A database that is
        locked or has no room can be read all the same."""
        try:
            await self._store.set_lane(_NOWHERE, Lane("", None, 0.0))
        except StoreError:
            return False
        return True

    def _failed(self, error: StoreError) -> None:
        if not self._failing:
            log.error("the store fails (%s): what is said now is known until this process ends", error)
        self._failing = True

    def _works(self) -> None:
        if self._failing:
            log.info("the store works again")
        self._failing = False
