"""A store whose conversations outlive its failures: what this process knows of them, it goes on with.

The law: conversations are written to the store and to memory, and read from the store. Memory answers when
the store fails, and as long as something is not written yet. So an answer goes on; what was said while the
store failed is written within seconds of its working again, and until then known to this process. What hangs
on something that was taken out meanwhile, as by /forget, is kept nowhere. What people are told is done
(choices, personas, what is taken back or forgotten) is done in the store first, and its failure raised.

Nobody waits long for a store that is slow or locked: once for a while, then hardly at all until it is quick
again. What nobody waits for any more goes on by itself, and there is only so much of it at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from core.adapters.clock import SystemClock
from core.adapters.memory_store import MemoryStore
from core.ports.alerts import Alerts, Cause, LoggedAlerts
from core.ports.clock import Clock, Timer
from core.ports.store import (
    FullError,
    GoneError,
    KeptPersona,
    Lane,
    LaneKey,
    Message,
    Outlined,
    Overheard,
    Shown,
    Store,
    StoreError,
    Summary,
    Used,
)
from core.service.in_time import ends_within

log = logging.getLogger(__name__)

REMEMBERED: Final = 1_000  # questions and answers
REMEMBERED_CHARS: Final = 4_000_000
"""Of their text: a thousand answers of 64,000 characters would take 256 MB. It is 120 times what a model is
shown of one conversation."""
PATIENCE_S: Final = 1.0
"""Whoever says something waits for so long until it is kept; then it is known from memory meanwhile."""
READ_PATIENCE_S: Final = 3.0
"""Longer: what is not read in time is not known, and a conversation may go on without its beginning."""
_SLOW_S: Final = 0.3  # both, while the store is slow
_AGAIN_S: Final = 5.0  # until what a store refused is tried again where nothing is said meanwhile
_AT_A_TIME: Final = 512  # reads and bookings under way; a store that hangs must not fill the memory
_NOWHERE: Final = LaneKey("")  # no place has this name
_T = TypeVar("_T")


class SteadyStore:
    """The port `core.ports.store.Store` over another one."""

    def __init__(
        self,
        store: Store,
        clock: Clock | None = None,
        *,
        alerts: Alerts | None = None,
        remembered: int = REMEMBERED,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._alerts = alerts or LoggedAlerts()
        self._patience_s = patience_s
        self._memory = MemoryStore(messages=remembered, chars=REMEMBERED_CHARS, partial=True)
        self._most = remembered
        self._slow = self._behind = False  # the last read was not in time; a write under way is not
        self._asked: set[asyncio.Task[Any]] = set()
        self._missed: dict[
            str | LaneKey, Callable[[Store], Awaitable[None]]
        ] = {}  # by message or lane: what to write
        self._writing = asyncio.Lock()  # one at a time, and nothing while something is taken out
        self._catching_up: asyncio.Task[None] | None = None
        self._again: Timer | None = None

    async def lane(self, key: LaneKey) -> Lane | None:
        if key in self._missed:
            return await self._memory.lane(key)
        return await self._read(lambda store: store.lane(key))

    async def set_lane(self, key: LaneKey, lane: Lane) -> None:
        await self._write(key, _setting(key, lane))

    async def message(self, message_id: str) -> Message | None:
        return await self._read(lambda store: store.message(message_id))

    async def shown(self, shown: Shown) -> Message | None:
        return await self._read(lambda store: store.shown(shown))

    async def add(self, message: Message, shown: tuple[Shown, ...] = ()) -> None:
        await self._write(message.id, _adding(message, shown))

    async def path(self, message_id: str, *, limit: int = 400) -> tuple[Message, ...]:
        found = await self._read(lambda store: store.path(message_id, limit=limit))
        top = found[0].parent_id if found else None
        if top is None or len(found) >= limit:
            return found
        # Its end is not written yet, and what stood before this process is not in memory.
        return (*await self._read(lambda store: store.path(top, limit=limit - len(found))), *found)

    async def outline(self, message_id: str, *, limit: int = 400) -> tuple[Outlined, ...]:
        found = await self._read(lambda store: store.outline(message_id, limit=limit))
        top = found[0].parent_id if found else None
        if top is None or len(found) >= limit:
            return found
        return (*await self._read(lambda store: store.outline(top, limit=limit - len(found))), *found)

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
        return await self._ask(self._store.choices(scopes))

    async def choose(self, scope: str, name: str, value: str | None) -> None:
        await self._store.choose(scope, name, value)

    async def personas(self, scopes: tuple[str, ...]) -> tuple[KeptPersona, ...]:
        return await self._ask(self._store.personas(scopes))

    async def set_persona(self, persona: KeptPersona) -> None:
        await self._store.set_persona(persona)

    async def remove_persona(self, scope: str, name: str) -> bool:
        return await self._store.remove_persona(scope, name)

    async def move_place(self, old: str, new: str) -> None:
        async with self._writing:
            await self._store.move_place(old, new)
            await self._memory.move_place(old, new)
            await self._miss_elsewhere(old, new)

    async def use(self, used: Used) -> None:
        await self._tell(self._store.use(used), "what was used cannot be booked")

    async def used(self, *, since_day: int, person: str = "", place: str = "") -> tuple[Used, ...]:
        return await self._store.used(since_day=since_day, person=person, place=place)

    async def overhear(self, heard: Overheard) -> None:
        await self._tell(self._store.overhear(heard), "what was overheard cannot be kept")

    async def overheard(self, place: str, *, since: float, limit: int) -> tuple[Overheard, ...]:
        return await self._ask(self._store.overheard(place, since=since, limit=limit))

    async def unhear(self, author: str) -> None:
        await self._store.unhear(author)

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
        if self._again is not None:
            self._again.cancel()
        for task in self._asked:
            task.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)
        await self._store.aclose()

    async def _read(self, ask: Callable[[Store], Awaitable[_T]]) -> _T:
        missed = bool(self._missed)  # all of it may be written by the time that the store answers
        try:
            found = await self._ask(ask(self._store))
        except StoreError as error:
            self._failed(error)
            return await ask(self._memory)
        if not self._missed:
            self._works()
        return found or (await ask(self._memory) if missed or self._missed else found)

    async def _ask(self, work: Awaitable[_T]) -> _T:
        """What it returns. Raises StoreError, too where that is not known in time."""
        task = self._begin(work)
        patience_s = _SLOW_S if self._slow else READ_PATIENCE_S
        self._slow = not await ends_within(self._clock, patience_s, task)
        if self._slow:
            raise StoreError(f"no answer within {patience_s:g} s")
        return task.result()

    async def _tell(self, work: Awaitable[None], failed: str) -> None:
        """Wait for it while people's patience lasts. Raises StoreError; what fails later is logged."""
        task = self._begin(work)
        if await ends_within(self._clock, self._patience_s, task):
            task.result()
        else:
            task.add_done_callback(lambda late: _log_failure(late, failed))

    def _begin(self, work: Awaitable[_T]) -> asyncio.Task[_T]:
        if len(self._asked) >= _AT_A_TIME:
            if isinstance(work, Coroutine):
                work.close()
            raise StoreError(f"{_AT_A_TIME} questions wait for an answer already")
        task = asyncio.ensure_future(work)
        self._asked.add(task)
        task.add_done_callback(self._answered)
        return task

    def _answered(self, task: asyncio.Task[Any]) -> None:
        self._asked.discard(task)
        if not task.cancelled():
            task.exception()  # whoever still waits raises it

    async def _write(self, key: str | LaneKey, tell: Callable[[Store], Awaitable[None]]) -> None:
        await tell(self._memory)
        self._missed.pop(key, None)
        self._missed[key] = tell
        # It takes along what comes meanwhile, so all have the same patience with a store that is locked.
        patience_s = min(_SLOW_S, self._patience_s) if self._behind else self._patience_s
        catching_up = self._catch_up_soon()
        if await ends_within(self._clock, patience_s, catching_up):
            catching_up.result()
        elif not self._behind:
            self._behind = True
            self._failed(StoreError(f"not written within {patience_s:g} s"))

    def _catch_up_soon(self) -> asyncio.Task[None]:
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self._catch_up(), name="store catching up")
        return self._catching_up

    def _try_again_later(self) -> None:
        def again() -> None:
            self._catch_up_soon()

        self._again = self._clock.call_at(self._clock.monotonic() + _AGAIN_S, again)

    async def _catch_up(self) -> None:
        """Write what the store has not yet, oldest first: a message needs the one above it."""
        began = self._clock.monotonic()
        async with self._writing:
            await self._write_missed()
        self._behind = self._clock.monotonic() - began > self._patience_s

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
                # On a full disk something small may find room in a page that is there.
                if isinstance(error, FullError) or not await self._takes_writes():
                    self._failed(error)
                    while len(self._missed) > self._most:
                        del self._missed[next(iter(self._missed))]
                    self._try_again_later()
                    return
                if doubted is not tell:
                    doubted = tell
                    continue
                log.warning("one message cannot be kept: %s", error)
            if self._missed.get(key) is tell:
                del self._missed[key]
        self._works()

    async def _miss_no_more(self) -> None:
        """What memory was told to drop is not to be written later; nor a quote of it."""
        memory = self._memory
        for key in tuple(self._missed):
            if isinstance(key, LaneKey):
                kept = await memory.lane(key) is not None
            elif kept := (message := await memory.message(key)) is not None:
                self._missed[key] = _adding(message, await memory.shows(key))
            if not kept:
                self._missed.pop(key, None)

    async def _miss_elsewhere(self, old: str, new: str) -> None:
        """What is not written yet of the lanes of a place that moved is the new one's."""
        for key in [one for one in self._missed if isinstance(one, LaneKey) and one.place == old]:
            del self._missed[key]
            there = replace(key, place=new)
            if (lane := await self._memory.lane(there)) is not None:
                self._missed[there] = _setting(there, lane)

    async def _takes_writes(self) -> bool:
        """Whether the store works in general: then it is one write alone that it refuses. A database that is
        locked or has no room can be read all the same."""
        try:
            await self._store.set_lane(_NOWHERE, Lane("", None, 0.0))
        except StoreError:
            return False
        return True

    def _failed(self, error: StoreError) -> None:
        self._alerts.raise_(Cause.STORE, why=str(error))

    def _works(self) -> None:
        self._alerts.clear(Cause.STORE)


def _adding(message: Message, shown: tuple[Shown, ...]) -> Callable[[Store], Awaitable[None]]:
    return lambda store: store.add(message, shown)


def _setting(key: LaneKey, lane: Lane) -> Callable[[Store], Awaitable[None]]:
    return lambda store: store.set_lane(key, lane)


def _log_failure(late: asyncio.Task[None], what: str) -> None:
    if not late.cancelled() and (error := late.exception()):
        log.error("%s: %s", what, error)
