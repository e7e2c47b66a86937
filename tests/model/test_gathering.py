"""When the loop is held so that what many streams say is read together."""

from __future__ import annotations

import asyncio

import pytest

from core.adapters.gathering import HOLD_S, Gathering


class _Time:
    """Goes on when the loop is held, and when a test says so."""

    def __init__(self) -> None:
        self.at = 1_000.0
        self.held: list[float] = []

    def now(self) -> float:
        return self.at

    def hold(self, seconds: float) -> None:
        self.held.append(seconds)
        self.at += seconds


async def _read(gathering: Gathering, times: int = 1) -> None:
    for _ in range(times):
        gathering()
    await asyncio.sleep(0)


async def test_what_comes_alone_is_read_at_once() -> None:
    time = _Time()
    gathering = Gathering(now=time.now, hold=time.hold)
    for _ in range(3):
        await _read(gathering)
        time.at += HOLD_S
    assert time.held == []


async def test_what_follows_closely_waits_for_more_and_once_for_all() -> None:
    time = _Time()
    gathering = Gathering(now=time.now, hold=time.hold)
    await _read(gathering)
    for _ in range(3):
        time.at += HOLD_S / 4  # what it takes to handle them
        await _read(gathering, times=5)
    assert time.held == pytest.approx([HOLD_S * 3 / 4] * 3)


async def test_a_loop_that_is_busy_for_longer_never_waits() -> None:
    time = _Time()
    gathering = Gathering(now=time.now, hold=time.hold)
    for _ in range(3):
        await _read(gathering, times=50)
        time.at += 2 * HOLD_S
    assert time.held == []
