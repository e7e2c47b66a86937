"""The best schedule found by one who knows the future: an upper bound of the optimum.

Endings are placed first, each at its model's end or as soon as the endings before it allow. The plans
of the relaxation (floor.py) are fitted around them in order of time, and then moved, added and handed
to other streams as long as that lowers the age. All windows are kept as sliding ones, which is within
what fixed windows and token buckets allow.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from operator import attrgetter
from typing import Final

from benchmarks.course import Act, Course, Keys
from benchmarks.scenarios import Scenario
from bots.sandbox.limits import Enforcer, take_all
from core.streaming.operations import BucketKey

PASSES: Final = 6
SAMPLES: Final = 8
"""So many times are tried in each gap."""
ROUNDING_S: Final = 1e-9
_at = attrgetter("at")


@dataclass(frozen=True, slots=True)
class Plan:
    """Each stream's requests, and its ending's. `area`: all ages together, in square seconds."""

    previews: list[list[Act]]
    finals: list[Act]
    area: float
    final_lag: float  # of all streams together


class _Requests:
    """All requests placed so far, by limited bucket."""

    def __init__(self, scenario: Scenario) -> None:
        self._limits = scenario.limits
        self._times: dict[BucketKey, list[float]] = {}

    def add(self, act: Act) -> None:
        for key in act.keys:
            insort(self._times.setdefault(key, []), act.at)

    def remove(self, act: Act) -> None:
        for key in act.keys:
            times = self._times[key]
            del times[bisect_left(times, act.at)]

    def next_free(self, ways: Sequence[Keys], at: float, latest: float = inf) -> Act:
        """The first request from `at` on that exceeds no window, before or after; of two, the first way's.
        One behind `latest` stands for none."""
        return min((Act(self._free_at(keys, at, latest), keys) for keys in ways), key=_at)

    def _free_at(self, keys: Keys, at: float, latest: float) -> float:
        settled = False
        while not settled and at <= latest:
            settled = True
            for key in keys:
                times = self._times.get(key, [])
                for limit in self._limits.get(key.family, ()):
                    last = bisect_left(times, at + limit.per_s - ROUNDING_S) - limit.count
                    if last >= 0 and times[last] > at - limit.per_s + ROUNDING_S:
                        at, settled = times[last] + limit.per_s, False
        return at


def place(group: Sequence[Course], plans: Sequence[Sequence[Act]], scenario: Scenario) -> Plan:
    """Fit plans that exceed the limits into them."""
    return _Schedule(group, plans, scenario).plan()


def improve(group: Sequence[Course], plans: Sequence[Sequence[Act]], scenario: Scenario) -> Plan:
    """The same, then better it step by step."""
    schedule = _Schedule(group, plans, scenario)
    schedule.improve()
    return schedule.plan()


def finished(course: Course, times: Sequence[float], scenario: Scenario) -> Plan:
    """A lone answer's plan that keeps the limits, and its ending as soon as they allow."""
    acts, platform = course.acts(times), _Platform(scenario)
    for act in acts:
        platform.take(act)
    if times:
        final = Act(max(course.ends, times[-1] + course.trip_s), course.edits[-1])
    else:
        final = Act(max(course.ends, course.opens), course.send)
    while wait := platform.take(final):
        final = final._replace(at=final.at + wait)
    return Plan([acts], [final], course.total_area(times), course.final_lag(times, final.at))


