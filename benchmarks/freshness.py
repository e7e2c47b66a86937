"""Freshness: every policy in every scenario, on the same timelines and limits, in virtual time.

Deterministic: the same source gives the same table on any machine. Beside the policies stand the floor that
no schedule can undercut and the best schedule found by any means, this one's or a policy's (floor.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any, Final

from benchmarks.floor import Floor, floor
from benchmarks.measures import Measures, Record, measure
from benchmarks.ours import Sluice
from benchmarks.peers import PEERS, PeerPolicy
from benchmarks.scenarios import Scenario, scenarios
from benchmarks.simulator import Policy, play

OURS: Final = "Sluice"


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario: by policy what it is judged by, ours first, and what was possible. Times in seconds."""

    setting: str
    timelines: str
    profile: str
    answers: int
    slot_s: float  # of the binding limit, for one answer
    policies: Mapping[str, Measures]
    floor: Floor
    best_mean_age_s: float  # of the best schedule found, by the search or by a policy without a refusal

    @property
    def ours(self) -> Measures:
        return self.policies[OURS]

    @property
    def best_peer(self) -> Measures | None:
        """The freshest peer that completes all answers."""
        whole = [found for name, found in self.policies.items() if name != OURS and not found.incomplete]
        return min(whole, key=lambda found: found.mean_age_s, default=None)

    @property
    def to_floor(self) -> float:
        return _ratio(self.ours.mean_age_s, self.floor.mean_age_s)

    @property
    def to_best(self) -> float:
        return _ratio(self.ours.mean_age_s, self.best_mean_age_s)

    @property
    def age_to_peer(self) -> float:
        return _ratio(self.ours.mean_age_s, self.best_peer.mean_age_s) if self.best_peer else 0.0

    @property
    def lag_to_peer(self) -> float:
        """Of the mean final lags: ours to that of the freshest peer."""
        return _ratio(self.ours.final_lag_mean_s, self.best_peer.final_lag_mean_s) if self.best_peer else 0.0

    def as_json(self) -> dict[str, Any]:
        ratios = {"to_floor": self.to_floor, "to_best": self.to_best}
        return {**asdict(self), **ratios, "age_to_peer": self.age_to_peer, "lag_to_peer": self.lag_to_peer}


def _ratio(ours: float, theirs: float) -> float:
    return ours / theirs if theirs > 0.0 else float("inf") if ours > 0.0 else 1.0


def policies(scenario: Scenario) -> Iterator[tuple[str, Policy]]:
    yield OURS, Sluice(scenario)
    for peer in PEERS:
        yield f"{peer.name} ({peer.whose})", PeerPolicy(scenario, peer)


def examine(scenario: Scenario) -> Result:
    """Play every policy, and find out what was possible."""
    records = {name: play(scenario, policy) for name, policy in policies(scenario)}
    measured = {name: measure(scenario, record) for name, record in records.items()}
    ours = _times(records[OURS], scenario)
    possible = floor(scenario, ours)
    feasible = [found.mean_age_s for found in measured.values() if not found.refused]
    return Result(
        scenario.name,
        scenario.timelines,
        scenario.profile,
        len(scenario.streams),
        _slot_s(scenario),
        measured,
        possible,
        min([possible.feasible_mean_age_s, *feasible]),
    )


def _times(record: Record, scenario: Scenario) -> Sequence[Sequence[float]]:
    return [[at - scenario.round_trip_s / 2 for at, _ in shown] for shown in record.shown]


def _slot_s(scenario: Scenario) -> float:
    """Of the way that grants the soonest."""
    return min(
        max(
            limit.slot_s
            for keys in way.values()
            for key in keys
            for limit in scenario.limits.get(key.family, ())
        )
        for way in scenario.streams[0].ways
    )


def run(*, quick: bool = False, progress: Callable[[str], None] = lambda _: None) -> list[Result]:
    """All scenarios, in their own order; `progress` hears of each that is done."""
    everything = list(scenarios(quick=quick))
    found: dict[int, Result] = {}
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        # The largest first, so that no process is left with one at the end.
        largest = sorted(range(len(everything)), key=lambda number: -len(everything[number].streams))
        waiting = {pool.submit(examine, everything[number]): number for number in largest}
        for done in as_completed(waiting):
            result = found[waiting[done]] = done.result()
            progress(f"{len(found)}/{len(everything)} {result.setting}, {result.timelines}, {result.profile}")
    return [found[number] for number in sorted(found)]
