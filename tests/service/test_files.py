"""The rest of a long block as a file, from the model to the chat, in virtual time."""

from __future__ import annotations

import asyncio
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.catalogue import say
from core.streaming.answer import Answer, Ending
from core.streaming.operations import FileContent, OperationKind
from tests.fakes.surface import FakeMessage, FakeSurface
from tests.promise import broken_promise
from tests.service.conftest import Bot
from tests.service.stage import STOP, Stage, failures
from tests.streaming.test_files import code, long_text
from tests.streaming.texts import split

PAGE = 700


def deltas_of(text: str) -> list[str]:
    return [text[at : at + 20] for at in range(0, len(text), 20)]


def with_file(surface: FakeSurface) -> tuple[FakeMessage, FileContent]:
    [message] = [message for message in surface.messages.values() if message.content.file]
    assert message.content.file is not None
    return message, message.content.file


async def test_one_message_says_how_the_file_grows_and_then_carries_it() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock, page_units=PAGE, latency_s=0.1)
    answer = Answer()
    text = f"Look:\n\n{code(600)}\n\nThat was it."
    [shown] = await stage.play((answer, surface, deltas_of(text)))
    assert shown.complete
    assert len(shown.messages) == 4
    assert broken_promise(text, surface.pages, surface.capabilities.renderer) is None
    message, file = with_file(surface)
    *growing, last = message.history
    lines = file.data.count(b"\n")
    assert last == say("file.code.whole", lines=lines)
    shown_lines = [int(re.findall(r"\d+", words)[0]) for words in growing]
    assert shown_lines == sorted(shown_lines)
    assert all(
        words == say("file.code.grows", lines=n) for words, n in zip(growing, shown_lines, strict=True)
    )
    assert surface.texts[-1] == "That was it."
    assert surface.refused == 0


async def test_what_it_says_costs_an_edit_now_and_then() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock, page_units=PAGE)
    await stage.play((Answer(), surface, deltas_of(code(900))))
    message, _ = with_file(surface)
    edits = [at for at, kind, text in surface.calls if kind is OperationKind.EDIT and text in message.history]
    assert len(edits) > 4
    assert all(later - earlier >= 2.99 for earlier, later in pairwise(edits[:-1]))


async def test_a_growing_file_takes_no_turns_from_text_that_is_read() -> None:
    """Its hidden text is old, and stays hidden whatever is sent: others' is younger and shows."""
    stage = Stage()
    filed = FakeSurface(stage.clock, page_units=PAGE)
    read = FakeSurface(stage.clock, page_units=10_000, server=filed._server)
    words = [f"word{n} " for n in range(400)]
    await stage.play((Answer(), filed, deltas_of(code(900))), (Answer(), read, words))
    stage = Stage()
    alone = FakeSurface(stage.clock, page_units=10_000)
    await stage.play((Answer(), alone, words))
    [beside], [by_itself] = read.messages.values(), alone.messages.values()
    assert len(beside.history) > 0.6 * len(by_itself.history)


@pytest.mark.parametrize("ending", [Ending.STOPPED, Ending.LENGTH, Ending.FAILED])
async def test_an_answer_cut_within_the_code_keeps_the_file_and_says_so_behind_it(ending: Ending) -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock, page_units=PAGE)
    answer = Answer()
    showing = stage.driver.show(answer, surface, stop=STOP, nonce="n")
    for delta in deltas_of(code(300)[:-4]):
        answer.append(delta, stage.clock.monotonic())
        stage.driver.changed(answer)
        await stage.clock.advance(0.1)
    message = surface.messages[showing.messages[-1].message_id]
    growing = message.content
    assert growing.buttons == (STOP,)
    stage.end(answer, ending, "⏹ cut")
    await stage.clock.advance(3.0)
    assert (await showing.finished()).complete
    assert message.content.file is not None
    assert not message.content.buttons
    assert surface.texts[-1] == "*⏹ cut*"
    assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer, mark="⏹ cut") is None


@pytest.mark.parametrize("every_s", [0.0, 0.1])
async def test_where_files_are_not_permitted_all_goes_on_in_pages(every_s: float) -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock, page_units=PAGE)
    surface.permits_files = False
    text = f"Look:\n\n{code(300)}\n\nThat was it."
    [shown] = await stage.play((Answer(), surface, deltas_of(text)), every_s=every_s)
    assert shown.complete
    assert not [page for page in surface.pages if isinstance(page, FileContent)]
    assert broken_promise(text, surface.pages, surface.capabilities.renderer) is None


async def test_a_surface_without_files_gets_pages() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock, page_units=PAGE, max_file_bytes=0)
    text = code(300)
    await stage.play((Answer(), surface, deltas_of(text)))
    assert len(surface.texts) > 4
    assert broken_promise(text, surface.pages, surface.capabilities.renderer) is None


async def test_the_words_are_shown_as_a_platform_shows_words(bot: Bot) -> None:
    """Through the whole service, and the file is in what the model remembers."""
    surface = bot.surface()
    text = f"{code(700)}\n\nThat was it."
    ref = await bot.answered(surface, "show me", text)
    await bot.clock.advance(10.0)
    message, file = with_file(surface)
    assert message.content.body.text == say("file.code.whole", lines=file.data.count(b"\n"))
    stream = await bot.asked(surface, "and?")
    assert text in stream.prompt
    assert ref.message_id in surface.messages


@settings(max_examples=60, deadline=None)
@given(
    deltas=split(long_text, most=30),
    failing=failures,
    every_s=st.sampled_from([0.0, 0.03, 0.4]),
    latency_s=st.sampled_from([0.0, 0.1, 1.5]),
    permits_files=st.booleans(),
)
def test_files_are_delivered_whatever_fails(
    deltas: list[str], failing: list[str], every_s: float, latency_s: float, permits_files: bool
) -> None:
    async def story() -> None:
        stage = Stage()
        surface = FakeSurface(stage.clock, page_units=PAGE, latency_s=latency_s)
        surface.failures.extend(failing)
        surface.permits_files = permits_files
        answer = Answer()
        [shown] = await stage.play((answer, surface, deltas), every_s=every_s)
        assert shown.complete
        assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None

    asyncio.run(story())
