"""When edits come, on a surface that keeps its own limits."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import pytest

from core.streaming.answer import Answer
from core.streaming.operations import BucketKey, OperationKind
from tests.fakes.surface import FakeSurface
from tests.service.stage import Stage


@pytest.mark.parametrize("latency_s", [0.0, 0.15, 0.4])
@pytest.mark.parametrize("words", [300, 307, 314])
async def test_a_long_answers_edits_come_evenly_and_its_ending_waits_a_slot(
    words: int, latency_s: float
) -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock, latency_s=latency_s)  # 5 edits in 5 s: a slot is 1 s
    [shown] = await stage.play((Answer(), surface, [f"{n} " for n in range(words)]))
    edits = [at for at, kind, _ in surface.calls if kind is OperationKind.EDIT]
    gaps = [later - earlier for earlier, later in pairwise(edits) if earlier > edits[0] + 15.0]
    assert max(gaps) <= 1.0 + 2 * latency_s + 0.2
    assert shown.figures.final_lag_s is not None
    assert shown.figures.final_lag_s <= 1.0 + 2 * latency_s + 0.2
    assert surface.refused == 0


async def test_a_blank_beginning_does_not_use_up_the_first_texts_second() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    answer = Answer()
    stage.driver.show(answer, surface)
    for delta, then_s in [("\n\n", 3.0), ("I", 0.5), (" speak", 0.4), (" slowly", 0.2)]:
        answer.append(delta, stage.clock.monotonic())
        stage.driver.changed(answer)
        await stage.clock.advance(then_s)
    [message] = surface.messages.values()
    assert message.history == ["I speak slowly"]


async def test_a_long_answers_last_pages_take_turns_with_what_others_begin() -> None:
    stage = Stage()
    server: dict[BucketKey, deque[float]] = {}
    long, short = (FakeSurface(stage.clock, server=server) for _ in range(2))
    answers = [Answer(), Answer()]
    answers[0].append("word " * 10_000, stage.clock.monotonic())
    stage.end(answers[0])
    stage.driver.show(answers[0], long)
    await stage.clock.advance(4.0)  # its sends fill the channel's window
    stage.driver.show(answers[1], short)
    answers[1].append("A whole sentence.", stage.clock.monotonic())
    stage.end(answers[1])
    pages = len(long.messages)
    await stage.clock.advance_until(lambda: bool(short.messages))
    assert len(long.messages) - pages <= 1
    assert long.refused + short.refused == 0
    await stage.clock.advance_until(lambda: len(long.messages) >= 25)
