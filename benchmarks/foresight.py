"""What knowing the future is worth: the best that an answer alone can do which knows how bursty models speak,
and not what this one says next.

    .venv/bin/python -m benchmarks.foresight

The floor (floor.py) knows every delta beforehand, and no policy does. This one is found by dynamic
programming over all that can be known at a moment: for how long the model has talked or paused, how old the
oldest hidden text is, how much of the window of its edits is gone and how many are left. It knows the laws by
which bursts and pauses are drawn (scenarios.py), and keeps what Sluice keeps: the limit with its reserve, and
an ending that waits no longer than a slot. What it is above the floor, but for its grid, nobody can save who
does not know more.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import accumulate, chain, pairwise
from operator import mul
from typing import Any, Final, TypeAlias

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.floor import floor
from benchmarks.measures import Shown, age_ramps, mean_of_age
from benchmarks.ours import Sluice
from benchmarks.scenarios import (
    BURST_S,
    PACES,
    PAUSE_S,
    PROFILES,
    ROUND_TRIP_S,
    SETTINGS,
    Scenario,
    Timeline,
    scenario,
    text_of,
)  # fmt: skip
from benchmarks.simulator import play
from core.streaming.meters import RateLimit
from core.streaming.wants import FIRST_WAIT_S, is_enough

STEP_S: Final = 0.05
"""Of the program's time. A burst's deltas come at least as often, so each step of it brings one."""
OLDEST_S: Final = 3.0
"""Text that is older counts as this old."""
HORIZON_S: Final = 30.0
"""So far ahead it is played; what follows no longer changes a decision now."""
TICK_S: Final = 0.01
"""How often it decides, when it is played."""
ANSWERS: Final = 16
Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
Bools: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Foresight:
    """Whether a preview goes, by how long the model `talks` or `pauses`, the hidden text's age, and the
    window: 0 where none is open, else 1 + steps since it opened x count + requests taken - 1."""

    limit: RateLimit  # with the reserve
    talks: Bools
    pauses: Bools

    def goes(
        self, talked_s: float | None, paused_s: float, hidden_s: float, left_s: float, taken: int
    ) -> bool:
        """`talked_s`: None while it pauses, for `paused_s` by now. `left_s`, `taken`: of an open window."""
        steps = _steps(self.limit.per_s)
        window = (
            1 + min(steps - 1, max(0, steps - _steps(left_s))) * self.limit.count + taken - 1 if taken else 0
        )
        table, since_s = (self.pauses, paused_s) if talked_s is None else (self.talks, talked_s)
        return bool(
            table[min(len(table) - 1, int(since_s / STEP_S)), min(_OLDEST, 1 + _steps(hidden_s)), window]
        )


def _steps(seconds: float) -> int:
    return round(seconds / STEP_S)


_OLDEST: Final = _steps(OLDEST_S)


def solve(limit: RateLimit, horizon_s: float = HORIZON_S) -> Foresight:
    """`limit`: of the answer's edits, with its reserve. Half a minute of work for 5 in 5 s."""
    talks_on, pauses_on, grid = _lasts(*BURST_S), _lasts(*PAUSE_S), _Grid(limit)
    talking, pausing = grid.nothing(len(talks_on)), grid.nothing(len(pauses_on))
    talked = paused = np.zeros(1, np.bool_)
    for _ in range(_steps(horizon_s)):
        heard = talking[:, grid.with_delta, :]
        go_on, stay = _mixed(talks_on, heard, pausing[0]), _mixed(pauses_on, pausing, heard[0])
        (talking, talked), (pausing, paused) = grid.decide(go_on), grid.decide(stay)
    return Foresight(limit, talked, paused)


def _lasts(least_s: float, most_s: float) -> Floats:
    """By step, how likely what lasts evenly between the two lasts for another one."""
    at = np.arange(_steps(most_s) + 2) * STEP_S
    alive = np.clip((most_s - at) / (most_s - least_s), 0.0, 1.0)
    return np.where(alive[:-1] > 0, alive[1:] / np.maximum(alive[:-1], 1e-9), 0.0).astype(np.float32)


def _mixed(lasts: Floats, same: Floats, other: Floats) -> Floats:
    """What is to come: the phase goes on, or the other one begins."""
    on = np.minimum(np.arange(len(lasts)) + 1, len(lasts) - 1)
    mixed: Floats = lasts[:, None, None] * same[on] + (1 - lasts)[:, None, None] * other[None]
    return mixed


