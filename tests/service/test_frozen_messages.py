"""Messages that take no edit any more: the answer goes on below, and nothing of it is lost."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.streaming.answer import Answer
from core.streaming.operations import Button, MessageContent, NotSentReason
from core.streaming.rendering import Rendered
from core.streaming.view_settings import Standing
from tests.fakes.surface import FakeMessage, FakeSurface
from tests.promise import broken_promise
from tests.service.stage import WORDS, Stage
from tests.streaming.texts import markdown, split


@pytest.mark.parametrize(("failure", "times"), [("frozen", 1), ("frozen", 2), ("frozen", 5), ("archived", 1)])
async def test_below_a_message_that_takes_no_edit_the_answer_goes_on_in_a_new_one(
    failure: str, times: int
) -> None:
    """Which opens a place that was archived. Nothing is lost or shown twice; and what is never taken does not
    become a message for every edit."""
    stage = Stage()
    surface = FakeSurface(stage.clock)
    surface.failures.extend(["", "", *[failure, ""] * times])
    answer = Answer()
    [shown] = await stage.play((answer, surface, WORDS))
    assert shown.complete
    assert len(surface.texts) == min(times, 3) + 1
    assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None


async def test_what_a_message_that_takes_no_edit_may_not_show_is_shown_below_it() -> None:
    """Of an edit of unknown outcome nobody can find out any more."""
    stage = Stage()
    surface = FakeSurface(stage.clock)
    surface.failures.extend(["", "unknown_not_taken", "frozen"])
    answer = Answer()
    [shown] = await stage.play((answer, surface, WORDS))
    assert shown.complete
    assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None


async def test_what_another_process_showed_and_takes_no_edit_is_shown_anew_rather_than_lost() -> None:
    """How much of its last edit was taken is not known."""
    stage = Stage()
    surface, answer = FakeSurface(stage.clock), Answer()
    await stage.play((answer, surface, WORDS[:20]))
    [message_id] = surface.messages
    surface.frozen.add(message_id)
    rest = Answer()
    rest.append("".join(WORDS[:30]), stage.clock.monotonic())
    standing = (Standing(message_id, 0, len("".join(WORDS[:25]))),)
    showing = stage.driver.show(rest, surface, standing=standing)
    stage.end(rest)
    await stage.clock.advance(10.0)
    assert (await showing.finished()).complete
    assert surface.texts == ["".join(WORDS[:20]).strip(), "".join(WORDS[:30]).strip()]


async def test_an_answer_whose_words_all_stand_there_opens_no_place_for_its_buttons() -> None:
    stage = Stage()
    surface, answer = FakeSurface(stage.clock), Answer()
    answer.append("A short answer.", stage.clock.monotonic())
    showing = stage.driver.show(answer, surface, stop=Button("stop:1", "Stop"))
    await stage.clock.advance(10.0)
    surface.archived = True
    stage.end(answer)
    await stage.clock.advance(10.0)
    assert (await showing.finished()).complete
    assert surface.texts == ["A short answer."]


async def test_what_another_process_showed_in_a_place_that_was_archived_is_left_as_it_is() -> None:
    """How much of it stands there is not known: below it, it would stand twice."""
    stage = Stage()
    surface, answer = FakeSurface(stage.clock), Answer()
    await stage.play((answer, surface, WORDS[:20]))
    [message_id] = surface.messages
    surface.archived = True
    rest = Answer()
    rest.append("".join(WORDS[:30]), stage.clock.monotonic())
    standing = (Standing(message_id, 0, len("".join(WORDS[:25]))),)
    showing = stage.driver.show(rest, surface, standing=standing)
    stage.end(rest)
    await stage.clock.advance(10.0)
    assert (await showing.finished()).reason is NotSentReason.ARCHIVED
    assert surface.texts == ["".join(WORDS[:20]).strip()]


async def test_where_a_frozen_message_ended_the_next_process_goes_on() -> None:
    """The edit that was refused had been written down, and was not seen."""
    stage = Stage()
    surface, answer = FakeSurface(stage.clock), Answer()
    text = "".join(WORDS)
    answer.append(text, stage.clock.monotonic())
    seen, refused, below = (len("".join(WORDS[:count])) for count in (20, 30, 40))
    surface.messages["m8"] = FakeMessage("m8", MessageContent(Rendered(text[:seen].strip())), None)
    surface.messages["m9"] = FakeMessage("m9", MessageContent(Rendered(text[seen:below].strip())), None)
    surface.frozen.add("m8")
    standing = (Standing("m8", 0, refused), Standing("m9", seen, below))
    stage.driver.show(answer, surface, standing=standing)
    stage.end(answer)
    await stage.clock.advance(10.0)
    assert broken_promise(text, surface.pages, surface.capabilities.renderer) is None
    assert len(surface.pages) == 2


@settings(max_examples=40, deadline=None)
@given(
    deltas=split(markdown, most=30),
    failing=st.lists(st.sampled_from(["", "", "rate_limited", "unavailable", "frozen"]), max_size=12),
    page_units=st.sampled_from([300, 2_000]),
)
def test_frozen_messages_break_no_promise(deltas: list[str], failing: list[str], page_units: int) -> None:
    async def story() -> None:
        stage = Stage()
        surface, answer = FakeSurface(stage.clock, page_units=page_units), Answer()
        surface.failures.extend(failing)
        [shown] = await stage.play((answer, surface, deltas))
        assert shown.complete
        assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None

    asyncio.run(story())
