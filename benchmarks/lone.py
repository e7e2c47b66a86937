"""A lone answer's plans: which request follows which at what cost. What its limit allows is told by
lone_window.py and lone_bucket.py.

A request leaves at one of some moments, all deltas among them: between two deltas it shows the same text, so
that waiting gains nothing but what a limit gives.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.course import Course
from benchmarks.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Reached:
    """A request, as the last one so far: the area until it is visible, and how it came to it."""

    number: int  # of its moment
    at: float
    area: float
    before: Reached | None

    def plan(self) -> list[float]:
        acts = [self]
        while acts[-1].before is not None:
            acts.append(acts[-1].before)
        return [act.at for act in reversed(acts)]


class Moments:
    """`times`: in order, the first send's before all others."""

    def __init__(self, course: Course, times: Sequence[float], *, strict: bool) -> None:
        self.times = times
        self.send = Reached(0, course.opens, course.area(None, course.opens), None)
        self._course = course
        self._strict = strict
        self._free_at = [self.allowed_from(at + course.trip_s) for at in times]
        self._visible = [course.visible_at(at) for at in times]
        self._since = [course.hidden_since(at) for at in times]

    def allowed_from(self, at: float) -> float:
        """From when on what is forbidden until `at` is allowed: if not strict, the last moment before."""
        return at - 1e-9 if self._strict else self.times[bisect_right(self.times, at + 1e-9) - 1]

    def following(self, acts: Sequence[Reached | None], numbers: range, oldest: int) -> list[Reached]:
        """A request at each of the moments `numbers`, after the cheapest of `acts`, which are by moment; none
        where none comes before it. Those before `oldest` are left out."""
        envelope, entered = Envelope(), oldest
        found = []
        for number in numbers:
            while entered < number and self._free_at[entered] <= self.times[number]:
                if (act := acts[entered]) is not None:
                    seen = max(0.0, self._visible[entered] - self._since[entered]) ** 2 / 2
                    envelope.add(act.area - seen, self._since[entered], entered)
                entered += 1
            area, before = envelope.lowest(self._visible[number])
            if before >= 0:
                found.append(Reached(number, self.times[number], area, acts[before]))
        return found

    def whole_area(self, act: Reached) -> float:
        """If it is the last one before the ending."""
        return act.area + self._course.area(act.at, None)

    def best(self, *acts: Reached) -> Reached:
        return min(acts, key=self.whole_area)


def keep_cheaper(known: list[Reached | None], acts: Sequence[Reached]) -> None:
    """Of the ways to each moment."""
    for act in acts:
        other = known[act.number]
        if other is None or act.area < other.area:
            known[act.number] = act
