"""Answers with two ways to their messages: an interaction's own, and the channel's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.service.showing import Shown
from core.streaming.answer import Answer
from core.streaming.doubt import DOUBTFUL_SENDS
from core.streaming.operations import NotSentReason, OperationKind
from tests.fakes.surface import INTERACTION_LIMITS, LIMITS, FakeSurface
from tests.promise import broken_promise
from tests.service.stage import WORDS, Stage
from tests.streaming.texts import markdown, split

SEND, EDIT = OperationKind.SEND, OperationKind.EDIT


class Slash(Stage):
    """A slash command's answer."""

    def __init__(
        self, *, page_units: int = 2_000, ends_after_s: float = 840.0, latency_s: float = 0.05
    ) -> None:
        super().__init__()
        self.channel = FakeSurface(self.clock, page_units=page_units, latency_s=latency_s)
        self.surface = FakeSurface(
            self.clock,
            page_units=page_units,
            latency_s=latency_s,
            limits=INTERACTION_LIMITS,
            alternate=self.channel,
            ends_after_s=ends_after_s,
        )

    async def shown(self, deltas: Sequence[str], *, every_s: float = 0.1) -> Shown:
        answer = Answer()
        [shown] = await self.play((answer, self.surface, deltas), every_s=every_s)
        assert self.surface.refused == self.channel.refused == 0
        if shown.complete:
            assert broken_promise(answer.text, self.surface.pages, self.surface.capabilities.renderer) is None
        return shown

    def calls(self, kind: OperationKind) -> tuple[int, int]:
        """How many went each way."""
        of_kind = [[call for call in way.calls if call[1] is kind] for way in (self.surface, self.channel)]
        return len(of_kind[0]), len(of_kind[1])


async def test_two_ways_show_a_minute_of_text_sooner_than_either_alone() -> None:
    both = Slash(page_units=9_000)
    shown = await both.shown(WORDS * 6)
    alone = []
    for limits in (LIMITS, INTERACTION_LIMITS):
        stage = Stage()
        [one] = await stage.play(
            (Answer(), FakeSurface(stage.clock, page_units=9_000, latency_s=0.05, limits=limits), WORDS * 6)
        )
        alone.append(one.figures.mean_age_s)
    assert shown.figures.mean_age_s < 0.8 * min(alone), (shown.figures.mean_age_s, alone)
    by_token, by_channel = both.calls(EDIT)
    assert min(by_token, by_channel) > 15


async def test_the_first_message_is_the_interactions_and_the_others_are_the_channels() -> None:
    stage = Slash(page_units=300)
    shown = await stage.shown(WORDS)
    assert stage.calls(SEND) == (1, len(shown.messages) - 1)
    assert len(shown.messages) > 2


async def test_a_later_page_that_was_taken_unknown_to_us_is_not_doubled() -> None:
    stage = Slash(page_units=300)
    stage.channel.failures.extend(["unknown_taken"] * 9)
    shown = await stage.shown(WORDS)
    assert shown.complete
    assert len(shown.messages) == len(stage.surface.messages)


@pytest.mark.parametrize("known", [False, True])
async def test_where_the_channel_takes_no_messages_the_interaction_goes_on(known: bool) -> None:
    stage = Slash(page_units=300)
    stage.channel.may_send, stage.channel.says_so = False, known
    shown = await stage.shown(WORDS)
    assert shown.complete
    assert stage.calls(SEND) == (len(shown.messages), 0 if known else 1)
    assert stage.calls(EDIT)[1] > 3  # which it may still edit


@pytest.mark.parametrize("told", [False, True])
async def test_an_answer_outlives_its_interaction(told: bool) -> None:
    """Whether the end is known beforehand or not."""
    stage = Slash(page_units=500, ends_after_s=-25.0 if told else -58.0)
    if not told:
        stage.surface.knows_its_end = False
    shown = await stage.shown(WORDS * 2)
    assert shown.complete
    last = max(at for at, _, _ in stage.surface.calls)
    assert last - stage.surface.calls[0][0] < 8.0
    assert max(at for at, _, _ in stage.channel.calls) - last > 8.0


async def test_without_a_second_way_the_end_of_the_first_is_the_answers() -> None:
    stage = Slash(ends_after_s=-25.0)
    stage.surface.alternate = None
    shown = await stage.shown(WORDS)
    assert (shown.complete, shown.reason) == (False, NotSentReason.EXPIRED)


async def test_a_first_answer_that_came_too_late_goes_to_the_channel() -> None:
    stage = Slash()
    stage.surface.failures.append("expired")
    shown = await stage.shown(WORDS)
    assert shown.complete
    assert stage.calls(SEND) == (1, 1)


async def test_what_is_private_never_goes_the_second_way() -> None:
    stage = Slash()
    private = FakeSurface(
        stage.clock, limits=INTERACTION_LIMITS, alternate=stage.channel, private_answers=True
    )
    answer = Answer()
    showing = stage.driver.show(answer, private, private=True)
    await stage.speak_while(answer, WORDS)
    assert (await showing.finished()).complete
    assert stage.channel.calls == []


# Without nonces two sends of unknown outcome are the most that are tried: a third copy would be worse.
failing = st.lists(
    st.sampled_from(["", "", "rate_limited", "unavailable", "unknown_not_taken"]), max_size=10
).filter(lambda failures: failures.count("unknown_not_taken") <= 1)


@settings(max_examples=60, deadline=None)
@given(
    deltas=split(markdown, most=40),
    on_token=failing,
    on_channel=st.lists(
        st.sampled_from(["", "", "rate_limited", "unavailable", "unknown_taken", "unknown_not_taken"]),
        max_size=10,
    ),
    every_s=st.sampled_from([0.03, 0.4]),
    ends_after_s=st.sampled_from([840.0, -20.0, -29.0]),
    may_send=st.booleans(),
    page_units=st.sampled_from([300, 2_000]),
)
def test_nothing_is_lost_or_doubled_whatever_way_fails_or_ends(  # noqa: PLR0917  # Hypothesis names them
    deltas: list[str],
    on_token: list[str],
    on_channel: list[str],
    every_s: float,
    ends_after_s: float,
    may_send: bool,
    page_units: int,
) -> None:
    async def story() -> None:
        stage = Slash(page_units=page_units, ends_after_s=ends_after_s)
        stage.surface.failures.extend(on_token)
        stage.channel.failures.extend(on_channel)
        stage.channel.may_send = may_send or ends_after_s < 0
        answer = Answer()
        [shown] = await stage.play((answer, stage.surface, deltas), every_s=every_s)
        if on_token.count("unknown_not_taken") >= DOUBTFUL_SENDS and not shown.complete:
            assert shown.reason is NotSentReason.UNAVAILABLE  # each of them may stand there
            return
        assert shown.complete
        assert len(shown.messages) == len(stage.surface.messages)
        renderer = stage.surface.capabilities.renderer
        assert broken_promise(answer.text, stage.surface.pages, renderer) is None

    asyncio.run(story())