class _Platform:
    """Counts with the sandbox's own limits."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._enforcers: dict[BucketKey, list[Enforcer]] = {}

    def take(self, act: Act) -> float:
        """0.0, or the seconds by which it is too early."""
        for key in act.keys:
            if key not in self._enforcers:
                self._enforcers[key] = self._scenario.enforcers(key.family)
        return take_all([one for key in act.keys for one in self._enforcers[key]], act.at)


class _Schedule:
    def __init__(self, group: Sequence[Course], plans: Sequence[Sequence[Act]], scenario: Scenario) -> None:
        self._group = group
        self._requests = _Requests(scenario)
        self._previews: list[list[Act]] = [[] for _ in group]
        self._finals: list[Act] = [Act(0.0, ())] * len(group)
        for number, plan in enumerate(plans):
            if plan:
                first = Act(group[number].opens, group[number].send)
                self._previews[number].append(first)
                self._requests.add(first)
        for number in sorted(range(len(group)), key=lambda one: group[one].ends):
            course = group[number]
            free_at = max(course.ends, course.opens + course.trip_s) if plans[number] else course.ends
            final = self._finals[number] = self._requests.next_free(
                self._ways(number, len(plans[number])), free_at
            )
            self._requests.add(final)
        for act, number in sorted(
            ((act, number) for number, plan in enumerate(plans) for act in plan[1:]),
            key=lambda one: (one[0].at, one[1]),
        ):
            self._fit(number, act)

    def plan(self) -> Plan:
        both = list(zip(self._group, self._times(), strict=True))
        return Plan(
            self._previews,
            self._finals,
            sum(course.total_area(times) for course, times in both),
            sum(
                course.final_lag(times, final.at)
                for (course, times), final in zip(both, self._finals, strict=True)
            ),
        )

    def _times(self) -> list[list[float]]:
        return [[act.at for act in previews] for previews in self._previews]

    def improve(self) -> None:
        chance = random.Random(1)
        area = self.plan().area
        for _ in range(PASSES):
            for number in range(len(self._group)):
                self._add(number)
                for order in range(1, len(self._previews[number])):
                    self._move(number, order)
            self._hand_over(chance)
            before, area = area, self.plan().area
            if area > before * 0.998:
                return

    def _ways(self, number: int, order: int) -> Sequence[Keys]:
        """Those that others share come first: what is left of them at a moment is lost to all."""
        return self._group[number].edits[::-1] if order else (self._group[number].send,)

    def _around(self, number: int, before: int, after: int) -> tuple[Act | None, Act | None]:
        """What stands at these two places of a plan."""
        plan = self._previews[number]
        return plan[before] if before >= 0 else None, plan[after] if after < len(plan) else None

    def _area(self, number: int, *acts: Act | None) -> float:
        """From one to the next of them."""
        times = [None if act is None else act.at for act in acts]
        return sum(self._group[number].area(at, following) for at, following in pairwise(times))

    def _room(self, number: int, order: int, after: int) -> tuple[float, float]:
        """Between which times a preview may stand at a place of the plan, before what stands at `after`."""
        course, plan = self._group[number], self._previews[number]
        earliest = plan[order - 1].at + course.trip_s if order else course.opens
        following = plan[after] if after < len(plan) else self._finals[number]
        return earliest, min(following.at - course.trip_s, course.useful_until)

    def _fit(self, number: int, wish: Act) -> None:
        plan = self._previews[number]
        earliest, latest = self._room(number, len(plan), len(plan))
        ways = (wish.keys, *(keys for keys in self._ways(number, len(plan)) if keys != wish.keys))
        act = self._requests.next_free(ways, max(wish.at, earliest), latest)
        if act.at <= latest:
            self._requests.add(act)
            plan.append(act)

    def _best(self, number: int, order: int, after: int, near: Act | None = None) -> tuple[float, Act | None]:
        """The least area around a preview at this place, before what stands at `after`, and that preview; inf
        and None without room."""
        course = self._group[number]
        earliest, latest = self._room(number, order, after)
        first, last = bisect_left(course.times, earliest), bisect_right(course.times, latest)
        stride = max(1, (last - first) // SAMPLES)
        tries = {earliest, *course.times[first:last:stride]}
        if near is not None:
            middle = bisect_right(course.times, near.at)
            tries |= {near.at, *course.times[max(first, middle - 3) : min(last, middle + 3)]}
        return self._least(number, order, after, sorted(tries))

    def _least(self, number: int, order: int, after: int, tries: Iterable[float]) -> tuple[float, Act | None]:
        previous, following = self._around(number, order - 1, after)
        earliest, latest = self._room(number, order, after)
        ways = self._ways(number, order)
        least: tuple[float, Act | None] = inf, None
        for wish in tries:
            act = self._requests.next_free(ways, max(wish, earliest), latest)
            if act.at <= latest and (area := self._area(number, previous, act, following)) < least[0]:
                least = area, act
        return least

    def _move(self, number: int, order: int) -> None:
        plan = self._previews[number]
        old = plan[order]
        self._requests.remove(old)
        previous, following = self._around(number, order - 1, order + 1)
        area, act = self._best(number, order, order + 1, old)
        if act is not None and area < self._area(number, previous, old, following):
            plan[order] = act
        self._requests.add(plan[order])

    def _add(self, number: int) -> None:
        """Previews into gaps where the limits have room."""
        plan = self._previews[number]
        order = 1
        while plan and order <= len(plan):
            area, act = self._best(number, order, order)
            if (
                act is not None
                and area < self._area(number, *self._around(number, order - 1, order)) - ROUNDING_S
            ):
                self._requests.add(act)
                plan.insert(order, act)
            order += 1

    def _hand_over(self, chance: random.Random) -> None:
        """A preview's place to a stream that gains more by it than its own loses."""
        everyone = range(len(self._group))
        for number in everyone:
            order = 1
            while order < len(self._previews[number]):
                others = [one for one in everyone if one != number]
                if len(others) > 3 * SAMPLES:
                    others = chance.sample(others, 3 * SAMPLES)
                if not self._give(number, order, others):
                    order += 1

    def _give(self, number: int, order: int, others: Sequence[int]) -> bool:
        plan = self._previews[number]
        act = plan[order]
        previous, following = self._around(number, order - 1, order + 1)
        loss = self._area(number, previous, following) - self._area(number, previous, act, following)
        self._requests.remove(act)
        best: tuple[float, int, int, Act] = -loss - ROUNDING_S, -1, 0, act
        for other in others:
            place_there = bisect_right(self._previews[other], act.at, key=_at)
            if not place_there:
                continue
            area, theirs = self._best_near(other, place_there, act.at)
            gain = area - self._area(other, *self._around(other, place_there - 1, place_there))
            if theirs is not None and gain < best[0]:
                best = gain, other, place_there, theirs
        _, other, place_there, theirs = best
        if other < 0:
            self._requests.add(act)
            return False
        del plan[order]
        self._requests.add(theirs)
        self._previews[other].insert(place_there, theirs)
        return True

    def _best_near(self, number: int, order: int, near: float) -> tuple[float, Act | None]:
        """Like `_best`, looking only around `near`."""
        times = self._group[number].times
        middle = bisect_right(times, near)
        return self._least(number, order, order, (near, *times[max(0, middle - 1) : middle + 1]))


def violations(group: Sequence[Course], plan: Plan, scenario: Scenario) -> list[str]:
    """What a plan breaks, checked by the sandbox's own limits and not by what built it; empty if nothing."""
    found = []
    requests: list[Act] = []
    for number, (course, previews, final) in enumerate(zip(group, plan.previews, plan.finals, strict=True)):
        acts = [*previews, final]
        if any(later.at - earlier.at < course.trip_s - 1e-6 for earlier, later in pairwise(acts)):
            found.append(f"stream {number} has two requests in flight")
        if acts[0].at < course.opens - 1e-6:
            found.append(f"stream {number} sends too early")
        if not course.ends <= final.at <= course.finishes_by + 1e-6:
            found.append(f"stream {number} ends too early or too late")
        if acts[0].keys != course.send or any(act.keys not in course.edits for act in acts[1:]):
            found.append(f"stream {number} goes a way that it has not")
        requests += acts
    platform = _Platform(scenario)
    waits = [(act.at, platform.take(act)) for act in sorted(requests, key=_at)]
    return [*found, *(f"the request at {at:.3f} is {wait:.3f} s too early" for at, wait in waits if wait)]
