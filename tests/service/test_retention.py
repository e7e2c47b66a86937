"""What is too old goes, once an hour, and never by surprise."""

from __future__ import annotations

import asyncio
import logging

import pytest

from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_ledger import MemoryLedger
from core.adapters.memory_store import MemoryStore
from core.ports.store import Message, Overheard, Role, StoreError
from core.service.retention import EVERY_S, OVERHEARD_DAYS, Retention
from tests.fakes.clock import FakeClock, settle

DAY_S = 86_400.0


async def kept(store: MemoryStore, clock: FakeClock) -> None:
    """A question for each of the last 40 days, and a message that was overheard on each."""
    for days in range(40):
        at = clock.wall() - days * DAY_S
        await store.add(Message(f"m{days}", f"c{days}", None, Role.USER, "fake:1", "secret", at))
    for days in reversed(range(40)):
        at = clock.wall() - days * DAY_S
        await store.overhear(Overheard("fake:g", str(days), "fake:2", "Ben", "secret", at))


async def left(store: MemoryStore) -> tuple[int, int]:
    messages = [await store.message(f"m{days}") for days in range(40)]
    heard = await store.overheard("fake:g", since=0.0, limit=100)
    return sum(message is not None for message in messages), len(heard)


async def test_what_is_older_than_the_setting_goes_and_the_setting_may_change() -> None:
    store, clock, days = MemoryStore(), FakeClock(), 0
    await kept(store, clock)
    running = asyncio.create_task(
        Retention(store, MemoryJournal(clock=clock), MemoryLedger(), clock, lambda: days).run()
    )
    await settle()
    assert await left(store) == (40, OVERHEARD_DAYS + 1)  # off: but what was overheard goes
    days = 30
    await clock.advance(EVERY_S - 1)
    assert await left(store) == (40, OVERHEARD_DAYS + 1)
    await clock.advance(1)
    assert await left(store) == (30, OVERHEARD_DAYS)
    await clock.advance(DAY_S)
    assert await left(store) == (29, OVERHEARD_DAYS - 1)
    running.cancel()


async def test_a_store_that_fails_is_asked_again_an_hour_later(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(MemoryStore):
        async def expire(self, *, before: float, overheard_before: float) -> int:
            raise StoreError("the disk is full")

    clock = FakeClock()
    running = asyncio.create_task(
        Retention(Failing(), MemoryJournal(clock=clock), MemoryLedger(), clock, lambda: 30).run()
    )
    await clock.advance(EVERY_S)
    running.cancel()
    errors = [record.message for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == ["what is too old cannot be deleted: the disk is full"] * 2
