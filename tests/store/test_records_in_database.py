"""What many turns at once cost the journal, and what waits for it holds."""

from __future__ import annotations

import gc
import weakref

from sqlalchemy import event

from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.ports.journal import KeptTurn
from core.service.records import Records
from core.service.steps import Tried
from core.streaming.answer import Answer
from tests.fakes.clock import FakeClock
from tests.store.people import ADA

MANY = 40


def turn(number: int) -> KeptTurn:
    return KeptTurn(f"t{number}", "discord:9", (f"e{number}",), ADA, b"asked", 100.0)


async def test_turns_that_begin_and_end_together_are_few_commits(sqlite_location: Location) -> None:
    async with open_store(sqlite_location) as store:
        begun: list[str] = []

        def note(*details: object) -> None:
            if details[2] == "BEGIN IMMEDIATE":
                begun.append(str(details[2]))

        event.listen(store._database._engine.sync_engine, "before_cursor_execute", note)
        clock = FakeClock()
        records = Records(store.journal, clock)
        kept = [records.begin(turn(number), Answer()) for number in range(MANY)]
        for number, record in enumerate(kept):
            assert await record.is_ours()
            records.note(f"t{number}", Tried())
            record.finish("complete")
        await records.close(clock.monotonic() + 1.0)
        # Those that are known when a commit begins go with it.
        assert len(begun) <= 8
        assert [record.duplicate for record in kept] == [False] * MANY
        assert not store.journal._held


async def test_a_turn_that_is_over_holds_no_answer_while_the_journal_is_slow(
    sqlite_location: Location,
) -> None:
    async with open_store(sqlite_location) as store:
        clock = FakeClock()
        records, answer = Records(store.journal, clock), Answer()
        record = records.begin(turn(1), answer)
        assert await record.is_ours()
        record.finish("complete")
        there = weakref.ref(answer)
        del record, answer
        gc.collect()
        assert records._waiting
        assert there() is None
        await records.close(clock.monotonic() + 1.0)
