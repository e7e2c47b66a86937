"""Which events are still in work. Of one that came through the journal it is told when nothing of it is left
to do, and what answers it is out: until then it comes again after a crash.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial

from core.ports.clock import Clock
from core.ports.journal import Journal
from core.ports.store import StoreError
from core.ports.surface import Surface
from core.service.tasks import Tasks

log = logging.getLogger(__name__)

_AGAIN_S = 5.0  # after which a journal that failed is told again
_WAITING = 10_000
"""Events that wait for a journal that fails; of older ones it is not told, so they may come again."""


class Events:
    """`hold` and `release` go in pairs; a question whose turn is kept is the journal's (`taken`)."""

    def __init__(self, journal: Journal, clock: Clock, tasks: Tasks) -> None:
        self.closed = False
        """Nothing is shown any more: what is done from now on, nobody was told of."""
        self._journal = journal
        self._clock = clock
        self._tasks = tasks
        self._held: Counter[tuple[str, str]] = Counter()
        self._done: dict[tuple[str, str], None] = {}
        self._left: set[tuple[str, str]] = set()
        self._telling: asyncio.Task[None] | None = None

    def leave(self, surface: Surface, event_id: str) -> None:
        """It was refused since the bot is stopping: it is for the next process."""
        self._left.add((surface.account, event_id))

    async def close(self, deadline: float) -> None:
        """Let the journal hear of what is done, until the clock reaches `deadline`."""
        if self._telling is not None:
            telling = self._telling

            def give_up() -> None:
                telling.cancel()

            timer = self._clock.call_at(deadline, give_up)
            await asyncio.wait([telling])
            timer.cancel()

    def hold(self, surface: Surface, event_id: str) -> None:
        if surface.capabilities.keeps_events:
            self._held[surface.account, event_id] += 1

    def hold_on(self, surface: Surface, event_id: str) -> Callable[[], None]:
        """Hold an event that is held longer, until what is returned is called. One that a turn has taken is
        not: that it is handled is told with the turn, and must not be told before."""
        event = (surface.account, event_id)
        if event not in self._held:
            return _nothing
        self._held[event] += 1
        return partial(self.release, surface, event_id)

    def release(self, surface: Surface, event_id: str) -> None:
        """Somebody who held it is done with it."""
        event = (surface.account, event_id)
        if event not in self._held:
            return
        self._held[event] -= 1
        if self._held[event] > 0:
            return
        del self._held[event]
        task = asyncio.current_task()
        cancelled = task is not None and bool(task.cancelling())  # as when the bot ends
        if self.closed or cancelled or event in self._left:
            return
        self._done[event] = None
        if len(self._done) > _WAITING:
            del self._done[next(iter(self._done))]
        if self._telling is None:
            self._telling = self._tasks.start(self._tell(), "events handled")

    def taken(self, surface: Surface, event_ids: tuple[str, ...]) -> None:
        """A turn goes with them from now on, whoever holds them."""
        for event_id in event_ids:
            self._held.pop((surface.account, event_id), None)

    def run_for(
        self, surface: Surface, event_id: str, work: Coroutine[object, object, None], name: str
    ) -> None:
        """Do work that belongs to an event beside everything else."""
        self.hold(surface, event_id)

        async def run() -> None:
            try:
                await work
            finally:
                self.release(surface, event_id)

        self._tasks.start(run(), name)

    async def _tell(self) -> None:
        """Until the journal has them all."""
        failing = False
        try:
            while self._done:
                try:
                    await self._tell_all()
                except StoreError as error:
                    if not failing:
                        log.info("that events were handled cannot be kept now: %s", error)
                    failing = True
                    await self._clock.sleep_until(self._clock.monotonic() + _AGAIN_S)
        finally:
            self._telling = None

    async def _tell_all(self) -> None:
        accounts: dict[str, list[str]] = {}
        for account, event_id in self._done:
            accounts.setdefault(account, []).append(event_id)
        for account, ids in accounts.items():
            await self._journal.handled(account, ids, self._clock.wall())
            for event_id in ids:
                self._done.pop((account, event_id), None)


def _nothing() -> None: ...
