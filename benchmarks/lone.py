"""The best plan of an answer that shares its limit with no other: exact, by dynamic programming.

For one fixed window of `count` requests. Windows are taken one after the other: the cheapest way to open
one with a request at s is known from all windows that were over by then, and within it up to `count`
requests follow. What a request costs depends on the one before it alone (Course.area).
"""

from __future__ import annotations

from bisect import bisect_left
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


def best_plan(course: Course, limit: RateLimit) -> list[float] | None:
    """When its requests leave, the first send among them, the ending not; None where nothing is to gain.

    `limit` is that of its edits; the first send draws on another one. A window that is open at the model's
    end keeps a place for the ending, unless it is over soon enough.
    """
    if course.opens >= course.useful_until:
        return None
    send = _Act(course.opens, course.area(None, course.opens), None)
    times = [at for at in course.times if course.opens + course.trip_s <= at < course.useful_until]
    reached: dict[float, _Act] = {send.at: send}  # by time of the last request in a window that is over
    running: deque[tuple[float, list[_Act]]] = deque()  # windows by when they are over
    best, best_area = send, send.area + course.area(send.at, None)
    for number, opened in enumerate(times):
        while running and running[0][0] <= opened + 1e-9:
            for act in running.popleft()[1]:
                if act.at not in reached or act.area < reached[act.at].area:
                    reached[act.at] = act
        first = _following(course, reached.values(), opened)
        if first is None:
            continue
        window = times[number : bisect_left(times, opened + limit.per_s - 1e-9)]
        lasts = opened + limit.per_s > course.finishes_by
        acts = _within(course, first, window, limit.count - lasts) if limit.count > lasts else []
        running.append((opened + limit.per_s, acts))
        for act in acts:
            if (area := act.area + course.area(act.at, None)) < best_area:
                best, best_area = act, area
    return best.plan()


def _following(course: Course, before: Iterable[_Act], at: float) -> _Act | None:
    cheapest, least = None, inf
    for act in before:
        if act.at + course.trip_s <= at + 1e-9 and (area := act.area + course.area(act.at, at)) < least:
            cheapest, least = act, area
    return None if cheapest is None else _Act(at, least, cheapest)


def _within(course: Course, first: _Act, times: Sequence[float], count: int) -> list[_Act]:
    """The cheapest ways to each of `times` with at most `count` requests from `first` on."""
    cheapest = {first.at: first}
    layer = [first]
    for _ in range(count - 1):
        following = []
        for at in times:
            act = _following(course, layer, at)
            if act is not None:
                following.append(act)
                if at not in cheapest or act.area < cheapest[at].area:
                    cheapest[at] = act
        layer = following
        if not layer:
            break
    return list(cheapest.values())
