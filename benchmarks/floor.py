"""The clairvoyant floor: a mean age of visible text that no schedule can undercut, even one that knows
the future, under the same limits, round trip, single flight, first-send rule and endings first.

The law (its proof is in docs/pacing.md): give every interval of every bucket a price >= 0 per request.
What all streams cost together when each one minimises its own age plus the prices of its requests, less
the prices of all the places that the intervals have, is a lower bound, whatever the prices are. Good
prices come from subgradient steps. Beside the bound stands the best schedule that was found.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from math import ceil, inf
from operator import add
from typing import Final

from benchmarks import lone_bucket, lone_window
from benchmarks.clairvoyant import Plan, finished, improve, place
from benchmarks.course import Act, Course, Keys, courses
from benchmarks.envelope import Envelope
from benchmarks.scenarios import Scenario
from core.streaming.meters import RateLimit
from core.streaming.operations import BucketKey

ITERATIONS: Final = 120
CELLS: Final = 64
"""Into about so many cells a bucket's time is cut; intervals begin and end on their borders."""
ROUNDING_S: Final = 1e-5
PATIENCE: Final = 6
"""After so many steps that brought nothing the steps are halved."""


@dataclass(frozen=True)
class Floor:
    """Seconds. `mean_age_s` <= the optimum <= `feasible_mean_age_s`; `gap` is their ratio less 1.

    `final_lag_mean_s` is that of the feasible schedule.
    """

    mean_age_s: float
    feasible_mean_age_s: float
    gap: float
    final_lag_mean_s: float


def floor(
    scenario: Scenario,
    starts: Sequence[Sequence[float]] = (),
    *,
    iterations: int = ITERATIONS,
) -> Floor:
    """`starts`: by stream, the times of a schedule to better, as one that a policy found. Raises ValueError
    for a stream without text."""
    scenario = scenario.with_reserves()
    everyone = courses(scenario)
    span_s = sum(course.span_s for course in everyone)
    bound = area = lag = 0.0
    for members in _groups(everyone, scenario):
        group = [everyone[number] for number in members]
        if (best_plan := _lone_program(group, scenario)) is not None:
            lowest = group[0].total_area(best_plan() or [])
            plans = [finished(group[0], best_plan(strict=True) or [], scenario)]
        else:
            solved = _Relaxation(group, scenario).solve(iterations)
            lowest, plans = solved.bound, [solved.plan]
        if starts:
            plans.append(improve(group, [_usable(everyone[one], starts[one]) for one in members], scenario))
        best = min(plans, key=lambda one: one.area)
        bound, area, lag = bound + lowest, area + best.area, lag + best.final_lag
    if span_s <= 0.0:
        return Floor(0.0, 0.0, 0.0, lag / len(everyone))
    gap = area / bound - 1.0 if bound > 0.0 else (0.0 if area <= 0.0 else inf)
    return Floor(bound / span_s, area / span_s, gap, lag / len(everyone))


def _usable(course: Course, times: Sequence[float]) -> list[Act]:
    """The send as the rule has it, and what follows before the model's end."""
    if course.opens >= course.useful_until:
        return []
    following = (at for at in times if course.opens + course.trip_s <= at < course.useful_until)
    return course.acts([course.opens, *following])


def _lone_program(group: Sequence[Course], scenario: Scenario) -> Callable[..., list[float] | None] | None:
    """What finds the plan of an answer that shares no limit and has one way, if a single limit may bind, and
    that is a window of its edits alone or a token bucket of all its requests: then a tight floor is known."""
    if len(group) > 1 or len(group[0].edits) > 1:
        return None
    [course] = group
    binding = {
        (key, limit)
        for key in course.edits[0]
        for limit in scenario.limits.get(key.family, ())
        if limit.slot_s > course.trip_s
    }
    if len(binding) != 1:
        return None
    [(key, limit)] = binding
    tokens = limit in scenario.token_buckets
    if tokens != (key in course.send):
        return None
    return partial(lone_bucket.best_plan if tokens else lone_window.best_plan, course, limit)


