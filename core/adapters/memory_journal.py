"""The journal in memory: gone with its process. For the sandbox, and for tests that play several processes.

A `MemoryJournal` is one process, its `JournalState` what outlives it: throw one away and make another over
the same state, and the first was killed.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from core.ports.clock import Clock
from core.ports.journal import LEASE_S, KeptTurn, Left, Orphan, Received, Step

_HANDLED: Final = 50_000  # events that are remembered as handled
_OVER: Final = 20_000  # turns that are remembered as over
_CURSORS: Final = 20_000  # channels
_COUNTS: Final = 1_000
_DAY_S: Final = 86_400


@dataclass(slots=True)
class _Open:
    """A turn that is not over."""

    turn: KeptTurn
    owner: str
    fence: int
    steps: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Over:
    asker: str
    at: float
    state: str


@dataclass(slots=True)
class JournalState:
    """What outlives a process. `leases`: until when each owner holds its turns, by the monotonic clock."""

    waiting: dict[tuple[str, str], Received] = field(default_factory=dict)  # by account and id, as they came
    holders: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)  # of each: owner, takings
    handled: OrderedDict[tuple[str, str], float] = field(default_factory=OrderedDict)
    turns: dict[str, _Open] = field(default_factory=dict)
    over: OrderedDict[str, _Over] = field(default_factory=OrderedDict)
    leases: dict[str, float] = field(default_factory=dict)
    cursors: OrderedDict[tuple[str, str], tuple[str, float]] = field(default_factory=OrderedDict)
    counts: OrderedDict[tuple[str, int], int] = field(default_factory=OrderedDict)


class MemoryJournal:
    """The port `core.ports.journal.Journal`. `owner`: random unless given; `alone`: without leases."""

    def __init__(
        self,
        state: JournalState | None = None,
        *,
        clock: Clock,
        owner: str | None = None,
        alone: bool = True,
        lease_s: float = LEASE_S,
    ) -> None:
        self._state = JournalState() if state is None else state
        self._clock = clock
        self._owner = owner or secrets.token_hex(8)
        self._alone = alone
        self._lease_s = lease_s
        self._leased = alone
        self._fences: dict[str, int] = {}  # by turn: under which fence this process has it

    @property
    def alone(self) -> bool:
        return self._alone

    async def receive(self, events: Sequence[Received]) -> tuple[Received, ...]:
        new = []
        await self._lease()
        for event in events:
            key = (event.account, event.id)
            if key not in self._state.waiting and key not in self._state.handled:
                self._state.waiting[key] = event
                self._state.holders[key] = (self._owner, 0)
                new.append(event)
        return tuple(new)

    async def unhandled(self, account: str) -> tuple[Received, ...]:
        return tuple(event for event in self._state.waiting.values() if event.account == account)

    async def take_over_events(self, account: str) -> tuple[Left, ...]:
        await self._lease()
        left = []
        for event in await self.unhandled(account):
            owner, taken = self._state.holders[account, event.id]
            if owner != self._owner:
                if not self._expired(owner):
                    continue
                taken += 1
            self._state.holders[account, event.id] = (self._owner, taken)
            left.append(Left(event, taken))
        return tuple(left)

    async def handled(self, account: str, ids: Sequence[str], at: float) -> tuple[str, ...]:
        return tuple([one for one in ids if self._handle(account, one, at)])

    async def was_handled(self, account: str, event_id: str) -> bool:
        return (account, event_id) in self._state.handled

    async def begin(self, turn: KeptTurn) -> bool:
        if self._owns(turn.id):
            return True
        if turn.events and not self._handle(turn.account, turn.events[0], turn.at):
            return False
        for event_id in turn.events[1:]:
            self._handle(turn.account, event_id, turn.at)
        await self._lease()
        self._state.turns[turn.id] = _Open(turn, self._owner, fence=1)
        self._fences[turn.id] = 1
        return True

    async def write(self, steps: Sequence[Step]) -> frozenset[str]:
        lost = set()
        for step in steps:
            if self._owns(step.turn_id):
                self._state.turns[step.turn_id].steps.append(step.body)
                continue
            self._fences.pop(step.turn_id, None)
            if step.turn_id in self._state.turns or step.turn_id in self._state.over:
                lost.add(step.turn_id)
        return frozenset(lost)

    async def finish(self, turn_id: str, state: str) -> None:
        if self._owns(turn_id):
            turn = self._state.turns.pop(turn_id).turn
            self._state.over[turn_id] = _Over(turn.asker, turn.at, state)
            while len(self._state.over) > _OVER:
                self._state.over.popitem(last=False)
        self._fences.pop(turn_id, None)

    async def renew(self) -> None:
        if not self._alone:
            self._leased = True
            self._state.leases[self._owner] = self._clock.monotonic() + self._lease_s

    async def take_over(self, accounts: Collection[str]) -> tuple[Orphan, ...]:
        await self._lease()
        taken = [
            one
            for one in self._state.turns.values()
            if one.turn.account in accounts and not self._owns(one.turn.id) and self._expired(one.owner)
        ]
        taken.sort(key=lambda one: (one.turn.at, one.turn.id))
        for one in taken:
            one.owner = self._owner
            one.fence += 1
            self._fences[one.turn.id] = one.fence
        return tuple(Orphan(one.turn, tuple(one.steps)) for one in taken)

    async def cursors(self, account: str, *, since: float) -> Mapping[str, str]:
        return {
            channel: last
            for (of, channel), (last, at) in self._state.cursors.items()
            if of == account and at >= since
        }

    async def move_cursors(self, account: str, cursors: Mapping[str, str], at: float) -> None:
        for channel, last in cursors.items():
            self._state.cursors[account, channel] = (last, at)
            self._state.cursors.move_to_end((account, channel))
        while len(self._state.cursors) > _CURSORS:
            self._state.cursors.popitem(last=False)

    async def count(self, name: str, day: int) -> int:
        counts = self._state.counts
        counts[name, day] = counts.get((name, day), 0) + 1
        counts.move_to_end((name, day))
        while len(counts) > _COUNTS:
            counts.popitem(last=False)
        return counts[name, day]

    async def expire_journal(self, before: float, left_before: float) -> None:
        state = self._state
        for key in [key for key, event in state.waiting.items() if event.at < left_before]:
            self._drop(key)
        for turn_id, one in list(state.turns.items()):
            if one.turn.at < left_before and one.owner != self._owner and self._expired(one.owner):
                del state.turns[turn_id]
        for key in [key for key, at in state.handled.items() if at < before]:
            del state.handled[key]
        for turn_id in [turn_id for turn_id, one in state.over.items() if one.at < before]:
            del state.over[turn_id]
        for key in [key for key, (_, at) in state.cursors.items() if at < before]:
            del state.cursors[key]
        for counted in [counted for counted in state.counts if (counted[1] + 1) * _DAY_S <= before]:
            del state.counts[counted]
        for owner in [owner for owner in state.leases if self._expired(owner)]:
            del state.leases[owner]

    async def forget(self, person: str) -> None:
        """Drop the turns of a person, what waits of theirs, and their words in what is others'."""
        waiting, turns, over = self._state.waiting, self._state.turns, self._state.over
        for key, event in waiting.items():
            if event.others is not None and person in event.others.of:
                waiting[key] = replace(event, others=None)
        for one in turns.values():
            if one.turn.others is not None and person in one.turn.others.of:
                one.turn = replace(one.turn, others=None)
        for key in [key for key, event in waiting.items() if event.author == person]:
            self._drop(key)
        for turn_id in [turn_id for turn_id, one in turns.items() if one.turn.asker == person]:
            del turns[turn_id]
            self._fences.pop(turn_id, None)
        for turn_id in [turn_id for turn_id, one in over.items() if one.asker == person]:
            del over[turn_id]

    async def _lease(self) -> None:
        """A process without one would be taken for dead; from then on whoever runs it renews."""
        if not self._leased:
            await self.renew()

    def _owns(self, turn_id: str) -> bool:
        found = self._state.turns.get(turn_id)
        return found is not None and (found.owner, found.fence) == (self._owner, self._fences.get(turn_id))

    def _expired(self, owner: str) -> bool:
        return self._alone or self._state.leases.get(owner, 0.0) <= self._clock.monotonic()

    def _handle(self, account: str, event_id: str, at: float) -> bool:
        """False where it was handled before."""
        handled, key = self._state.handled, (account, event_id)
        if key in handled:
            return False
        self._drop(key)
        handled[key] = at
        while len(handled) > _HANDLED:
            handled.popitem(last=False)
        return True

    def _drop(self, event: tuple[str, str]) -> None:
        self._state.waiting.pop(event, None)
        self._state.holders.pop(event, None)
