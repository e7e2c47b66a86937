"""A lone answer's plan under one token bucket: dynamic programming over the moments of its requests and the
time from which on the bucket would be full again.

Each request puts that time off by a slot, counted from itself where the bucket is full already; none may
leave more than `count` - 1 slots before it. So this one time is all that a bucket knows of its past. It is
rounded to a grid only where it begins anew at a request, and a slot is a whole number of the grid's steps:
rounding does not add up, and errs by less than a step.

A request leaves with a delta, or when the token comes that it waits for. The plan's area is a floor: times
are rounded down, and what single flight forbids until a time between two moments is allowed from the
earlier one on. A `strict` plan rounds up and does nothing that is forbidden: it can be kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import floor
from typing import Final

from benchmarks.course import Course
from benchmarks.lone import Moments, Reached, keep_cheaper
from core.streaming.meters import RateLimit

STEPS: Final = 32
"""So many make a slot."""
ROUNDING_S: Final = 1e-5
"""A platform's clock rounds: it may grant a token so much too early."""


def best_plan(course: Course, limit: RateLimit, *, strict: bool = False) -> list[float] | None:
    """When its requests leave, the first send among them, the ending not; None where nothing is to gain.

    All of them draw on `limit`, which is full before the send. The ending binds none of them: whatever left
    before the model's end, a token has come a slot later.
    """
    if course.opens >= course.useful_until:
        return None
    program = _Program(course, limit, strict=strict)
    return program.solve().plan()


class _Program:
    """Times at which the bucket would be full are told in steps from the send."""

    def __init__(self, course: Course, limit: RateLimit, *, strict: bool) -> None:
        self._opens = course.opens
        self._step_s = limit.slot_s / STEPS
        self._ahead = (limit.count - 1) * STEPS
        self._late_s, self._early_s = (0.0, 0.0) if strict else (self._step_s, ROUNDING_S)
        lasts_s = course.useful_until - course.opens
        self._full_times = range(STEPS, floor((lasts_s + self._early_s) / self._step_s) + self._ahead + 1)
        tokens = [self._token_at(full) for full in self._full_times if full > self._ahead]
        times = {at for at in (*course.times, *tokens) if course.opens < at < course.useful_until}
        self._moments = Moments(course, [course.opens, *sorted(times)], strict=strict)

    def _token_at(self, full: int) -> float:
        """From when on a request may leave, if the bucket would be full at `full`."""
        return self._opens + (full - self._ahead) * self._step_s - self._early_s

    def _may_act(self, full: int) -> range:
        """The moments of requests that put `full` off by a slot: those at which it is not past yet."""
        times, until = self._moments.times, self._opens + full * self._step_s + self._late_s
        return range(bisect_left(times, self._token_at(full)), bisect_right(times, until))

    def solve(self) -> Reached:
        moments = self._moments
        best = moments.send
        cheapest: list[Reached | None] = [None] * len(moments.times)  # if it is full by now, or earlier
        coming = {STEPS: [moments.send]}
        oldest = 0
        for full in self._full_times:
            keep_cheaper(cheapest, coming.pop(full, ()))
            acts = coming[full + STEPS] = moments.following(cheapest, self._may_act(full), oldest)
            best = moments.best(best, *acts)
            # No request of now or later follows one before the first one's, and what that costs is settled:
            # the bucket would be full by now whatever came before it.
            before = acts[0].before if acts else None
            if before is not None and before.at < self._token_at(full - STEPS - 1):
                oldest = before.number
        return best
