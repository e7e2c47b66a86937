"""One answer as one who knows the future sees it: what a dispatch shows, and what the age then adds up to.

Times are those at which a request leaves. It shows all deltas up to that moment, and does so from half a
round trip later on. The rule for the first send holds here too: sends go first, each as soon as the rule
and the limits of sends alone allow, so that no schedule may save its first words for a better moment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import accumulate, pairwise
from typing import NamedTuple, Self

from benchmarks.scenarios import Scenario, Stream, Timeline
from bots.sandbox.limits import Enforcer, take_all
from core.streaming.meters import RateLimit
from core.streaming.operations import BucketKey, OperationKind
from core.streaming.wants import FIRST_CHARS, FIRST_WAIT_S

Keys = tuple[BucketKey, ...]
Limits = Mapping[str, tuple[RateLimit, ...]]


class Act(NamedTuple):
    """One request: when it leaves, and what it draws from."""

    at: float
    keys: Keys


@dataclass(frozen=True, slots=True)
class Course:
    """`opens`: when the first send leaves. `finishes_by`: when the ending's request leaves at the latest."""

    times: tuple[float, ...]  # of the deltas, in order; at least one
    ends: float
    opens: float
    finishes_by: float
    trip_s: float
    send: Keys
    edits: tuple[Keys, ...]  # by way

    @classmethod
    def of(cls, stream: Stream, trip_s: float, opens: float, finishes_by: float) -> Self:
        return cls(
            tuple(at for at, _ in stream.timeline.deltas),
            stream.timeline.ended_at,
            opens,
            finishes_by,
            trip_s,
            stream.ways[0][OperationKind.SEND],
            tuple(way[OperationKind.EDIT] for way in stream.ways),
        )

    @property
    def keys(self) -> tuple[BucketKey, ...]:
        """All buckets that it may draw from."""
        return tuple(dict.fromkeys((*self.send, *(key for keys in self.edits for key in keys))))

    def acts(self, times: Sequence[float]) -> list[Act]:
        """A plan of which the ways do not matter yet: the first is the send."""
        return [Act(at, self.edits[-1] if order else self.send) for order, at in enumerate(times)]

    @property
    def edits_from(self) -> float:
        """No edit leaves earlier: the send is in flight, or it is the ending and there is none."""
        return self.opens + self.trip_s

    @property
    def begins(self) -> float:
        return self.times[0]

    @property
    def span_s(self) -> float:
        return self.ends - self.begins

    @property
    def useful_until(self) -> float:
        """What leaves from here on is seen after the model's end, where no age is counted."""
        return self.ends - self.trip_s / 2

    def visible_at(self, dispatch: float) -> float:
        return min(dispatch + self.trip_s / 2, self.ends)

    def hidden_since(self, dispatch: float) -> float:
        """When the oldest text came that this dispatch does not show; the model's end if there is none."""
        came = bisect_right(self.times, dispatch)
        return self.times[came] if came < len(self.times) else self.ends

    def area(self, dispatch: float | None, following: float | None) -> float:
        """The age, integrated from where `dispatch` is visible to where `following` is; None: nothing
        before, nothing after. In square seconds."""
        since = self.begins if dispatch is None else self.hidden_since(dispatch)
        start = self.begins if dispatch is None else self.visible_at(dispatch)
        until = self.ends if following is None else self.visible_at(following)
        return (max(0.0, until - since) ** 2 - max(0.0, start - since) ** 2) / 2

    def total_area(self, plan: Sequence[float]) -> float:
        return sum(self.area(before, after) for before, after in pairwise([None, *plan, None]))

    def final_lag(self, plan: Sequence[float], final: float) -> float:
        """From the model's end to the complete text."""
        whole = next((at for at in plan if at >= self.times[-1]), final)
        return max(0.0, whole + self.trip_s / 2 - self.ends)


def first_send_at(line: Timeline) -> float:
    """The rule for the first send; where a sentence ends is not known here, so none does."""
    begins = line.deltas[0][0]
    lengths = accumulate(characters for _, characters in line.deltas)
    enough = (at for (at, _), length in zip(line.deltas, lengths, strict=True) if length >= FIRST_CHARS)
    return min(next(enough, line.ended_at), begins + FIRST_WAIT_S, line.ended_at)


def courses(scenario: Scenario) -> list[Course]:
    """Raises ValueError for a stream without text: it has no age."""
    if not all(stream.timeline.deltas for stream in scenario.streams):
        raise ValueError("a stream without text has no age")
    opens = _first_sends(scenario)
    deadlines = _finishing_deadlines(scenario, opens)
    return [
        Course.of(stream, scenario.round_trip_s, opened, deadline)
        for stream, opened, deadline in zip(scenario.streams, opens, deadlines, strict=True)
    ]


def _first_sends(scenario: Scenario) -> list[float]:
    """When each first send leaves if nothing but first sends draws on the limits: no later than in any
    schedule in which sends go first."""
    opens = [first_send_at(stream.timeline) for stream in scenario.streams]
    enforcers: dict[BucketKey, list[Enforcer]] = {}
    waiting = [(at, number) for number, at in enumerate(opens)]
    heapify(waiting)
    while waiting:
        at, number = heappop(waiting)
        buckets = [
            enforcer
            for key in scenario.streams[number].ways[0][OperationKind.SEND]
            for enforcer in enforcers.setdefault(key, scenario.enforcers(key.family))
        ]
        if wait := take_all(buckets, at):
            heappush(waiting, (at + wait, number))
        else:
            opens[number] = at
    return opens


def _finishing_deadlines(scenario: Scenario, opens: Sequence[float]) -> list[float]:
    """An ending waits for an edit in flight, and then one slot, or one slot after the ending before it; no
    longer, whichever way it goes."""
    deadlines = [0.0] * len(scenario.streams)
    free_at: dict[tuple[BucketKey, RateLimit], float] = {}
    ordered = sorted(range(len(deadlines)), key=lambda number: scenario.streams[number].timeline.ended_at)
    for number in ordered:
        stream = scenario.streams[number]
        ready = deadlines[number] = max(stream.timeline.ended_at, opens[number]) + scenario.round_trip_s
        edits = {key for way in stream.ways for key in way[OperationKind.EDIT]}
        for key in edits.union(stream.ways[0][OperationKind.SEND]):
            for limit in scenario.limits.get(key.family, ()):
                slot_s = limit.per_s / limit.count
                free_at[key, limit] = max(ready, free_at.get((key, limit), ready)) + slot_s
                deadlines[number] = max(deadlines[number], free_at[key, limit])
    return deadlines
