"""A lone answer's plan under one fixed window of its edits: dynamic programming over what opens windows.

Windows are taken one after the other: the cheapest way to open one at a moment is known from all windows
that were over by then, and within it up to `count` requests follow.

The plan's area is a floor: a request stands for one at any time until the next moment. So a window lasts as
if it had opened at the next moment, and is over as if it had opened at its own; what is forbidden until a
time between two moments is allowed from the earlier one on. Moments stand in the model's pauses too,
so that this errs little. A `strict` plan does nothing that is forbidden: it can be kept.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from typing import Final

from benchmarks.course import Course
from benchmarks.lone import Moments, Reached, keep_cheaper
from core.streaming.meters import RateLimit

WIDEST_S: Final = 0.15
"""No two moments stand further apart."""


def best_plan(course: Course, limit: RateLimit, *, strict: bool = False) -> list[float] | None:
    """When its requests leave, the first send among them, the ending not; None where nothing is to gain.

    `limit` is that of its edits; the first send draws on another one. A window that is open at the model's
    end keeps a place for the ending, unless it is over soon enough.
    """
    if course.opens >= course.useful_until:
        return None
    deltas = [at for at in course.times if course.opens < at < course.useful_until]
    times = _filled([course.opens, *deltas, course.useful_until])[:-1]
    moments = Moments(course, times, strict=strict)
    over: list[Reached | None] = [None] * len(times)  # the last requests of windows that are over
    over[0] = best = moments.send
    running: deque[tuple[float, Sequence[Reached]]] = deque()  # windows by when they are over
    oldest = 0
    for number in range(1, len(times)):
        opened, ends = times[number], times[number] + limit.per_s
        while running and running[0][0] <= opened:
            keep_cheaper(over, running.popleft()[1])
        if not (first := moments.following(over, range(number, number + 1), oldest)):
            continue
        # No window of now or later follows a request before this one's, and what that costs is settled.
        if (before := first[0].before) is not None and before.at + limit.per_s <= opened:
            oldest = before.number
        count = limit.count - (ends > course.finishes_by)
        if not count:
            continue
        lasts = ends if strict else (*times, course.useful_until)[number + 1] + limit.per_s
        acts = _within(moments, first[0], bisect_left(times, lasts), count)
        running.append((moments.allowed_from(ends), acts))
        best = moments.best(best, *acts)
    return best.plan()


def _filled(times: Sequence[float]) -> list[float]:
    moments = [times[0]]
    for before, at in pairwise(times):
        parts = ceil((at - before) / WIDEST_S)
        moments += [before + (at - before) * part / parts for part in range(1, parts)]
        moments.append(at)
    return moments


def _within(moments: Moments, first: Reached, until: int, count: int) -> Sequence[Reached]:
    """The cheapest ways to all moments before `until` with at most `count` requests from `first` on."""
    cheapest: list[Reached | None] = [None] * until
    layer = [first]
    for _ in range(count - 1):
        keep_cheaper(cheapest, layer)
        acts: list[Reached | None] = [None] * until
        keep_cheaper(acts, layer)
        layer = moments.following(acts, range(first.number + 1, until), first.number)
    keep_cheaper(cheapest, layer)
    return [act for act in cheapest[first.number :] if act is not None]
