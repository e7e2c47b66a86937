"""A model that falls silent, under the few requests that a group or a private chat of Telegram's takes."""

from __future__ import annotations

from itertools import pairwise, repeat

import pytest

from core.streaming.meters import RateLimit
from core.streaming.operations import Button
from core.streaming.scheduler import EditScheduler, Operation
from tests.streaming.world import ACCOUNT, Story, World

STOP = Button("stop", "Stop")
CHAT = (RateLimit(3, 3.0, refills=True),)
GROUP = (*CHAT, RateLimit(20, 60.0))


def world(limits: tuple[RateLimit, ...], stop: Button | None = None) -> World:
    """All its requests draw from one bucket."""
    scheduler = EditScheduler({ACCOUNT.family: limits, "send": (), "edit": (), "draft": ()})
    return World(scheduler, lambda key: [], latencies=repeat((0.05, 0.05)), stop=stop)


def words(start: float, gap_s: float, count: int) -> list[tuple[float, str]]:
    return [(start + gap_s * number, "word ") for number in range(count)]


@pytest.mark.parametrize("limits", [GROUP, (RateLimit(1, 5.0),)], ids=["a group", "one at a time"])
@pytest.mark.parametrize("count", [1, 3])
def test_it_gets_its_stop_button_all_the_same(count: int, limits: tuple[RateLimit, ...]) -> None:
    """And is not looked at again and again meanwhile."""
    stage = world(limits, STOP)
    stage.play([Story("g", [*words(0.5, 0.05, 8), (120.0, "end")]) for _ in range(count)])
    for view in stage.views:
        stops = [
            call.left for call in stage.calls if call.operation.view == view and _has_stop(call.operation)
        ]
        assert stops[0] < 40.0
    assert stage.looks < 60 * count


def _has_stop(operation: Operation) -> bool:
    return operation.content is not None and STOP in operation.content.buttons


@pytest.mark.parametrize("talkers", [1, 2, 4])
@pytest.mark.parametrize("gap_s", [0.07, 0.3])
def test_its_draft_is_shown_again_before_it_is_gone_however_many_talk(talkers: int, gap_s: float) -> None:
    stage = world(CHAT)
    silent = Story("c", [*words(0.1, 0.05, 8), (200.0, "end")], draft_s=30.0)
    talks = [
        Story("c", words(0.2 + 0.1 * one, gap_s, int(190 / gap_s)), draft_s=30.0) for one in range(talkers)
    ]
    stage.play([silent, *talks])
    shown = [call.left for call in stage.calls if call.operation.view == stage.views[0]]
    assert max(later - sooner for sooner, later in pairwise(shown)) < 30.0


def test_what_it_said_between_two_silences_is_not_hidden_for_long() -> None:
    """Half a minute each, 20 requests a minute: there is no lack of them."""
    stage, deltas = world(GROUP), []
    for number in range(4):
        deltas += words(0.1 + 60.0 * number, 1 / 15, 450)
    stage.play([Story("g", deltas, page_units=90_000)])
    left = [call.left for call in stage.calls]
    times = [at for at, _ in deltas]
    hidden = [
        later - min((at for at in times if sooner < at <= later), default=later)
        for sooner, later in pairwise(left)
    ]
    assert max(hidden) < 8.0
