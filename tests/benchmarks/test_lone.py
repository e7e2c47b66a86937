"""The floor of a lone answer: beside every plan on small cases, and beside what keeps the limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import lone_bucket, lone_window
from benchmarks.clairvoyant import finished, violations
from benchmarks.course import Course, courses
from benchmarks.floor import floor
from benchmarks.freshness import policies
from benchmarks.measures import measure
from benchmarks.scenarios import (
    PACES,
    PROFILES,
    SETTINGS,
    START_S,
    Scenario,
    Setting,
    Stream,
    Timeline,
    scenario,
)
from benchmarks.simulator import play
from bots.sandbox.limits import Burst, Enforcer
from core.streaming.meters import RateLimit
from core.streaming.operations import BucketKey, OperationKind

LONE = [one for one in SETTINGS if one.name in {"one answer", "one private chat"}]
WINDOW = RateLimit(2, 2.0)


def answer(gaps: Sequence[float]) -> Timeline:
    times = [START_S + sum(gaps[: n + 1]) for n in range(len(gaps))]
    return Timeline(tuple((at, 40) for at in times), times[-1] + 0.02)


def windowed(timeline: Timeline) -> Scenario:
    keys = {kind: (BucketKey(kind.value, "c"),) for kind in OperationKind}
    limits = {kind.value: (WINDOW,) for kind in OperationKind}
    return Scenario("a window", (Stream(timeline, (keys,)),), limits, round_trip_s=0.1)


def bucketed(timeline: Timeline, bucket: RateLimit, round_trip_s: float) -> Scenario:
    keys = dict.fromkeys(OperationKind, (BucketKey("chat", "c"),))
    limits = {"chat": (bucket,)}
    return Scenario("a bucket", (Stream(timeline, (keys,)),), limits, round_trip_s, frozenset({bucket}))


def deltas_of(course: Course) -> list[float]:
    return [at for at in course.times if course.opens < at < course.useful_until]


# One window


def window_plans(course: Course, moments: Sequence[float]) -> Iterator[list[float]]:
    """Every choice of moments that keeps single flight, the windows, and a place for the ending unless a
    window is over."""
    for size in range(len(moments) + 1):
        for chosen in combinations(moments, size):
            plan = [course.opens, *chosen]
            if keeps(plan, course, WINDOW):
                yield plan


def keeps(plan: list[float], course: Course, limit: RateLimit) -> bool:
    if any(later - earlier < course.trip_s - 1e-9 for earlier, later in pairwise(plan)):
        return False
    opened, used = float("-inf"), 0
    for at in plan[1:]:
        if at >= opened + limit.per_s - 1e-9:
            opened, used = at, 0
        used += 1
        if used > limit.count - (opened + limit.per_s > course.finishes_by):
            return False
    return True


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.05, 1.5), min_size=2, max_size=6))
def test_no_plan_under_a_window_is_better_than_its_floor(gaps: list[float]) -> None:
    """Nor one that opens a window late on purpose, in a pause of the model."""
    [course] = courses(windowed(answer(gaps)))
    plan, strict = (lone_window.best_plan(course, WINDOW, strict=strict) for strict in (False, True))
    if plan is None or strict is None:
        assert course.opens >= course.useful_until
        return
    deltas = deltas_of(course)
    late = [at + part for at in deltas for part in (0.4, WINDOW.per_s) if at + part < course.useful_until]
    with_deltas = min(map(course.total_area, window_plans(course, deltas)))
    assert course.total_area(plan) <= min(
        map(course.total_area, window_plans(course, sorted({*deltas, *late})))
    )
    assert keeps(strict, course, WINDOW)
    assert course.total_area(plan) <= course.total_area(strict) <= with_deltas + 1e-9


def test_a_window_may_be_opened_late_on_purpose() -> None:
    """Opened with its delta it would be over just before the first of three that follow: the next would
    hold two of them. A floor of deltas alone would stand above this schedule."""
    [course] = courses(windowed(answer([0.5, 0.5, 2.02, 0.28, 0.3, 2.2])))
    late = [course.opens, *(START_S + at for at in (1.03, 3.02, 3.3, 3.6))]
    assert keeps(late, course, WINDOW)
    with_deltas = min(map(course.total_area, window_plans(course, deltas_of(course))))
    plan, strict = (lone_window.best_plan(course, WINDOW, strict=strict) for strict in (False, True))
    assert plan is not None
    assert strict is not None
    assert keeps(strict, course, WINDOW)
    assert course.total_area(plan) <= course.total_area(late) < with_deltas
    assert course.total_area(strict) < with_deltas


# One token bucket


def bucket_plans(course: Course, bucket: RateLimit) -> Iterator[list[float]]:
    """For every choice of deltas to go with, the earliest times that single flight and the platform's own
    bucket allow. No other plan is better: one that waits for longer shows the same text later, and leaves the
    bucket no fuller for what follows."""
    deltas = deltas_of(course)
    for size in range(len(deltas) + 1):
        for chosen in combinations(deltas, size):
            enforcer = Enforcer(Burst(bucket.count / bucket.per_s, bucket.count))
            plan: list[float] = []
            for wish in (course.opens, *chosen):
                at = max(wish, plan[-1] + course.trip_s) if plan else wish
                at += enforcer.wait(at)
                assert enforcer.take(at) == 0.0
                plan.append(at)
            yield [at for at in plan if at < course.useful_until]


buckets = st.builds(
    lambda count, slot_s: RateLimit(count, count * slot_s), st.integers(1, 3), st.floats(0.4, 1.5)
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(0.05, 1.0), min_size=2, max_size=9), buckets, st.sampled_from((0.02, 0.1)))
def test_no_plan_under_a_bucket_is_better_than_its_floor(
    gaps: list[float], bucket: RateLimit, trip_s: float
) -> None:
    """And where single flight does not bind, floor and best plan are a step of rounding from the optimum."""
    played = bucketed(answer(gaps), bucket, trip_s)
    [course] = courses(played)
    plan, strict = (lone_bucket.best_plan(course, bucket, strict=strict) for strict in (False, True))
    if plan is None or strict is None:
        assert course.opens >= course.useful_until
        return
    least = min(map(course.total_area, bucket_plans(course, bucket)))
    step = bucket.slot_s / lone_bucket.STEPS * course.span_s
    assert course.total_area(plan) <= least + 1e-9
    assert violations([course], finished(course, strict, played), played) == []
    assert course.total_area(strict) >= least - 1e-4  # what the platform's rounding is worth
    if trip_s < 0.05:
        assert least - step <= course.total_area(plan) + 1e-4
        assert course.total_area(strict) <= least + step + 1e-9


# The benchmark's own answers


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("pace", [one for one in PACES if "short" in one.name], ids=lambda one: one.name)
@pytest.mark.parametrize("setting", LONE, ids=lambda one: one.name)
def test_floor_and_best_schedule_are_near_each_other(setting: Setting, pace: object, profile: str) -> None:
    for seed in (1, 2):
        played = scenario(setting, pace, profile, seed)  # type: ignore[arg-type]
        found = floor(played)
        assert found.mean_age_s <= found.feasible_mean_age_s <= 1.06 * found.mean_age_s


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("pace", [one for one in PACES if "short" in one.name], ids=lambda one: one.name)
@pytest.mark.parametrize("setting", LONE, ids=lambda one: one.name)
def test_the_best_schedule_breaks_no_limit(setting: Setting, pace: object, profile: str) -> None:
    played = scenario(setting, pace, profile).with_reserves()  # type: ignore[arg-type]
    [course] = courses(played)
    find = lone_window.best_plan if setting is LONE[0] else lone_bucket.best_plan
    [limit] = played.limits["edit" if setting is LONE[0] else "chat"]
    plan = find(course, limit, strict=True)
    assert plan is not None
    assert violations([course], finished(course, plan, played), played) == []


@pytest.mark.parametrize("pace", [one for one in PACES if "short" in one.name], ids=lambda one: one.name)
def test_no_policy_is_better_than_the_floor_of_a_bucket(pace: object) -> None:
    """As far as it is never refused: who is refused broke the limits."""
    unrefused = 0
    for seed in (1, 2, 3):
        played = scenario(LONE[1], pace, "documented", seed)  # type: ignore[arg-type]
        least = floor(played).mean_age_s
        for _, policy in policies(played):
            found = measure(played, play(played, policy))
            unrefused += not found.refused
            assert found.refused or least <= found.mean_age_s
    assert unrefused >= 3
