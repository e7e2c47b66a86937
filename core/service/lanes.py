"""Where people go on without replying, read and written; also while a place gets another id.

The law: from the moment that it is told, all that is under way goes on under the new id, though the store
takes that only later. What is read is looked for under both, and what was being written under the old one is
written again, so it does not matter which of them comes first.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final
from weakref import WeakValueDictionary

from core.messages import Place
from core.ports.store import Lane, LaneKey, Store

_MOVED: Final = 1_000  # places


class Lanes:
    """One for the whole bot."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._moved: dict[str, Place] = {}  # by what it was before, `str(Place)`
        self._before: dict[str, Place] = {}  # the same by what it is now
        self._locks: WeakValueDictionary[LaneKey, asyncio.Lock] = WeakValueDictionary()

    def moved(self, before: Place, place: Place) -> None:
        """A place has another id from now on."""
        self._moved[str(before)], self._before[str(place)] = place, before
        for places in (self._moved, self._before):
            if len(places) > _MOVED:
                del places[next(iter(places))]
        for lane, lock in [one for one in self._locks.items() if one[0].place == str(before)]:
            self._locks.setdefault(self.now(lane), lock)  # whoever holds it may write there, too

    def now_at(self, place: Place) -> Place:
        """Where a place is by now."""
        return self._moved.get(str(place), place)

    def now(self, lane: LaneKey) -> LaneKey:
        """The same lane as it is called by now."""
        place = self._moved.get(lane.place)
        return lane if place is None else replace(lane, place=str(place))

    def places(self, place: Place) -> tuple[Place, ...]:
        """What a place is by now, and what it was before."""
        now = self.now_at(place)
        before = self._before.get(str(now))
        return (now,) if before is None else (now, before)

    def lock(self, lane: LaneKey) -> asyncio.Lock:
        """Held from looking where a lane ends until it is moved, and a question that joins it is queued."""
        return self._locks.setdefault(self.now(lane), asyncio.Lock())

    async def end(self, lane: LaneKey) -> Lane | None:
        """Where it ends; None: nobody has asked there."""
        while True:
            now = self.now(lane)
            ends = await self._store.lane(now)
            before = self._before.get(now.place)
            if ends is None and before is not None:
                ends = await self._store.lane(replace(now, place=str(before)))
                ends = ends or await self._store.lane(now)  # the store may have taken it in between
            if now == self.now(lane):
                return ends

    async def set(self, lane: LaneKey, ends: Lane) -> None:
        """Have it end there, under its lock."""
        while True:
            now = self.now(lane)
            await self._store.set_lane(now, ends)
            if now == self.now(lane):  # else that may have come after the store took along what was there
                return
