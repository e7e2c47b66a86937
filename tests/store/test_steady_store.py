"""A conversation goes on while its store fails, and is whole again when it works."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import Any

import pytest

from core.adapters.memory_store import MemoryStore
from core.adapters.steady_store import SteadyStore
from core.ports.alerts import Cause
from core.ports.store import Lane, LaneKey, Message, Role, Shown, Store, StoreError
from tests.fakes.alerts import NotedAlerts
from tests.fakes.clock import FakeClock

ADA, BEN = "discord:1", "discord:2"
LANE = LaneKey("discord:30", ADA)


def asked(name: str, parent: str | None = None, *, asker: str = ADA) -> Message:
    return Message(name, "c", parent, Role.USER, asker, f"text of {name}", at=100.0)


def answered(name: str, parent: str) -> Message:
    return Message(name, "c", parent, Role.ASSISTANT, ADA, f"text of {name}", at=101.0)


async def grown(store: Store) -> None:
    """q1 ─ a1 ─ q2 (Ben's) ─ a2."""
    await store.add(asked("q1"), (Shown("p", "1"),))
    await store.add(answered("a1", "q1"), (Shown("p", "2"),))
    await store.add(asked("q2", "a1", asker=BEN), (Shown("p", "4"),))
    await store.add(answered("a2", "q2"))


def ids(messages: tuple[Message, ...]) -> list[str]:
    return [message.id for message in messages]


class Flaky(MemoryStore):
    """Fails as long as it is told to, and refuses to add what it is told to refuse."""

    down = False
    refuses = ""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def asked(*args: Any, **named: Any) -> Any:
            if self.down or (name == "add" and args[0].id == self.refuses):
                raise StoreError("out of order")
            return await found(*args, **named)

        return asked


async def test_what_is_said_while_the_store_fails_is_known_and_then_kept() -> None:
    flaky, alerts = Flaky(), NotedAlerts()
    store = SteadyStore(flaky, alerts=alerts)
    await grown(store)
    await store.set_lane(LANE, Lane("c", "a1", 1.0))
    flaky.down = True
    await store.add(asked("q3", "a2"))
    await store.add(answered("a3", "q3"), (Shown("p", "9"),))
    await store.set_lane(LANE, Lane("c", "a3", 2.0))
    assert ids(await store.path("a3"))[-2:] == ["q3", "a3"]
    assert await store.lane(LANE) == Lane("c", "a3", 2.0)
    flaky.down = False
    assert await store.lane(LANE) == Lane("c", "a3", 2.0)
    await store.add(asked("q4", "a3"))
    assert ids(await flaky.path("q4"))[-3:] == ["q3", "a3", "q4"]
    assert await flaky.lane(LANE) == Lane("c", "a3", 2.0)
    assert alerts.told == [("raised", Cause.STORE, "out of order"), ("over", Cause.STORE, "")]


async def test_what_is_written_while_the_store_is_read_is_known() -> None:
    class Reading(MemoryStore):
        """Takes nothing while it is `locked`; what it found is heard once it is `heard`."""

        def __init__(self) -> None:
            super().__init__()
            self.locked, self.heard = asyncio.Lock(), asyncio.Event()

        async def add(self, message: Message, shown: tuple[Shown, ...] = ()) -> None:
            async with self.locked:
                await super().add(message, shown)

        async def message(self, message_id: str) -> Message | None:
            found = await super().message(message_id)
            await self.heard.wait()
            return found

    inner, clock = Reading(), FakeClock()
    store = SteadyStore(inner, clock)
    await inner.locked.acquire()
    adding = asyncio.create_task(store.add(asked("q1")))
    await clock.advance(2.0)
    await adding  # nobody waits any longer
    reading = asyncio.create_task(store.message("q1"))
    await clock.advance(0.0)
    inner.locked.release()
    await clock.advance(0.0)
    inner.heard.set()
    assert await reading == asked("q1")
    await store.aclose()


async def test_a_lane_that_is_not_written_yet_moves_with_its_place() -> None:
    flaky = Flaky()
    store = SteadyStore(flaky)
    await grown(store)
    await store.set_lane(LANE, Lane("c", "a1", 1.0))
    flaky.down = True
    await store.set_lane(LANE, Lane("c", "a2", 2.0))
    flaky.down = False
    await store.move_place(LANE.place, "discord:31")
    there = LaneKey("discord:31", ADA)
    assert await store.lane(there) == Lane("c", "a2", 2.0)
    await store.add(asked("q3", "a2"))
    assert await flaky.lane(there) == Lane("c", "a2", 2.0)
    assert await flaky.lane(LANE) is None


async def test_many_who_write_at_once_wait_for_what_they_have_written() -> None:
    """Who goes on at once begins the next write before the others have seen the end of theirs."""
    inner = MemoryStore()
    store = SteadyStore(inner)

    async def talk(name: str) -> None:
        for number in range(3):
            await store.add(asked(f"{name}{number}", f"{name}{number - 1}" if number else None))

    await asyncio.gather(*map(talk, "abc"))
    for name in "abc":
        assert ids(await inner.path(f"{name}2")) == [f"{name}0", f"{name}1", f"{name}2"]


async def test_one_message_that_is_refused_does_not_hold_up_the_others() -> None:
    flaky = Flaky()
    store = SteadyStore(flaky)
    flaky.refuses = "q0"
    await store.add(asked("q0"))
    await grown(store)
    assert await flaky.message("q0") is None
    assert ids(await flaky.path("a2")) == ["q1", "a1", "q2", "a2"]


async def test_a_late_answer_of_somebody_forgotten_stays_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    flaky = Flaky()
    store = SteadyStore(flaky)
    await store.add(asked("q1"), (Shown("p", "1"),))
    await store.forget(ADA)
    await store.add(answered("a1", "q1"), (Shown("p", "2"),))
    await store.set_lane(LANE, Lane("c", "a1", 1.0))
    flaky.down = True  # what is known now is known from memory
    assert await store.message("a1") is None
    assert await store.shown(Shown("p", "2")) is None
    assert await store.path("a1") == ()
    assert "cannot be kept" not in caplog.text


async def test_a_lane_of_somebody_forgotten_is_not_written_later() -> None:
    flaky = Flaky()
    store = SteadyStore(flaky)
    await grown(store)
    flaky.down = True
    await store.set_lane(LANE, Lane("c", "a1", 1.0))
    flaky.down = False
    await store.forget(ADA)
    await store.add(asked("q5", asker=BEN))
    assert await flaky.lane(LANE) is None


async def test_a_conversation_from_before_goes_on_while_the_store_fails() -> None:
    """What stood before this process is not in its memory, and what is said now is."""
    flaky = Flaky()
    await grown(flaky)
    store = SteadyStore(flaky)
    flaky.down = True
    await store.add(asked("q3", "a2"))
    await store.add(answered("a3", "q3"))
    assert ids(await store.path("a3")) == ["q3", "a3"]
    flaky.down = False
    await store.add(asked("q4", "a3"))
    assert ids(await flaky.path("q4")) == ["q1", "a1", "q2", "a2", "q3", "a3", "q4"]


async def test_what_people_are_told_is_done_is_done_or_raises() -> None:
    flaky = Flaky()
    store = SteadyStore(flaky)
    await grown(store)
    flaky.down = True
    with pytest.raises(StoreError):
        await store.remove("q2")


async def test_what_is_forgotten_meanwhile_is_not_written_later() -> None:
    flaky = Flaky()
    store = SteadyStore(flaky)
    await grown(store)
    flaky.down = True
    await store.add(asked("q3", "a2"))
    flaky.down = False
    await store.forget(ADA)
    await store.add(asked("q4", "q2", asker=BEN))
    assert await flaky.message("q3") is None
    assert await store.message("q3") is None


class ReadOnly(Flaky):
    """Reads, but takes no write while `full`: a full disk, or a lock that another process holds."""

    full = False

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in {"add", "set_lane", "remove", "set_summary"}:
            return found

        async def asked(*args: Any, **named: Any) -> Any:
            self.tries += 1
            if self.full:
                await self.refusal.wait()
                raise StoreError("database or disk is full")
            return await found(*args, **named)

        return asked

    def __init__(self) -> None:
        self.tries = 0
        self.refusal = asyncio.Event()
        self.refusal.set()
        super().__init__()


async def test_what_is_said_while_the_store_can_only_be_read_is_known_and_then_kept() -> None:
    full = ReadOnly()
    store = SteadyStore(full)
    await grown(store)
    full.full = True
    await store.add(asked("q3", "a2"))
    await store.add(answered("a3", "q3"), (Shown("p", "9"),))
    await store.set_lane(LANE, Lane("c", "a3", 2.0))
    assert ids(await store.path("a3"))[-2:] == ["q3", "a3"]
    assert await store.lane(LANE) == Lane("c", "a3", 2.0)
    full.full = False
    await store.add(asked("q4", "a3"))
    assert ids(await full.path("q4"))[-3:] == ["q3", "a3", "q4"]
    assert await full.lane(LANE) == Lane("c", "a3", 2.0)


async def test_nobody_waits_for_the_patience_that_others_have_with_a_failing_store() -> None:
    """SQLite waits seconds for a lock: once for all who write meanwhile, not once for each."""
    full = ReadOnly()
    store = SteadyStore(full)
    full.full = True
    full.refusal.clear()
    writes = [asyncio.ensure_future(store.add(asked(f"q{number}"))) for number in range(20)]
    for _ in range(100):
        await asyncio.sleep(0)
    full.refusal.set()
    await asyncio.gather(*writes)
    assert full.tries <= 3


async def test_what_is_said_does_not_wait_for_a_store_that_is_locked() -> None:
    locked = ReadOnly()
    store = SteadyStore(locked, patience_s=0.0)
    locked.full = True
    locked.refusal.clear()
    await store.add(asked("q1"))
    await store.set_lane(LANE, Lane("c", "q1", 1.0))
    assert ids(await store.path("q1")) == ["q1"]
    assert await store.lane(LANE) == Lane("c", "q1", 1.0)
    locked.full = False
    locked.refusal.set()
    for _ in range(100):
        await asyncio.sleep(0)
    assert await locked.lane(LANE) == Lane("c", "q1", 1.0)
    assert ids(await store.path("q1")) == ["q1"]


async def test_nothing_of_somebody_is_written_while_they_are_forgotten() -> None:
    """What a failing store has missed is written once it works: not behind the back of /forget."""

    class Slow(Flaky):
        forgetting = asyncio.Event()

        async def forget(self, person: str) -> int:
            rows = await super().forget(person)
            self.forgetting.set()
            for _ in range(10):
                await asyncio.sleep(0)
            return rows

    slow = Slow()
    store = SteadyStore(slow)
    slow.down = True
    await store.add(asked("q1"))
    slow.down = False
    forgetting = asyncio.ensure_future(store.forget(ADA))
    await slow.forgetting.wait()
    await asyncio.gather(forgetting, store.add(asked("q2", asker=BEN)))
    assert await slow.message("q1") is None
    assert await slow.message("q2") is not None


async def test_a_conversation_from_before_is_whole_while_the_store_can_only_be_read() -> None:
    full = ReadOnly()
    await grown(full)
    store = SteadyStore(full)
    full.full = True
    await store.add(asked("q3", "a2"))
    await store.add(answered("a3", "q3"))
    assert ids(await store.path("a3")) == ["q1", "a1", "q2", "a2", "q3", "a3"]
    assert ids(await store.path("a3", limit=3)) == ["a2", "q3", "a3"]


async def test_what_the_store_refused_is_written_also_where_nothing_more_is_said() -> None:
    flaky, clock = Flaky(), FakeClock()
    store = SteadyStore(flaky, clock)
    flaky.down = True
    await store.add(asked("q1"))
    await clock.advance(6.0)
    flaky.down = False
    await clock.advance(6.0)
    assert ids(await flaky.path("q1")) == ["q1"]
    await store.aclose()