class _Grid:
    """What is known at a moment beside the model's phase: the age of the hidden text in steps, 0 where
    nothing is hidden and else one more, and the window."""

    def __init__(self, limit: RateLimit) -> None:
        ages = np.arange(_OLDEST + 1)
        self.with_delta = np.maximum(ages, 1)
        self._older = np.where(ages > 0, np.minimum(ages + 1, _OLDEST), 0)
        age_s = np.maximum(0, ages - 1) * STEP_S + STEP_S / 2 + ROUND_TRIP_S / 2  # until it is visible
        self._cost = np.where(ages > 0, age_s * STEP_S, 0.0).astype(np.float32)[None, :, None]
        steps, count = _steps(limit.per_s), limit.count
        begun, taken = np.repeat(np.arange(steps), count), np.tile(np.arange(1, count + 1), steps)
        self._later = _with_none(0, np.where(begun + 1 < steps, 1 + (begun + 1) * count + taken - 1, 0))
        # The last request is the ending's, unless the window is over within a slot.
        may = (taken < count - 1) | ((taken < count) & (begun >= steps - _steps(limit.slot_s)))
        self._may = _with_none(True, may)
        self._asked = _with_none(1, np.where(may, 1 + begun * count + taken, 0))

    def nothing(self, phases: int) -> Floats:
        return np.zeros((phases, len(self._older), len(self._later)), np.float32)

    def decide(self, to_come: Floats) -> tuple[Floats, Bools]:
        """What is paid from now on, and where a request pays."""
        waits: Floats = self._cost + to_come[:, self._older, :][:, :, self._later]
        goes: Floats = np.where(self._may, to_come[:, :1, :][:, :, self._later[self._asked]], np.inf)
        better = goes < waits
        better[:, 0, :] = False
        return np.where(better, goes, waits), better


def _with_none(no_window: int, windows: Any) -> Any:
    return np.concatenate([[no_window], windows])


def shown(timeline: Timeline, best: Foresight) -> list[Shown]:
    """What it makes visible when, of one answer, until the model's end."""
    times = [at for at, _ in timeline.deltas]
    lengths = list(accumulate(characters for _, characters in timeline.deltas))
    starts = [times[0], *(at for before, at in pairwise(times) if at - before > PAUSE_S[0] / 2)]  # of bursts
    seen: list[Shown] = []
    sent, taken, now = 0, 0, times[0]
    free_at = over_at = now
    while now < timeline.ended_at:
        come = bisect_right(times, now + 1e-9)
        taken = taken if now < over_at else 0
        if not seen:
            goes = is_enough(text_of(lengths[come - 1])) or now >= times[0] + FIRST_WAIT_S
        else:
            paused_s = now - times[come - 1]
            talked_s = now - starts[bisect_right(starts, now + 1e-9) - 1] if paused_s <= STEP_S else None
            # The reserve is waited for: by the platform's count a window may be over, and another one begin.
            counted = taken and now + ROUND_TRIP_S >= over_at
            ready = now >= free_at and sent < come and taken < best.limit.count and not counted
            goes = ready and best.goes(talked_s, paused_s, now - times[sent], over_at - now, taken)
        if goes:
            over_at = over_at if taken else now + best.limit.per_s
            taken += bool(seen)
            seen.append((now + ROUND_TRIP_S / 2, lengths[come - 1]))
            sent, free_at = come, now + ROUND_TRIP_S
        now += TICK_S
    return seen


def main() -> None:
    table = Table("Timelines", "Limits", "floor s", "blind s", "Sluice s", "blind/floor", "Sluice/floor")
    setting = SETTINGS[0]
    for profile in PROFILES:
        best: Foresight | None = None
        for pace in (pace for pace in PACES if pace.name.startswith("bursty")):
            played: list[Scenario] = [
                scenario(setting, pace, profile, seed) for seed in range(1, ANSWERS + 1)
            ]
            limit = played[0].limits["edit"][0]
            best = best or solve(replace(limit, per_s=limit.per_s + ROUND_TRIP_S))
            timelines = [one.streams[0].timeline for one in played]
            records = [play(one, Sluice(one)) for one in played]
            seen = [record.shown[0] for record in records]
            spans_s = [one.span_s for one in timelines]
            ours = mean_of_age(chain(*map(age_ramps, timelines, seen)), sum(spans_s))
            unseen = [shown(one, best) for one in timelines]
            blind = mean_of_age(chain(*map(age_ramps, timelines, unseen)), sum(spans_s))
            floors_s = [floor(one).mean_age_s for one in played]
            lowest = sum(map(mul, floors_s, spans_s)) / sum(spans_s)
            figures = (lowest, blind, ours, blind / lowest, ours / lowest)
            table.add_row(pace.name, profile, *(f"{figure:.3f}" for figure in figures))
    Console().print(table)


if __name__ == "__main__":
    main()
