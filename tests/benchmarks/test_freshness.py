"""The benchmark of freshness itself: its measures, its platforms and the floor that it compares with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, product
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import plot
from benchmarks.clairvoyant import Plan, place, violations
from benchmarks.course import Act, Course, courses
from benchmarks.floor import floor
from benchmarks.freshness import OURS, examine
from benchmarks.measures import Record, final_lag, measure, starved
from benchmarks.ours import Sluice
from benchmarks.peers import PEERS, PeerPolicy
from benchmarks.scenarios import (
    PACES,
    SETTINGS,
    START_S,
    Scenario,
    Setting,
    Stream,
    Timeline,
    Way,
    scenario,
    text_of,
)
from benchmarks.simulator import play
from core.streaming.meters import RateLimit
from core.streaming.operations import BucketKey, OperationKind

KEYS = {kind: (BucketKey(kind.value, "c"),) for kind in OperationKind}
LIMITS = {kind.value: (RateLimit(2, 2.0),) for kind in OperationKind}


def small(*timelines: Timeline) -> Scenario:
    streams = tuple(Stream(timeline, (KEYS,)) for timeline in timelines)
    return Scenario("small", streams, LIMITS, round_trip_s=0.1)


def line(*times: float, characters: int = 40) -> Timeline:
    return Timeline(tuple((START_S + at, characters) for at in times), START_S + times[-1] + 0.02)


def test_the_age_is_that_of_the_oldest_text_that_is_hidden() -> None:
    """Two deltas at 0 and 1, the end at 2; the first is visible from 0.5 on, the second from 3 on."""
    timeline = Timeline(((0.0, 10), (1.0, 10)), 2.0)
    played = Scenario("by hand", (Stream(timeline, (KEYS,)),), LIMITS, 0.1)
    found = measure(played, Record([[(0.5, 10), (3.0, 20)]], edits=1, refused=0, inside_pauses=0))
    assert found.mean_age_s == pytest.approx((0.5**2 / 2 + 1.0**2 / 2) / 2.0)
    assert found.p95_age_s == pytest.approx(0.9)  # over 2 s: more than 0.9 for 0.1 s of them
    assert found.final_lag_mean_s == pytest.approx(1.0)
    assert found.first_text_s == pytest.approx(0.5)
    assert found.incomplete == 0


def test_an_answer_that_never_stood_there_whole_has_no_lag() -> None:
    assert final_lag(Timeline(((0.0, 10),), 1.0), [(0.5, 9)]) is None


def test_who_is_overtaken_again_and_again_is_starved() -> None:
    slow, fast = [(1.0, 10)], [(1.0, 10), (1.5, 20), (2.0, 30), (2.5, 40), (3.0, 50)]
    streams = small(line(0.0, 1.0, 2.0, 3.0), line(0.0, 1.0, 2.0, 3.0)).streams
    shown = [[(START_S + at, upto) for at, upto in one] for one in (slow, fast)]
    assert starved(streams, shown) == [True, False]


@pytest.mark.parametrize("setting", [one for one in SETTINGS if one.count <= 8], ids=lambda one: one.name)
def test_the_same_scenario_gives_the_same_figures(setting: Setting) -> None:
    runs = [scenario(setting, PACES[2], "second") for _ in range(2)]
    first, second = (measure(played, play(played, Sluice(played))) for played in runs)
    assert first == second
    assert first.incomplete == first.inside_pauses == 0


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_peer_shows_a_single_answer_whole(peer: object) -> None:
    played = scenario(SETTINGS[0], PACES[0], "documented")
    found = measure(played, play(played, PeerPolicy(played, peer)))  # type: ignore[arg-type]
    assert (found.incomplete, found.refused) == (0, 0)
    assert found.first_text_s == measure(played, play(played, Sluice(played))).first_text_s


times = st.lists(st.floats(0.05, 1.5), min_size=2, max_size=9).map(
    lambda gaps: line(*(sum(gaps[: n + 1]) for n in range(len(gaps))))
)


@settings(max_examples=60, deadline=None)
@given(st.lists(times, min_size=1, max_size=3))
def test_no_schedule_undercuts_the_floor(timelines: list[Timeline]) -> None:
    bound = floor(small(*timelines))
    assert bound.mean_age_s <= bound.feasible_mean_age_s + 1e-6


@settings(max_examples=60, deadline=None)
@given(times)
def test_we_do_not_undercut_the_floor(timeline: Timeline) -> None:
    """The peers may: they keep none of the reserves that the floor keeps."""
    played = small(timeline)
    assert floor(played).mean_age_s <= measure(played, play(played, Sluice(played))).mean_age_s + 1e-6


def both_ways(number: int) -> tuple[Way, ...]:
    """A slash command's: an interaction and a channel of its own, and one account for all channels."""
    channel = {kind: (BucketKey("account"), BucketKey(kind.value, f"c{number}")) for kind in OperationKind}
    return dict.fromkeys(OperationKind, (BucketKey("interaction", f"i{number}"),)), channel


def with_ways(*timelines: Timeline, ways: int = 2) -> Scenario:
    streams = tuple(Stream(timeline, both_ways(n)[:ways]) for n, timeline in enumerate(timelines))
    limits = {
        "interaction": (RateLimit(2, 2.0),),
        "account": (RateLimit(1, 1.0),),
        "edit": (RateLimit(1, 2.0),),
    }
    return Scenario("two ways", streams, limits, round_trip_s=0.1)


