"""The watchdog's timer, on a clock that the tests move."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from core.adapters.patience import Patience
from core.ports.completions import ModelError, ModelErrorKind
from tests.fakes.clock import FakeClock, FakeTimer


class _CountingClock(FakeClock):
    """Counts the timers that are set."""

    def __init__(self) -> None:
        super().__init__()
        self.timers = 0

    def call_at(self, deadline: float, callback: Callable[[], None]) -> FakeTimer:
        self.timers += 1
        return super().call_at(deadline, callback)


async def _wait(patience: Patience, awaited: asyncio.Event) -> None:
    with patience:
        await awaited.wait()


async def test_a_thousand_waits_set_a_handful_of_timers() -> None:
    """A timer for each would cost about as much as reading the delta."""
    clock = _CountingClock()
    patience = Patience(60.0, clock)
    for _ in range(1_000):
        coming = asyncio.Event()
        waiting = asyncio.ensure_future(_wait(patience, coming))
        await clock.advance(0.5)
        coming.set()
        await waiting
        patience.left = 45.0
    patience.close()
    assert clock.timers <= 2 + 500 / 45 + 1


async def test_it_ends_the_wait_when_the_time_is_up_and_not_sooner() -> None:
    """Also with a timer that was set for a time when more was left."""
    clock = FakeClock()
    patience = Patience(60.0, clock)
    with patience:
        pass
    patience.left = 10.0
    waiting = asyncio.ensure_future(_wait(patience, asyncio.Event()))
    await clock.advance(9.0)
    assert not waiting.done()
    await clock.advance(1.5)
    with pytest.raises(ModelError) as caught:
        await waiting
    assert caught.value.kind is ModelErrorKind.STALLED


async def test_what_happens_between_two_waits_uses_nothing_up() -> None:
    """The caller may take its time."""
    clock = FakeClock()
    patience = Patience(10.0, clock)
    with patience:
        pass
    await clock.advance(100.0)
    waiting = asyncio.ensure_future(_wait(patience, asyncio.Event()))
    await clock.advance(9.0)
    assert not waiting.done()
    await clock.advance(1.5)
    with pytest.raises(ModelError):
        await waiting


async def test_short_waits_add_up() -> None:
    """Comments that keep a connection alive are no reason for new patience."""
    clock = FakeClock()
    patience = Patience(10.0, clock)
    for _ in range(3):
        coming = asyncio.Event()
        waiting = asyncio.ensure_future(_wait(patience, coming))
        await clock.advance(3.0)
        coming.set()
        await waiting
    assert patience.left == pytest.approx(1.0, abs=0.5)
    waiting = asyncio.ensure_future(_wait(patience, asyncio.Event()))
    await clock.advance(2.0)
    with pytest.raises(ModelError):
        await waiting


async def test_a_cancellation_from_outside_stays_one() -> None:
    """Stop pressed at the very moment when the time is up."""
    clock = FakeClock()
    patience = Patience(10.0, clock)
    waiting = asyncio.ensure_future(_wait(patience, asyncio.Event()))
    await clock.advance(1.0)
    waiting.cancel()
    clock.now += 20.0
    patience._fire()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert waiting.cancelled()


async def test_whoever_waits_next_may_be_another_task() -> None:
    """A generator is resumed by whoever asks it."""
    clock = FakeClock()
    patience = Patience(10.0, clock)
    with patience:
        pass
    first = asyncio.ensure_future(_wait(patience, asyncio.Event()))
    await clock.advance(1.0)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    second = asyncio.ensure_future(_wait(patience, asyncio.Event()))
    await clock.advance(20.0)
    with pytest.raises(ModelError):
        await second
