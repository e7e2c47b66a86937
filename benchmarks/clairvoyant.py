"""The best schedule found by one who knows the future: an upper bound of the optimum.

Endings are placed first, each at its model's end or as soon as the endings before it allow. The plans
of the relaxation (floor.py) are fitted around them in order of time, and then moved, added and handed
to other streams as long as that lowers the age. All windows are kept as sliding ones, which is within
what fixed windows and token buckets allow.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Final

from benchmarks.course import Course, Keys
from benchmarks.scenarios import Scenario
from bots.sandbox.limits import Enforcer, take_all
from core.streaming.operations import BucketKey

PASSES: Final = 6
SAMPLES: Final = 8
"""So many times are tried in each gap."""
ROUNDING_S: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Plan:
    """When each stream's requests leave, and its ending's. `area`: all ages together, in square seconds."""

    previews: list[list[float]]
    finals: list[float]
    area: float
    final_lag: float  # of all streams together


class _Requests:
    """All requests placed so far, by limited bucket."""

    def __init__(self, scenario: Scenario) -> None:
        self._limits = scenario.limits
        self._times: dict[BucketKey, list[float]] = {}

    def add(self, keys: Keys, at: float) -> None:
        for key in keys:
            insort(self._times.setdefault(key, []), at)

    def remove(self, keys: Keys, at: float) -> None:
        for key in keys:
            times = self._times[key]
            del times[bisect_left(times, at)]

    def next_free(self, keys: Keys, at: float) -> float:
        """The first moment from `at` on at which one more request exceeds no window, before or after."""
        settled = False
        while not settled:
            settled = True
            for key in keys:
                times = self._times.get(key, [])
                for limit in self._limits.get(key.family, ()):
                    last = bisect_left(times, at + limit.per_s - ROUNDING_S) - limit.count
                    if last >= 0 and times[last] > at - limit.per_s + ROUNDING_S:
                        at, settled = times[last] + limit.per_s, False
        return at


def place(group: Sequence[Course], plans: Sequence[Sequence[float]], scenario: Scenario) -> Plan:
    """Fit plans that exceed the limits into them."""
    return _Schedule(group, plans, scenario).plan()


def improve(group: Sequence[Course], plans: Sequence[Sequence[float]], scenario: Scenario) -> Plan:
    """The same, then better it step by step."""
    schedule = _Schedule(group, plans, scenario)
    schedule.improve()
    return schedule.plan()


class _Schedule:
    def __init__(self, group: Sequence[Course], plans: Sequence[Sequence[float]], scenario: Scenario) -> None:
        self._group = group
        self._requests = _Requests(scenario)
        self._previews: list[list[float]] = [[] for _ in group]
        self._finals = [0.0] * len(group)
        for number, plan in enumerate(plans):
            if plan:
                self._previews[number].append(group[number].opens)
                self._requests.add(group[number].send, group[number].opens)
        for number in sorted(range(len(group)), key=lambda one: group[one].ends):
            course = group[number]
            keys = course.edit if plans[number] else course.send
            free_at = max(course.ends, course.opens + course.trip_s) if plans[number] else course.ends
            self._finals[number] = self._requests.next_free(keys, free_at)
            self._requests.add(keys, self._finals[number])
        for at, number in sorted((at, number) for number, plan in enumerate(plans) for at in plan[1:]):
            self._fit(number, at)

    def plan(self) -> Plan:
        both = list(zip(self._group, self._previews, strict=True))
        return Plan(
            self._previews,
            self._finals,
            sum(course.total_area(previews) for course, previews in both),
            sum(
                course.final_lag(previews, final)
                for (course, previews), final in zip(both, self._finals, strict=True)
            ),
        )

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

    def _keys(self, number: int, order: int) -> Keys:
        return self._group[number].edit if order else self._group[number].send

    def _room(self, number: int, order: int, *, replacing: bool) -> tuple[float, float]:
        """Between which times a preview may stand at this place of the plan."""
        course, plan = self._group[number], self._previews[number]
        after = order + 1 if replacing else order
        earliest = plan[order - 1] + course.trip_s if order else course.opens
        following = plan[after] if after < len(plan) else self._finals[number]
        return earliest, min(following - course.trip_s, course.useful_until)

    def _fit(self, number: int, wish: float) -> None:
        plan = self._previews[number]
        earliest, latest = self._room(number, len(plan), replacing=False)
        at = self._requests.next_free(self._keys(number, len(plan)), max(wish, earliest))
        if at <= latest:
            self._requests.add(self._keys(number, len(plan)), at)
            plan.append(at)

    def _best(
        self, number: int, order: int, *, replacing: bool, near: float | None = None
    ) -> tuple[float, float]:
        """The least area around a preview at this place, and when it leaves; (inf, 0) without room."""
        course, plan = self._group[number], self._previews[number]
        earliest, latest = self._room(number, order, replacing=replacing)
        after = order + 1 if replacing else order
        previous = plan[order - 1] if order else None
        following = plan[after] if after < len(plan) else None
        first, last = bisect_left(course.times, earliest), bisect_right(course.times, latest)
        stride = max(1, (last - first) // SAMPLES)
        tries = {earliest, *course.times[first:last:stride]}
        if near is not None:
            middle = bisect_right(course.times, near)
            tries |= {near, *course.times[max(first, middle - 3) : min(last, middle + 3)]}
        best = inf, 0.0
        for wish in tries:
            at = self._requests.next_free(self._keys(number, order), max(wish, earliest))
            if at <= latest:
                best = min(best, (course.area(previous, at) + course.area(at, following), at))
        return best

    def _move(self, number: int, order: int) -> None:
        course, plan = self._group[number], self._previews[number]
        old = plan[order]
        keys = self._keys(number, order)
        self._requests.remove(keys, old)
        _, at = self._best(number, order, replacing=True, near=old)
        previous = plan[order - 1] if order else None
        following = plan[order + 1] if order + 1 < len(plan) else None
        if at and self._around(course, previous, at, following) < self._around(
            course, previous, old, following
        ):
            plan[order] = at
        self._requests.add(keys, plan[order])

    @staticmethod
    def _around(course: Course, previous: float | None, at: float, following: float | None) -> float:
        return course.area(previous, at) + course.area(at, following)

    def _add(self, number: int) -> None:
        """Previews into gaps where the limits have room."""
        course, plan = self._group[number], self._previews[number]
        order = 1
        while plan and order <= len(plan):
            following = plan[order] if order < len(plan) else None
            area, at = self._best(number, order, replacing=False)
            if area < course.area(plan[order - 1], following) - ROUNDING_S:
                self._requests.add(course.edit, at)
                plan.insert(order, at)
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
        course, plan = self._group[number], self._previews[number]
        at, previous = plan[order], plan[order - 1]
        following = plan[order + 1] if order + 1 < len(plan) else None
        loss = course.area(previous, following) - self._around(course, previous, at, following)
        self._requests.remove(course.edit, at)
        best = -loss - ROUNDING_S, -1, 0, 0.0
        for other in others:
            theirs, their_plan = self._group[other], self._previews[other]
            place_there = bisect_right(their_plan, at)
            if not place_there:
                continue
            after = their_plan[place_there] if place_there < len(their_plan) else None
            area, when = self._best_near(other, place_there, at)
            gain = area - theirs.area(their_plan[place_there - 1], after)
            best = min(best, (gain, other, place_there, when))
        _, other, place_there, when = best
        if other < 0:
            self._requests.add(course.edit, at)
            return False
        del plan[order]
        self._requests.add(self._group[other].edit, when)
        self._previews[other].insert(place_there, when)
        return True

    def _best_near(self, number: int, order: int, near: float) -> tuple[float, float]:
        """Like `_best`, looking only around `near`."""
        course, plan = self._group[number], self._previews[number]
        earliest, latest = self._room(number, order, replacing=False)
        following = plan[order] if order < len(plan) else None
        middle = bisect_right(course.times, near)
        best = inf, 0.0
        for wish in (near, *course.times[max(0, middle - 1) : middle + 1]):
            at = self._requests.next_free(course.edit, max(wish, earliest))
            if at <= latest:
                best = min(best, (self._around(course, plan[order - 1], at, following), at))
        return best


def violations(group: Sequence[Course], plan: Plan, scenario: Scenario) -> list[str]:
    """What a plan breaks, checked by the sandbox's own limits and not by what built it; empty if nothing."""
    found = []
    requests: list[tuple[float, Keys]] = []
    for number, (course, previews, final) in enumerate(zip(group, plan.previews, plan.finals, strict=True)):
        acts = [*previews, final]
        if any(later - earlier < course.trip_s - 1e-6 for earlier, later in pairwise(acts)):
            found.append(f"stream {number} has two requests in flight")
        if acts[0] < course.opens - 1e-6:
            found.append(f"stream {number} sends too early")
        if not course.ends <= final <= course.finishes_by + 1e-6:
            found.append(f"stream {number} ends too early or too late")
        requests += [(at, course.edit if order else course.send) for order, at in enumerate(acts)]
    enforcers: dict[BucketKey, list[Enforcer]] = {}
    for at, keys in sorted(requests, key=lambda one: one[0]):
        for key in keys:
            enforcers.setdefault(key, scenario.enforcers(key.family))
        if wait := take_all([one for key in keys for one in enforcers[key]], at):
            found.append(f"the request at {at:.3f} is {wait:.3f} s too early")
    return found