def least_area(played: Scenario) -> float:
    """Of every choice of moments and ways that the platform takes, tried one by one."""
    played = played.with_reserves()
    group = courses(played)
    tried = [list(plans_of(course)) for course in group]
    areas = []
    for chosen in product(*tried):
        previews, finals = [list(plan[:-1]) for plan in chosen], [plan[-1] for plan in chosen]
        area = sum(
            course.total_area([act.at for act in plan]) for course, plan in zip(group, previews, strict=True)
        )
        if not violations(group, Plan(previews, finals, area, 0.0), played):
            areas.append(area)
    return min(areas)


def plans_of(course: Course) -> Iterator[tuple[Act, ...]]:
    """The send and the ending, and between them an edit, by any way, with any of the deltas."""
    assert course.opens < course.useful_until
    edits = [[None, *(Act(at, keys) for keys in course.edits)] for at in course.times if at > course.opens]
    finals = [Act(at, keys) for at in (course.ends, course.finishes_by) for keys in course.edits]
    for final in finals:
        for chosen in product(*edits):
            plan = (Act(course.opens, course.send), *(act for act in chosen if act is not None), final)
            if all(later.at - earlier.at >= course.trip_s for earlier, later in pairwise(plan)):
                yield plan


few = st.lists(st.floats(0.15, 1.0), min_size=3, max_size=4).map(
    lambda gaps: line(*(sum(gaps[: n + 1]) for n in range(len(gaps))))
)


@settings(max_examples=25, deadline=None)
@given(st.lists(few, min_size=1, max_size=2))
def test_no_plan_by_either_of_two_ways_is_better_than_the_floor(timelines: list[Timeline]) -> None:
    played = with_ways(*timelines)
    found = floor(played, iterations=40)
    span_s = sum(course.span_s for course in courses(played))
    assert found.mean_age_s * span_s <= least_area(played) + 1e-9


@settings(max_examples=10, deadline=None)
@given(st.lists(few, min_size=2, max_size=2))
def test_no_plan_of_two_answers_is_better_than_their_floor(timelines: list[Timeline]) -> None:
    """Sends and edits draw on limits of their own here."""
    played = small(*timelines)
    span_s = sum(course.span_s for course in courses(played))
    assert floor(played, iterations=40).mean_age_s * span_s <= least_area(played) + 1e-9


def test_a_second_way_lowers_the_floor() -> None:
    """So a floor for one way alone would be none for who goes both."""
    timelines = [line(*(0.45 * n for n in range(1, 8)))]
    one, two = (with_ways(*timelines, ways=ways) for ways in (1, 2))
    span_s = sum(course.span_s for course in courses(one))
    assert floor(two).mean_age_s * span_s <= least_area(two) < floor(one).mean_age_s * span_s
    assert least_area(two) < least_area(one)


def test_a_schedule_goes_both_ways_and_breaks_no_limit() -> None:
    played = with_ways(*(line(*(0.3 * n + 0.1 * which for n in range(1, 14))) for which in range(3)))
    played = played.with_reserves()
    group = courses(played)
    plan = place(group, [one.acts([one.opens, *one.times]) for one in group], played)
    assert violations(group, plan, played) == []
    ways = {act.keys for previews in plan.previews for act in previews[1:]}
    assert ways == {keys for one in group for keys in one.edits}


@settings(max_examples=40, deadline=None)
@given(st.lists(times, min_size=1, max_size=4))
def test_a_schedule_that_was_found_breaks_no_limit(timelines: list[Timeline]) -> None:
    played = small(*timelines).with_reserves()
    group = courses(played)
    plans = [one.acts([] if one.opens >= one.useful_until else [one.opens, *one.times]) for one in group]
    plan = place(group, plans, played)
    # Endings wait for one another; a crowd of them may wait longer than one alone.
    assert not [found for found in violations(group, plan, played) if "too late" not in found]


def test_a_result_names_every_policy_and_its_ratios() -> None:
    result = examine(replace(scenario(SETTINGS[0], PACES[2], "documented"), name="one"))
    assert next(iter(result.policies)) == OURS
    assert len(result.policies) == 1 + len(PEERS)
    assert 1.0 <= result.to_best <= result.to_floor
    assert result.as_json()["to_floor"] == result.to_floor


def test_the_picture_is_well_formed_and_shows_each_policy() -> None:
    played = scenario(SETTINGS[0], PACES[0], "documented")
    root = ElementTree.fromstring(plot.svg("One answer", plot.panels(played)))  # noqa: S314 - our own
    titles = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {OURS, *(f"{peer.name} ({peer.whose})" for peer in PEERS)} <= set(titles)


def test_every_text_of_a_scenario_is_there() -> None:
    assert text_of(5_000).startswith(text_of(50))
    assert len(text_of(5_000)) == 5_000


def test_the_figures_do_not_depend_on_how_python_orders_sets() -> None:
    """The seed of its hashes differs from run to run."""
    told = (
        "from benchmarks.freshness import examine\n"
        "from benchmarks.scenarios import PACES, SETTINGS, scenario\n"
        "print(examine(scenario(SETTINGS[1], PACES[0], 'second')).as_json())\n"
    )
    found = {
        subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", told],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
