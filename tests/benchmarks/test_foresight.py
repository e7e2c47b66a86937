"""The best policy that knows no future: a program over a grid, held against plain recursion and the limit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Final

import pytest

from benchmarks.foresight import STEP_S, shown, solve
from benchmarks.measures import age_ramps, mean_of_age
from benchmarks.scenarios import BURST_S, PACES, PAUSE_S, ROUND_TRIP_S, SETTINGS, scenario
from bots.sandbox.limits import Enforcer, Window
from core.streaming.meters import RateLimit

_STEPS: Final = 9
_LIMIT: Final = RateLimit(3, 6 * STEP_S)


def _alive(lasted: int, least_s: float, most_s: float) -> float:
    """How likely a phase that has lasted so many steps lasts for another."""
    now, then = (min(1.0, (most_s - step * STEP_S) / (most_s - least_s)) for step in (lasted, lasted + 1))
    return max(0.0, then) / now if now > 0.0 else 0.0


@cache
def _paid(steps: int, phase: tuple[bool, int], hidden: int, window: tuple[int, int]) -> tuple[float, float]:
    """What is paid in so many steps if it waits now, and if it goes. `phase`: whether it talks, for how many
    steps; `hidden`: 0, or one more than its age; `window`: steps since it opened, requests taken."""
    (talking, lasted), (begun, taken) = phase, window

    def later(hidden: int, begun: int, taken: int) -> float:
        if steps == 1:
            return 0.0
        begun, taken = (begun + 1, taken) if taken and begun + 1 < 6 else (0, 0)
        on = _alive(lasted, *(BURST_S if talking else PAUSE_S))
        same = min(_paid(steps - 1, (talking, lasted + 1), max(hidden, int(talking)), (begun, taken)))
        other = min(_paid(steps - 1, (not talking, 0), max(hidden, int(not talking)), (begun, taken)))
        return on * same + (1 - on) * other

    cost = ((hidden - 1) * STEP_S + STEP_S / 2 + ROUND_TRIP_S / 2) * STEP_S if hidden else 0.0
    waits = cost + later(hidden + 1 if hidden else 0, begun, taken)
    over_within_a_slot = begun >= 6 - 2
    may = hidden and (taken < 2 or (taken == 2 and over_within_a_slot))
    return waits, later(0, begun if taken else 0, taken + 1) if may else float("inf")


def test_it_goes_where_plain_recursion_says_that_it_pays() -> None:
    best, asked = solve(_LIMIT, _STEPS * STEP_S), 0
    for talking in (True, False):
        for lasted in range(4):
            for hidden in range(1, 8):
                for begun, taken in [(0, 0), *((begun, taken) for begun in range(6) for taken in (1, 2, 3))]:
                    waits, goes = _paid(_STEPS, (talking, lasted), hidden, (begun, taken))
                    if abs(waits - goes) > 1e-5:
                        window = 1 + begun * 3 + taken - 1 if taken else 0
                        table = best.talks if talking else best.pauses
                        assert table[lasted, hidden, window] == (goes < waits)
                        asked += 1
    assert asked > 300


@pytest.mark.parametrize("limit", [RateLimit(5, 5.0), RateLimit(3, 4.0)])
def test_it_keeps_the_limit_and_leaves_room_for_the_ending(limit: RateLimit) -> None:
    best = solve(replace(limit, per_s=limit.per_s + ROUND_TRIP_S), horizon_s=1.0)
    timeline = scenario(SETTINGS[0], next(pace for pace in PACES if pace.name == "bursty long"), "documented")
    platform = Enforcer(Window(limit.count, limit.per_s))
    seen = shown(timeline.streams[0].timeline, best)
    assert len(seen) > 20
    for at, _ in seen[1:]:
        assert platform.take(at) == 0.0
        if not platform.remaining(at):
            assert platform.reset_after(at) <= limit.slot_s + ROUND_TRIP_S
    answer = timeline.streams[0].timeline
    assert 0.0 < mean_of_age(age_ramps(answer, seen), answer.span_s) < 1.0