def _groups(everyone: Sequence[Course], scenario: Scenario) -> list[list[int]]:
    """Streams that share no limited bucket are solved apart."""
    groups: list[tuple[set[BucketKey], list[int]]] = []
    for number, course in enumerate(everyone):
        keys = {key for key in course.keys if scenario.limits.get(key.family)}
        members = [number]
        apart = []
        for others, group in groups:
            if keys.isdisjoint(others):
                apart.append((others, group))
            else:
                keys |= others
                members = [*group, *members]
        groups = [*apart, (keys, members)]
    return [members for _, members in groups]


class _Intervals:
    """One limit of one bucket: how many requests fit into which intervals, and at what price.

    A fixed window opens with a request, so at most m of them are touched in the first m lengths, and
    m + 1 in m lengths anywhere. A token bucket gives its burst and what flows in meanwhile.
    """

    def __init__(self, key: BucketKey, limit: RateLimit, members: Sequence[Course], *, tokens: bool) -> None:
        self.members = members
        begins = min(course.opens if key in course.send else course.edits_from for course in members)
        ends = max(course.finishes_by for course in members) + 3 * ROUNDING_S
        slot_s = limit.per_s / limit.count
        wanted_s = (ends - begins) / CELLS
        unit = (
            max(1, ceil(wanted_s / slot_s)) if tokens else limit.count * max(1, ceil(wanted_s / limit.per_s))
        )
        cells = max(1, ceil((ends - begins) / (unit * slot_s)))
        self.per_member_s = 1.0 / (slot_s * len(members))
        self.borders = [begins + number * unit * slot_s for number in range(cells + 1)]
        self.spans: list[tuple[int, int]] = [(0, cell + 1) for cell in range(cells)]
        length = 1
        while length < cells:
            step = max(1, length // 2)
            self.spans += [(start, start + length) for start in range(step, cells - length + 1, step)]
            length *= 2
        # Half-open intervals: the token that comes at an interval's very end comes too late.
        self.places = [
            unit * (end - start) + (limit.count - 1 if tokens else limit.count if start else 0)
            for start, end in self.spans
        ]
        self.prices = [0.0] * len(self.spans)
        self.used = [0] * cells

    def cell(self, at: float) -> int:
        """A platform's clock rounds: what comes at a border comes after it."""
        return max(0, bisect_right(self.borders, at + ROUNDING_S) - 1)

    def cell_prices(self) -> list[float]:
        changes = [0.0] * (len(self.borders) + 1)
        for (start, end), price in zip(self.spans, self.prices, strict=True):
            changes[start] += price
            changes[end] -= price
        return list(accumulate(changes))

    def value(self) -> float:
        return sum(price * places for price, places in zip(self.prices, self.places, strict=True) if price)

    def excess(self) -> list[float]:
        """By how much the requests exceed the places: the slope of the bound by each price."""
        upto = [0, *accumulate(self.used)]
        return [
            float(upto[end] - upto[start] - places)
            for (start, end), places in zip(self.spans, self.places, strict=True)
        ]

    def charge(self, share: float) -> None:
        """First prices: those under which streams at an even pace share the places evenly. An edit every
        L seconds costs L**2 / 2 of age, and its price must be as much. `share`: of a stream's edits, those
        that go this way."""
        lives = [(course.begins, course.ends) for course in self.members]
        ends = max(end for _, end in lives)
        upto = [sum(max(0.0, min(end, border) - begin) for begin, end in lives) for border in self.borders]
        level = 0.0
        for cell in reversed(range(len(self.used))):  # the first spans are those from the beginning
            if self.borders[cell] >= ends:
                continue
            busy_s = share * (upto[cell + 1] - upto[cell]) / self.places[0]
            price = max(level, busy_s**2 / 2)
            self.prices[cell] += price - level
            level = price


@dataclass(frozen=True, slots=True)
class _WayPrices:
    """What a request that goes one way costs at each of some times: the cells of each limit in which these
    lie."""

    keys: Keys
    cells: tuple[tuple[_Intervals, list[int]], ...]

    def now(self, by_cell: dict[int, list[float]], times: int) -> list[float]:
        total = [0.0] * times
        for limit, cells in self.cells:
            prices = by_cell[id(limit)]
            if any(prices):
                total = list(map(add, total, map(prices.__getitem__, cells)))
        return total

    def at(self, number: int, by_cell: dict[int, list[float]]) -> float:
        return sum(by_cell[id(limit)][cells[number]] for limit, cells in self.cells)


class _Prices:
    """The same for a request that may go any of some ways: the price of the cheapest."""

    def __init__(self, ways: Sequence[tuple[Keys, Sequence[_Intervals]]], times: list[float]) -> None:
        self.times = times
        self._ways = [
            _WayPrices(keys, tuple((limit, [limit.cell(at) for at in times]) for limit in limits))
            for keys, limits in ways
        ]

    def now(self, by_cell: dict[int, list[float]]) -> list[float]:
        first, *others = (way.now(by_cell, len(self.times)) for way in self._ways)
        return list(map(min, first, *others)) if others else first

    def book(self, number: int, by_cell: dict[int, list[float]]) -> Act:
        way = min(self._ways, key=lambda way: way.at(number, by_cell))
        for limit, cells in way.cells:
            limit.used[cells[number]] += 1
        return Act(self.times[number], way.keys)


class _Path:
    """The times at which one stream may act, the first of them being its send, and its cheapest plan under
    prices.

    Times between two of them need no look: acting at the earlier one shows the same text sooner at the
    same price. The single flight is kept to this grid, downwards.
    """

    def __init__(self, course: Course, limits: Mapping[BucketKey, Sequence[_Intervals]]) -> None:
        self.course = course
        borders = {border for key in course.keys for limit in limits[key] for border in limit.borders}
        send, *edits = (
            (keys, [limit for key in keys for limit in limits[key]]) for keys in (course.send, *course.edits)
        )
        times = sorted(
            at for at in {course.opens, *course.times, *borders} if course.opens <= at < course.useful_until
        )
        self.send, self.edit = _Prices([send], times), _Prices(edits, times)
        finals = sorted(at for at in {course.ends, *borders} if course.ends <= at <= course.finishes_by)
        self.final_send, self.final_edit = _Prices([send], finals), _Prices(edits, finals)
        self._visible = [course.visible_at(at) for at in times]
        self._since = [course.hidden_since(at) for at in times]
        self._seen = [
            max(0.0, at - since) ** 2 / 2 for at, since in zip(self._visible, self._since, strict=True)
        ]
        self._rest = [
            (course.ends - since) ** 2 / 2 - seen for since, seen in zip(self._since, self._seen, strict=True)
        ]
        self._free = [
            max(number + 1, bisect_right(times, at + course.trip_s - 1e-9) - 1)
            for number, at in enumerate(times)
        ]

    def cheapest(self, by_cell: dict[int, list[float]]) -> tuple[float, list[Act]]:
        """The least area plus prices, and the plan that has it; its requests are booked."""
        costs, before = self._costs(self.send.now(by_cell), self.edit.now(by_cell))
        final_send, final_edit = self.final_send.now(by_cell), self.final_edit.now(by_cell)
        totals = list(map(add, costs, self._rest))
        last = min(range(len(totals)), key=totals.__getitem__, default=-1)
        if last < 0:  # the ending is the send
            self.final_send.book(final_send.index(min(final_send)), by_cell)
            return self.course.span_s**2 / 2 + min(final_send), []
        value = totals[last] + min(final_edit)
        self.final_edit.book(final_edit.index(min(final_edit)), by_cell)
        plan = []
        while last >= 0:
            plan.append((self.edit if before[last] >= 0 else self.send).book(last, by_cell))
            last = before[last]
        return value, plan[::-1]

    def _costs(self, send: list[float], edit: list[float]) -> tuple[list[float], list[int]]:
        """By time: the least cost up to where an act then is visible, and the act before (-1: none).

        An act that hides nothing before `since` costs, when the next is seen at x, a + (x - since)**2 / 2.
        """
        begins, visible, since, seen, free = (
            self.course.begins,
            self._visible,
            self._since,
            self._seen,
            self._free,
        )
        costs: list[float] = []
        before: list[int] = []
        curves = Envelope()
        entered = 0
        for number, x in enumerate(visible):
            while entered < number and free[entered] <= number:
                curves.add(costs[entered] - seen[entered], since[entered], entered)
                entered += 1
            cost, previous = (inf, -1) if number else ((x - begins) ** 2 / 2 + send[0], -1)
            least, act = curves.lowest(x)
            if least + edit[number] < cost:
                cost, previous = least + edit[number], act
            costs.append(cost)
            before.append(previous)
        return costs, before


@dataclass(frozen=True, slots=True)
class _Solved:
    bound: float  # of the area, in square seconds
    plan: Plan


class _Relaxation:
    """The streams of one group, the intervals that they share, and the search for good prices."""

    def __init__(self, group: Sequence[Course], scenario: Scenario) -> None:
        self._group = group
        self._scenario = scenario
        users: dict[BucketKey, list[Course]] = {}
        for course in group:
            for key in course.keys:
                users.setdefault(key, []).append(course)
        self._limits = {
            key: [
                _Intervals(key, limit, members, tokens=limit in scenario.token_buckets)
                for limit in scenario.limits.get(key.family, ())
            ]
            for key, members in users.items()
        }
        self._all = [limit for limits in self._limits.values() for limit in limits]
        for edits in dict.fromkeys(course.edits for course in group):
            self._charge(edits)
        self._paths = [_Path(course, self._limits) for course in group]

    def _charge(self, ways: Sequence[Keys]) -> None:
        """First prices for the limit of each way that binds most."""
        limits = ([limit for key in keys for limit in self._limits[key]] for keys in ways)
        binding = [min(one, key=lambda limit: limit.per_member_s) for one in limits if one]
        for limit in binding:
            if not any(limit.prices):
                limit.charge(limit.per_member_s / sum(one.per_member_s for one in binding))

    def solve(self, iterations: int) -> _Solved:
        bound, plans = self._evaluate()
        best, best_prices, best_plans = bound, [limit.prices for limit in self._all], plans
        target = place(self._group, plans, self._scenario).area
        scale, idle = 1.0, 0
        for _ in range(iterations):
            if target - best <= 1e-3 * target or not self._step(scale * (target - bound)):
                break
            bound, plans = self._evaluate()
            idle += 1
            if bound > best:
                idle = 0 if bound > best + 1e-3 * (target - best) else idle
                best, best_prices, best_plans = bound, [limit.prices for limit in self._all], plans
            elif idle >= PATIENCE:
                scale, idle = scale / 2, 0
                for limit, prices in zip(self._all, best_prices, strict=True):
                    limit.prices = prices
                bound, plans = self._evaluate()
        return _Solved(max(0.0, best), improve(self._group, best_plans, self._scenario))

    def _evaluate(self) -> tuple[float, list[list[Act]]]:
        """The bound under the prices of now, and each stream's own plan."""
        for limit in self._all:
            limit.used = [0] * len(limit.used)
        by_cell = {id(limit): limit.cell_prices() for limit in self._all}
        found = [path.cheapest(by_cell) for path in self._paths]
        paid = sum(limit.value() for limit in self._all)
        return sum(value for value, _ in found) - paid, [plan for _, plan in found]

    def _step(self, missing: float) -> bool:
        """Move the prices along the excess, as far as would close `missing` on a straight line. A limit's
        excess adds up over all that share it: it is taken for each of them."""
        slopes = [limit.excess() for limit in self._all]
        norm = sum(
            slope * slope / len(limit.members)
            for limit, excess in zip(self._all, slopes, strict=True)
            for slope, price in zip(excess, limit.prices, strict=True)
            if slope > 0.0 or price > 0.0
        )
        if norm == 0.0:
            return False
        step = missing / norm
        for limit, excess in zip(self._all, slopes, strict=True):
            limit.prices = [
                max(0.0, price + step * slope / len(limit.members))
                for price, slope in zip(limit.prices, excess, strict=True)
            ]
        return True
