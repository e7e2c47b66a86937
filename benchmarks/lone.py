"""A lone answer's plan, better than any that keeps its limit: dynamic programming over the moments at which
text comes.

For one fixed window of `count` requests. Windows are taken one after the other: the cheapest way to open
one with a request at s is known from all windows that were over by then, and within it up to `count`
requests follow. What a request costs depends on the one before it alone (Course.area). Between two deltas
nothing is gained by waiting; what single flight and windows forbid until a moment between two is allowed
from the earlier one on. So the plan's area is a floor, too low by less than a gap between two deltas. A
`strict` plan allows nothing that is forbidden: it can be kept, and no other that acts with a delta is better.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from benchmarks.course import Course
from core.streaming.meters import RateLimit


@dataclass(frozen=True, slots=True)
class _Act:
    """A request at `at`, as the last one so far: the area until it is visible, and how it came to it."""

    at: float
    area: float
    before: _Act | None

    def plan(self) -> list[float]:
        acts = [self]
        while acts[-1].before is not None:
            acts.append(acts[-1].before)
        return [act.at for act in reversed(acts)]


def best_plan(course: Course, limit: RateLimit, *, strict: bool = False) -> list[float] | None:
    """When its requests leave, the first send among them, the ending not; None where nothing is to gain.

    `limit` is that of its edits; the first send draws on another one. A window that is open at the model's
    end keeps a place for the ending, unless it is over soon enough.
    """
    if course.opens >= course.useful_until:
        return None
    send = _Act(course.opens, course.area(None, course.opens), None)
    times = [at for at in course.times if course.opens < at < course.useful_until]
    grid = _Grid([course.opens, *times], strict=strict)
    reached: dict[float, _Act] = {send.at: send}  # by time of the last request in a window that is over
    running: deque[tuple[float, list[_Act]]] = deque()  # windows by when they are over
    best, best_area = send, send.area + course.area(send.at, None)
    for number, opened in enumerate(times):
        while running and running[0][0] <= opened:
            for act in running.popleft()[1]:
                if act.at not in reached or act.area < reached[act.at].area:
                    reached[act.at] = act
        first = _following(course, grid, reached.values(), opened)
        if first is None:
            continue
        over = opened + limit.per_s
        window = times[number : bisect_left(times, over)]
        lasts = over > course.finishes_by
        acts = _within(course, grid, window, first, limit.count - lasts) if limit.count > lasts else []
        running.append((grid.before(over), acts))
        for act in acts:
            if (area := act.area + course.area(act.at, None)) < best_area:
                best, best_area = act, area
    return best.plan()


class _Grid:
    """The moments at which a request may leave."""

    def __init__(self, times: Sequence[float], *, strict: bool) -> None:
        self._times = times
        self._strict = strict

    def before(self, at: float) -> float:
        """From when on what is forbidden until `at` is allowed: if not strict, the last moment before."""
        if self._strict:
            return at - 1e-9
        return self._times[max(0, bisect_right(self._times, at + 1e-9) - 1)]


def _following(course: Course, grid: _Grid, before: Iterable[_Act], at: float) -> _Act | None:
    cheapest, least = None, inf
    for act in before:
        free_at = grid.before(act.at + course.trip_s)
        if act.at < at and free_at <= at and (area := act.area + course.area(act.at, at)) < least:
            cheapest, least = act, area
    return None if cheapest is None else _Act(at, least, cheapest)


def _within(course: Course, grid: _Grid, times: Sequence[float], first: _Act, count: int) -> list[_Act]:
    """The cheapest ways to each of `times` with at most `count` requests from `first` on."""
    cheapest = {first.at: first}
    layer = [first]
    for _ in range(count - 1):
        following = []
        for at in times:
            act = _following(course, grid, layer, at)
            if act is not None:
                following.append(act)
                if at not in cheapest or act.area < cheapest[at].area:
                    cheapest[at] = act
        layer = following
        if not layer:
            break
    return list(cheapest.values())
