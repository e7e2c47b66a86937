"""The machine's clock, on a loop that only notes what it is asked."""

from __future__ import annotations

import asyncio
import time

import pytest

from core.adapters.clock import SystemClock


@pytest.mark.parametrize(
    ("left_s", "delay_s"), [(0.0004, 0.001), (0.0102, 0.011), (0.02, 0.02), (0.0, 0.0), (float("-inf"), 0.0)]
)
async def test_a_callback_is_asked_for_in_whole_milliseconds_and_never_too_early(
    left_s: float, delay_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvloop rounds: what is asked for in 0.4 ms would come at once, and again, until it is time."""
    asked: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", lambda delay, _: asked.append(delay))
    SystemClock().call_at(left_s, lambda: None)
    assert asked == [delay_s]
