"""Where only so many messages may be sent: the last one carries the rest."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.catalogue import say
from core.service.showing import Shown
from core.streaming.answer import Answer, Ending
from core.streaming.operations import FileContent, NotSentReason
from tests.fakes.surface import FakeSurface
from tests.promise import broken_promise
from tests.service.conftest import mark
from tests.service.stage import STOP, WORDS, Stage, failures
from tests.streaming.texts import markdown, split


def limited(stage: Stage, *, page_units: int = 300, max_file_bytes: int = 1 << 20) -> FakeSurface:
    return FakeSurface(
        stage.clock, page_units=page_units, messages_left=3, max_file_bytes=max_file_bytes, latency_s=0.05
    )


async def shown(deltas: list[str], surface: FakeSurface, stage: Stage) -> Shown:
    answer = Answer()
    [one] = await stage.play((answer, surface, deltas))
    if one.complete:
        assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None
    return one


async def test_the_last_message_carries_all_the_rest_as_a_file() -> None:
    stage = Stage()
    surface = limited(stage)
    assert (await shown(WORDS * 2, surface, stage)).complete
    first, second, file = surface.pages
    assert isinstance(first, str)
    assert isinstance(second, str)
    assert isinstance(file, FileContent)
    assert file.name == "answer.md"
    *growing, whole = surface.messages["m3"].history
    assert whole == say("file.answer.whole", lines=0)
    assert growing
    assert surface.refused == 0


async def test_a_rest_that_is_no_more_than_a_page_is_one() -> None:
    stage = Stage()
    surface = limited(stage)
    assert (await shown(WORDS[:80], surface, stage)).complete
    assert len(surface.pages) == 3
    assert all(isinstance(page, str) for page in surface.pages)


@pytest.mark.parametrize("known", [False, True])
async def test_where_no_file_may_be_sent_the_answer_ends_there_with_a_mark(known: bool) -> None:
    stage = Stage()
    surface = limited(stage, max_file_bytes=0 if known else 1 << 20)
    surface.permits_files = False
    one = await shown(WORDS * 2, surface, stage)
    assert (one.complete, one.reason) == (False, NotSentReason.FULL)
    assert len(surface.pages) == 3
    kept = surface.texts[-1].removesuffix(f"\n\n{mark('ending.messages')}")
    assert kept != surface.texts[-1]
    seen = "".join("".join(page.split()) for page in (*surface.texts[:2], kept))
    assert "".join("".join(WORDS * 2).split()).startswith(seen)
    assert surface.messages["m3"].content.buttons == ()


async def test_how_it_ended_stands_beside_the_file() -> None:
    stage = Stage()
    surface = limited(stage)
    answer = Answer()
    showing = stage.driver.show(answer, surface, stop=STOP)
    answer.append("".join(WORDS * 2), stage.clock.monotonic())
    stage.driver.changed(answer)
    await stage.clock.advance(20.0)
    stage.end(answer, Ending.STOPPED, "⏹ stopped")
    await stage.clock.advance(5.0)
    assert (await showing.finished()).complete
    assert surface.texts[-1] == f"{say('file.answer.whole', lines=0)}\n\n*⏹ stopped*"
    assert isinstance(surface.pages[-1], FileContent)


@settings(max_examples=60, deadline=None)
@given(
    deltas=split(markdown, most=60),
    failing=failures,
    every_s=st.sampled_from([0.0, 0.05, 0.4]),
    permits_files=st.booleans(),
)
def test_whatever_fails_all_is_there_or_a_mark(
    deltas: list[str], failing: list[str], every_s: float, permits_files: bool
) -> None:
    async def story() -> None:
        stage = Stage()
        surface = limited(stage)
        surface.failures.extend(failing)
        surface.permits_files = permits_files
        answer = Answer()
        [one] = await stage.play((answer, surface, deltas), every_s=every_s)
        assert len(surface.messages) <= 3
        if one.complete:
            assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None
        else:
            assert not permits_files
            assert one.reason is NotSentReason.FULL
            assert surface.texts[-1].endswith(mark("ending.messages"))

    asyncio.run(story())
