"""An answer that takes the place of messages that stand there, and messages that are taken away."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from core.service.driver import Driver
from core.streaming.answer import Answer, Ending
from core.streaming.operations import Delivered, MessageContent, OperationKind
from core.streaming.rendering import Rendered
from tests.fakes.clock import FakeClock
from tests.fakes.surface import FakeSurface
from tests.promise import broken_promise
from tests.streaming.texts import markdown, split

FAULTS = [
    "", "", "rate_limited", "unavailable", "unknown_taken", "unknown_not_taken", "message_gone", "rejected",
]  # fmt: skip


async def standing(surface: FakeSurface, count: int) -> tuple[str, ...]:
    """So many messages that show something else."""
    ids: list[str] = []
    for number in range(count):
        outcome = await surface.send(MessageContent(Rendered(f"OLD {number}", fill=0.1)), None)
        assert isinstance(outcome, Delivered)
        ids.append(outcome.message_id)
    surface.calls.clear()
    return tuple(ids)


@settings(max_examples=20, deadline=None)
@given(split(markdown, most=12), st.integers(0, 5), st.booleans())
def test_the_answer_stands_whole_and_nothing_of_what_was_there_is_left(
    deltas: list[str], count: int, grows: bool
) -> None:
    async def story() -> None:
        clock = FakeClock()
        surface, answer = FakeSurface(clock, page_units=300), Answer()
        over = await standing(surface, count)
        await clock.advance(60.0)
        driver = Driver(clock)
        showing = driver.show(answer, surface, over=over)
        for delta in deltas:
            answer.append(delta, clock.monotonic())
            if grows:
                driver.changed(answer)
                await clock.advance(0.3)
        answer.end(Ending.COMPLETE, clock.monotonic())
        driver.changed(answer)
        await clock.advance(300.0)
        shown = await asyncio.wait_for(showing.finished(), 1.0)
        assert shown.complete
        assert [ref.message_id for ref in shown.messages] == list(surface.messages)
        assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None
        assert surface.refused == 0
        sends = sum(kind is OperationKind.SEND for _, kind, _ in surface.calls)
        deletions = sum(kind is OperationKind.DELETE for _, kind, _ in surface.calls)
        assert sends == max(0, len(surface.messages) - count)
        assert deletions == max(0, count - len(surface.messages))

    asyncio.run(story())


@settings(max_examples=40, deadline=None)
@given(split(markdown, most=8), st.integers(1, 4), st.lists(st.sampled_from(FAULTS), max_size=8))
def test_whatever_a_platform_refuses_the_old_text_is_never_shown_beside_the_new(
    deltas: list[str], count: int, faults: list[str]
) -> None:
    """A message of ours that is gone, or that no edit changes, is deleted, and another takes its place;
    only what may not be deleted can stay."""

    async def story() -> None:
        clock = FakeClock()
        surface, answer = FakeSurface(clock, page_units=300), Answer()
        over = await standing(surface, count)
        await clock.advance(60.0)
        for delta in deltas:
            answer.append(delta, clock.monotonic())
        answer.end(Ending.COMPLETE, clock.monotonic())
        surface.failures.extend(faults)
        showing = Driver(clock).show(answer, surface, nonce="n", over=over)
        await clock.advance(900.0)
        shown = await asyncio.wait_for(showing.finished(), 1.0)
        if not shown.complete:  # a message was gone after it had become the answer's
            return
        ours = {ref.message_id for ref in shown.messages}
        assert ours <= surface.messages.keys() or "message_gone" in faults
        if not {"message_gone", "rejected"} & set(faults):
            assert list(surface.messages) == [ref.message_id for ref in shown.messages]
            assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None

    asyncio.run(story())


async def test_messages_are_taken_away_one_by_one_and_what_may_not_be_stays() -> None:
    clock = FakeClock()
    surface = FakeSurface(clock)
    over = await standing(surface, 3)
    driver = Driver(clock)
    surface.failures.append("place_gone")
    driver.delete(surface, (*over, "m9"))
    await clock.advance(10.0)
    assert list(surface.messages) == ["m1"]
    assert [message for _, _, message in surface.calls] == ["m1", "m2", "m3", "m9"]
    assert driver.progress() == []
    driver.delete(surface, ())
    assert await driver.close(clock.monotonic()) == 0
