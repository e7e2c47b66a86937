"""A disk so slow that every call of the store takes seconds: nobody waits for it, and one alert tells it."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from core.adapters.memory_store import MemoryStore
from core.adapters.steady_store import PATIENCE_S, READ_PATIENCE_S, SteadyStore
from core.ports.alerts import Cause
from core.ports.store import Lane, LaneKey, StoreError, Used
from tests.fakes.alerts import NotedAlerts
from tests.fakes.clock import FakeClock
from tests.service.conftest import Bot, shut

WRITES = frozenset({"add", "set_lane", "use", "choose", "set_summary", "overhear", "remove", "forget"})


class Slow(MemoryStore):
    """What is in `slow` takes so many seconds."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock
        self.takes_s = 0.0
        self.slow = WRITES
        self.under_way = self.most = 0

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or not inspect.iscoroutinefunction(found):
            return found

        async def asked(*args: Any, **named: Any) -> Any:
            if name not in self.slow:
                return await found(*args, **named)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            try:
                await self.clock.sleep_until(self.clock.monotonic() + self.takes_s)
                return await found(*args, **named)
            finally:
                self.under_way -= 1

        return asked


class SlowBot(Bot):
    """On a store that can be made slow."""

    def __init__(self) -> None:
        clock = FakeClock()
        first = Bot()
        first.clock = clock
        self.slow = Slow(clock)
        self.alerts = NotedAlerts()
        first.store = SteadyStore(self.slow, clock, alerts=self.alerts)
        super().__init__(before=first)


async def first_text_after(bot: SlowBot, text: str) -> float:
    """Seconds from the question to the model's being asked."""
    surface = bot.surface()
    asked_at = bot.clock.monotonic()
    event = asyncio.ensure_future(bot.say(surface, text))
    before = len(bot.model.streams)
    await bot.clock.advance_until(lambda: len(bot.model.streams) > before, at_most=120.0)
    waited = bot.clock.monotonic() - asked_at
    bot.model.streams[-1].finish(f"Answer to {text}.")
    await bot.clock.advance_until(event.done)
    await bot.clock.advance(1.0)
    return waited


async def test_nobody_waits_for_slow_writes_and_all_is_kept_in_the_end() -> None:
    bot = SlowBot()
    bot.slow.takes_s = 4.0
    waits = [await first_text_after(bot, f"q{number}") for number in range(6)]
    assert waits[0] <= 2 * PATIENCE_S
    assert max(waits[1:]) <= 1.0
    assert bot.model.streams[-1].prompt[-3:] == ["q4", "Answer to q4.", "q5"]
    assert bot.alerts.told[0][:2] == ("raised", Cause.STORE)
    bot.slow.takes_s = 0.0
    await bot.clock.advance(200.0)
    await first_text_after(bot, "last")
    await bot.clock.advance(5.0)
    assert not bot.alerts.raised
    texts = [message.text for message in bot.slow._messages.values()]
    expected = [*(f"q{number}" for number in range(6)), "last"]
    assert sorted(texts) == sorted([*expected, *(f"Answer to {text}." for text in expected)])
    await shut(bot)


async def test_nobody_waits_long_for_slow_reads() -> None:
    bot = SlowBot()
    await first_text_after(bot, "before")
    bot.slow.slow = WRITES | {"lane", "message", "shown", "path", "answers", "shows", "summary", "choices"}
    bot.slow.takes_s = 3_600.0
    first = await first_text_after(bot, "first")
    assert first <= READ_PATIENCE_S + PATIENCE_S + 2.5
    assert await first_text_after(bot, "second") <= 3.5
    assert bot.model.streams[-1].prompt[-3:] == ["first", "Answer to first.", "second"]
    assert [told[:2] for told in bot.alerts.told] == [("raised", Cause.STORE)]
    now = bot.clock.monotonic()
    stopped = asyncio.ensure_future(bot.chat.stop(streams_until=now + 4.0, marks_until=now + 7.0))
    await bot.clock.advance_until(stopped.done, at_most=8.0)


async def test_a_store_that_hangs_does_not_fill_the_memory() -> None:
    clock = FakeClock()
    slow = Slow(clock)
    slow.slow, slow.takes_s = frozenset({"choices", "use"}), 1e9
    store = SteadyStore(slow, clock, alerts=NotedAlerts())
    used = Used(1, "p", "p", "m", requests=1)
    asked = [asyncio.ensure_future(store.choices(("s",))) for _ in range(2_000)]
    asked += [asyncio.ensure_future(store.use(used)) for _ in range(2_000)]  # type: ignore[arg-type]
    await clock.advance(10.0)
    assert all(one.done() for one in asked)
    assert slow.most <= 512
    with pytest.raises(StoreError, match="wait for an answer already"):
        await store.choices(("s",))
    await store.aclose()


async def test_what_is_chosen_is_told_when_it_is_kept_and_not_before() -> None:
    clock = FakeClock()
    slow = Slow(clock)
    slow.takes_s = 20.0
    store = SteadyStore(slow, clock, alerts=NotedAlerts())
    chosen = asyncio.ensure_future(store.choose("s", "n", "v"))
    await clock.advance(19.0)
    assert not chosen.done()
    await clock.advance(2.0)
    assert chosen.done()
    assert await slow.choices(("s",)) == {"s": {"n": "v"}}


async def test_who_goes_away_meanwhile_takes_nothing_along() -> None:
    clock = FakeClock()
    slow = Slow(clock)
    store = SteadyStore(slow, clock, alerts=NotedAlerts())
    slow.takes_s = 5.0
    writing = asyncio.ensure_future(store.set_lane(LaneKey("p"), Lane("c", None, 1.0)))
    await clock.advance(0.5)
    writing.cancel()
    await clock.advance(10.0)
    assert await slow.lane(LaneKey("p")) == Lane("c", None, 1.0)
