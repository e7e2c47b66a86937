"""Previews that are drafts: each page becomes a message once, when it is over."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.streaming.answer import Answer, Ending
from core.streaming.operations import OperationKind
from tests.fakes.surface import FakeSurface
from tests.promise import broken_promise
from tests.service.stage import STOP, WORDS, Stage
from tests.streaming.texts import markdown, split

LASTS_S = 30.0


def drafting(stage: Stage, *, page_units: int = 2_000, latency_s: float = 0.05) -> FakeSurface:
    return FakeSurface(stage.clock, page_units=page_units, latency_s=latency_s, draft_lasts_s=LASTS_S)


def kinds(surface: FakeSurface) -> list[OperationKind]:
    return [kind for _, kind, _ in surface.calls]


async def test_an_answer_grows_as_a_draft_and_is_sent_once() -> None:
    stage = Stage()
    surface = drafting(stage)
    [shown] = await stage.play((Answer(), surface, WORDS))
    assert shown.complete
    assert surface.texts == ["".join(WORDS).strip()]
    assert kinds(surface) == [OperationKind.DRAFT] * len(surface.drafts) + [OperationKind.SEND]
    assert len(surface.drafts) >= 8
    [draft_id] = {draft_id for _, draft_id, _ in surface.drafts}
    assert draft_id > 0
    texts = [content.body.text for _, _, content in surface.drafts]
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert surface.refused == 0
    assert shown.figures.final_lag_s is not None
    assert shown.figures.final_lag_s < 1.0


async def test_each_page_that_is_over_is_a_message_at_once_and_no_edit_is_made() -> None:
    stage = Stage()
    surface = drafting(stage, page_units=300)
    answer = Answer()
    [shown] = await stage.play((answer, surface, WORDS))
    assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None
    assert len(shown.messages) == len(surface.messages) > 2
    assert all(len(message.history) == 1 for message in surface.messages.values())
    sends = [at for at, kind, _ in surface.calls if kind is OperationKind.SEND]
    assert max(later - earlier for earlier, later in pairwise(sends)) < 5.0  # while it streamed


async def test_two_answers_have_a_draft_each() -> None:
    stage = Stage()
    surfaces = [drafting(stage), drafting(stage)]
    await stage.play(*((Answer(), surface, WORDS) for surface in surfaces))
    assert len({draft_id for surface in surfaces for _, draft_id, _ in surface.drafts}) == 2


async def test_a_draft_is_shown_again_before_it_is_gone() -> None:
    stage = Stage()
    surface = drafting(stage)
    answer = Answer()
    showing = stage.driver.show(answer, surface, stop=STOP)
    answer.append("A sentence that stands for long. ", stage.clock.monotonic())
    stage.driver.changed(answer)
    await stage.clock.advance(100.0)
    times = [at for at, _, _ in surface.drafts]
    assert max(later - earlier for earlier, later in pairwise([*times, stage.clock.monotonic()])) < LASTS_S
    assert len(times) <= 7
    stage.end(answer)
    await stage.clock.advance(1.0)
    assert (await showing.finished()).complete


async def test_the_stop_button_is_on_the_draft_and_its_mark_on_the_message() -> None:
    stage = Stage()
    surface = drafting(stage)
    answer = Answer()
    stage.driver.show(answer, surface, stop=STOP)
    answer.append("It begins. ", stage.clock.monotonic())
    stage.driver.changed(answer)
    await stage.clock.advance(4.0)
    assert [content.buttons for _, _, content in surface.drafts] == [(), (STOP,)]
    stage.end(answer, Ending.STOPPED, "⏹ stopped")
    await stage.clock.advance(1.0)
    assert surface.texts == ["It begins.\n\n*⏹ stopped*"]
    assert not surface.messages["m1"].content.buttons


@pytest.mark.parametrize("after", [0, 4])
async def test_where_drafts_are_refused_it_goes_on_as_a_message_with_edits(after: int) -> None:
    stage = Stage()
    surface = drafting(stage)
    surface.failures.extend([""] * after)
    answer = Answer()
    showing = stage.driver.show(answer, surface, stop=STOP)
    speaker = asyncio.ensure_future(stage.speak(answer, WORDS))
    await stage.clock.advance_until(lambda: len(surface.drafts) >= after)
    surface.takes_drafts = False
    await stage.clock.advance_until(speaker.done)
    await stage.clock.advance(5.0)
    assert (await showing.finished()).complete
    assert surface.texts == ["".join(WORDS).strip()]
    assert kinds(surface).count(OperationKind.DRAFT) == after + 1
    assert kinds(surface).count(OperationKind.EDIT) > 3


@pytest.mark.parametrize("failure", ["unavailable", "unknown_not_taken"])
async def test_drafts_that_fail_again_and_again_are_given_up(failure: str) -> None:
    stage = Stage()
    surface = drafting(stage)
    surface.failures.extend(["", *[failure] * 3])
    [shown] = await stage.play((Answer(), surface, WORDS))
    assert shown.complete
    assert kinds(surface)[4:6] == [OperationKind.SEND, OperationKind.EDIT]


async def test_a_pause_longer_than_a_draft_lasts_does_not_hide_the_text() -> None:
    stage = Stage()
    surface = drafting(stage)
    surface.failures.extend(["", "rate_limited_long"])
    [shown] = await stage.play((Answer(), surface, WORDS))
    assert shown.complete
    assert OperationKind.EDIT in kinds(surface)


async def test_what_is_private_is_no_draft() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock, private_answers=True, draft_lasts_s=LASTS_S)
    answer = Answer()
    stage.driver.show(answer, surface, private=True)
    await stage.speak_while(answer, WORDS)
    assert not surface.drafts


@settings(max_examples=100, deadline=None)
@given(
    deltas=split(markdown, most=40),
    failing=st.lists(
        st.sampled_from(["", "", "", "rate_limited", "unavailable", "unknown_not_taken"]), max_size=12
    ).filter(lambda failing: failing.count("unknown_not_taken") <= 1),  # two, and no third copy is risked
    every_s=st.sampled_from([0.0, 0.03, 0.4, 9.0]),
    latency_s=st.sampled_from([0.0, 0.1, 1.5]),
    page_units=st.sampled_from([300, 2_000]),
)
def test_there_is_exactly_one_message_for_each_page_whatever_fails(
    deltas: list[str], failing: list[str], every_s: float, latency_s: float, page_units: int
) -> None:
    async def story() -> None:
        stage = Stage()
        surface = drafting(stage, page_units=page_units, latency_s=latency_s)
        surface.failures.extend(failing)
        answer = Answer()
        [shown] = await stage.play((answer, surface, deltas), every_s=every_s)
        assert shown.complete
        assert len(shown.messages) == len(surface.messages)
        assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None

    asyncio.run(story())
