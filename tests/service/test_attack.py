"""How evenly a long answer's edits come, on a surface that keeps its own limits."""

from __future__ import annotations

from itertools import pairwise

import pytest

from core.streaming.answer import Answer
from core.streaming.operations import OperationKind
from tests.fakes.surface import FakeSurface
from tests.service.test_driver import Stage


@pytest.mark.parametrize("latency_s", [0.0, 0.15, 0.4])
@pytest.mark.parametrize("words", [300, 307, 314])
async def test_a_long_answers_edits_come_evenly_and_its_ending_waits_a_slot(
    words: int, latency_s: float
) -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock, latency_s=latency_s)  # 5 edits in 5 s: a slot is 1 s
    [shown] = await stage.play((Answer(), surface, [f"{n} " for n in range(words)]))
    edits = [at for at, kind, _ in surface.calls if kind is OperationKind.EDIT]
    gaps = [later - earlier for earlier, later in pairwise(edits) if earlier > edits[0] + 6.0]
    assert max(gaps) <= 1.0 + 2 * latency_s + 0.2
    assert shown.figures.final_lag_s is not None
    assert shown.figures.final_lag_s <= 1.0 + 2 * latency_s + 0.2
    assert surface.refused == 0
