"""The driver and the heart together, in virtual time, on a surface that keeps its own limits."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.streaming.answer import Answer, Ending
from core.streaming.operations import BucketKey, NotSentReason, OperationKind
from tests.fakes.surface import FakeSurface
from tests.promise import broken_promise
from tests.service.stage import STOP, WORDS, Stage, failures
from tests.streaming.texts import markdown, split


async def test_an_answer_grows_in_one_message_and_is_exact_at_its_end() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock, latency_s=0.1)
    [shown] = await stage.play((Answer(), surface, WORDS))
    assert shown.complete
    assert surface.texts == ["".join(WORDS).strip()]
    [message] = surface.messages.values()
    assert len(message.history) >= 8  # about one a second for ten seconds
    assert all(
        later.startswith(earlier)
        for earlier, later in zip(message.history, message.history[1:], strict=False)
    )
    assert surface.refused == 0


async def test_whoever_watches_hears_of_an_end_that_needs_no_edit() -> None:
    stage = Stage()
    surface, answer = FakeSurface(stage.clock), Answer()
    stage.driver.show(answer, surface)
    answer.append("A whole sentence.", stage.clock.monotonic())
    stage.driver.changed(answer)
    await stage.clock.advance(3.0)
    stage.end(answer)
    await stage.clock.advance(0.1)
    assert len(surface.calls) == 1
    assert [(one.figures.done, one.figures.final_lag_s) for one in stage.progress] == [
        (False, None),
        (True, 0.0),
    ]


async def test_the_first_texts_figure_counts_the_wait_for_the_model() -> None:
    stage = Stage()
    surface, answer = FakeSurface(stage.clock, latency_s=0.5), Answer()
    stage.driver.show(answer, surface)
    await stage.clock.advance(12.0)
    answer.append("A whole sentence.", stage.clock.monotonic())
    stage.driver.changed(answer)
    await stage.clock.advance(1.0)
    [progress] = stage.driver.progress()
    assert progress.figures.first_text_s == pytest.approx(12.5, abs=0.02)


async def test_the_first_text_waits_for_thirty_characters() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    await stage.play((Answer(), surface, ["x" * 10] * 6))
    [message] = surface.messages.values()
    assert message.history[0] == "x" * 30


@pytest.mark.parametrize(("delta", "waits"), [("Yes.", 0.0), ("Ye", 1.0)])
async def test_a_short_beginning_shows_at_a_sentences_end_or_after_a_second(delta: str, waits: float) -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    answer = Answer()
    stage.driver.show(answer, surface)
    await stage.clock.advance(5.0)
    answer.append(delta, stage.clock.monotonic())
    began = stage.clock.monotonic()
    stage.driver.changed(answer)
    await stage.clock.advance_until(lambda: bool(surface.messages))
    assert stage.clock.monotonic() - began == pytest.approx(waits, abs=0.02)


async def test_written_text_shows_while_the_model_pauses() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    answer = Answer()
    stage.driver.show(answer, surface)
    for delta in WORDS[:20]:
        answer.append(delta, stage.clock.monotonic())
        stage.driver.changed(answer)
        await stage.clock.advance(0.05)
    await stage.clock.advance(2.0)
    assert surface.texts == ["".join(WORDS[:20]).strip()]


async def test_a_long_answer_rolls_over_silently_and_tiles() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock, page_units=300)
    answer = Answer()
    [shown] = await stage.play((answer, surface, WORDS))
    assert len(shown.messages) == len(surface.texts) >= 3
    assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None
    assert [message.content.silent for message in surface.messages.values()] == [
        False,
        *[True] * (len(surface.texts) - 1),
    ]


async def test_a_message_is_referred_to_by_one_reference_however_many_follow() -> None:
    stage = Stage()
    answer, surface = Answer(), FakeSurface(stage.clock, page_units=40)
    showing = stage.driver.show(answer, surface)
    await stage.speak_for(answer, WORDS[:50])
    early = showing.messages
    await stage.speak_for(answer, WORDS[50:])
    stage.end(answer)
    await stage.clock.advance_until(lambda: len(showing.messages) > 10)
    assert early
    assert all(later is before for later, before in zip(showing.messages, early, strict=False))


async def test_the_stop_button_comes_after_three_seconds_and_goes_with_the_last_edit() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    answer = Answer()
    stage.driver.show(answer, surface, stop=STOP)
    answer.append("It begins. ", stage.clock.monotonic())
    stage.driver.changed(answer)
    await stage.clock.advance(2.9)
    [message] = surface.messages.values()
    buttons = [message.content.buttons]
    await stage.clock.advance(0.2)
    buttons.append(message.content.buttons)  # though no further text came
    stage.end(answer, Ending.STOPPED, "⏹ stopped")
    await stage.clock.advance(1.0)
    buttons.append(message.content.buttons)
    assert buttons == [(), (STOP,), ()]
    assert message.content.body.text == "It begins.\n\n*⏹ stopped*"


async def test_a_page_that_is_left_loses_its_button() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock, page_units=300)
    answer = Answer()
    stage.driver.show(answer, surface, stop=STOP)
    speaker = asyncio.ensure_future(stage.speak(answer, WORDS))
    await stage.clock.advance_until(lambda: len(surface.messages) == 2)
    first, second = surface.messages.values()
    assert (first.content.buttons, second.content.buttons) == ((), (STOP,))
    await stage.clock.advance_until(speaker.done)


async def test_eight_answers_in_one_channel_share_it_fairly_without_a_refusal() -> None:
    stage = Stage()
    server: dict[BucketKey, deque[float]] = {}
    surfaces = [FakeSurface(stage.clock, latency_s=0.08, server=server) for _ in range(8)]
    results = await stage.play(
        *((Answer(), surface, [f"{n}:{word}" for word in WORDS * 3]) for n, surface in enumerate(surfaces))
    )
    assert all(shown.complete for shown in results)
    assert sum(surface.refused for surface in surfaces) == 0
    for n, surface in enumerate(surfaces):
        text = "".join(f"{n}:{word}" for word in WORDS * 3)
        assert broken_promise(text, surface.texts, surface.capabilities.renderer) is None
    edits = [shown.figures.edits for shown in results]
    assert max(edits) <= 2 * min(edits)  # those that could be posted first had a few seconds more


async def test_a_refusal_pauses_its_bucket_and_loses_nothing() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    surface.failures.extend(["", "", "rate_limited"])
    [shown] = await stage.play((Answer(), surface, WORDS))
    assert surface.texts == ["".join(WORDS).strip()]
    times = [at for at, kind, _ in surface.calls if kind is OperationKind.EDIT]
    assert times[2] - times[1] >= 2.0  # the pause that the platform asked for
    assert shown.figures.rate_limited == 1


@pytest.mark.parametrize("failure", ["message_gone", "place_gone"])
async def test_when_the_message_or_place_is_gone_nothing_more_goes_there(failure: str) -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    surface.failures.extend(["", failure])
    [shown] = await stage.play((Answer(), surface, WORDS))
    assert not shown.complete
    assert shown.reason in {NotSentReason.MESSAGE_GONE, NotSentReason.PLACE_GONE}
    assert len(surface.calls) == 2


@pytest.mark.parametrize("tries", [1, 2, 3])
@pytest.mark.parametrize("deltas", [WORDS, ["A short answer, complete ", "before the second try."]])
async def test_a_send_that_was_taken_unknown_to_us_is_not_doubled_where_there_are_nonces(
    tries: int, deltas: list[str]
) -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    surface.failures.extend(["rate_limited", *["unknown_taken"] * tries])
    await stage.play((Answer(), surface, deltas))
    assert surface.texts == ["".join(deltas).strip()]


async def test_without_nonces_a_send_of_unknown_outcome_is_doubled_once_and_never_twice() -> None:
    """A third try might be a third message."""
    stage = Stage()
    surface = FakeSurface(stage.clock)
    surface.capabilities = replace(surface.capabilities, nonces=False)
    surface.failures.extend(["unknown_taken"] * 9)
    answer = Answer()
    showing = stage.driver.show(answer, surface)
    answer.append("A short answer.", stage.clock.monotonic())
    stage.end(answer)
    await stage.clock.advance(120.0)
    assert len(surface.texts) == 2
    assert (await showing.finished()).reason is NotSentReason.UNAVAILABLE


async def test_an_edit_of_unknown_outcome_is_made_good_while_the_model_pauses() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    surface.failures.extend(["", "unknown_not_taken"])
    answer = Answer()
    stage.driver.show(answer, surface)
    for delta in ("One sentence. ", "And another one."):
        answer.append(delta, stage.clock.monotonic())
        stage.driver.changed(answer)
        await stage.clock.advance(1.0)
    await stage.clock.advance(3.0)
    assert surface.texts == ["One sentence. And another one."]


@settings(max_examples=60, deadline=None)
@given(
    deltas=st.lists(split(markdown, most=30), min_size=1, max_size=3),
    failing=failures,
    every_s=st.sampled_from([0.0, 0.03, 0.4]),
    latency_s=st.sampled_from([0.0, 0.1, 1.5]),
    page_units=st.sampled_from([300, 2_000]),
)
def test_every_ending_is_delivered_whatever_fails(
    deltas: list[list[str]], failing: list[str], every_s: float, latency_s: float, page_units: int
) -> None:
    async def story() -> None:
        stage = Stage()
        stories = []
        for number, one in enumerate(deltas):
            surface = FakeSurface(
                stage.clock, chat_id=f"c{number % 2}", page_units=page_units, latency_s=latency_s
            )
            surface.failures.extend(failing)
            stories.append((Answer(), surface, one))
        results = await stage.play(*stories, every_s=every_s)
        assert all(shown.complete for shown in results)
        for answer, surface, _ in stories:
            assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None

    asyncio.run(story())


async def test_closing_shows_what_it_can_until_the_deadline_and_counts_the_rest() -> None:
    stage = Stage()
    surface, dead = FakeSurface(stage.clock), FakeSurface(stage.clock, chat_id="c2")
    dead.failures.extend(["unavailable"] * 50)
    answers = [Answer(), Answer()]
    for answer, target in zip(answers, [surface, dead], strict=True):
        stage.driver.show(answer, target)
        answer.append("Half an answer that was going to be longer", stage.clock.monotonic())
        stage.end(answer, Ending.INTERRUPTED, "⚠ interrupted")
    closing = asyncio.ensure_future(stage.driver.close(stage.clock.monotonic() + 3.0))
    await stage.clock.advance(3.1)
    assert closing.done()
    assert await closing == 1
    assert surface.texts == ["Half an answer that was going to be longer\n\n*⚠ interrupted*"]
