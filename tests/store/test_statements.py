"""How many statements a database is given: each connection holds what it has prepared, by its text."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, event

from core.adapters.store.lists import AT_ONCE, in_parts
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.adapters.store.sql_store import SqlStore
from core.ports.journal import KeptTurn, Received, Step
from core.ports.store import Shown, Used
from tests.store.people import ADA, asked

ACCOUNT = "discord:9"
LENGTHS = AT_ONCE.bit_length()  # of lists: each power of two up to AT_ONCE


@contextmanager
def texts(store: SqlStore) -> Iterator[set[str]]:
    """Of all that is sent to the database."""
    sent: set[str] = set()
    engines = {store._database._engine.sync_engine, store._database._readers.sync_engine}

    def note(*details: Any) -> None:
        sent.add(details[2])

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


async def test_the_summary_of_a_conversation_however_long(location: Location) -> None:
    async with open_store(location) as store:
        with texts(store) as sent:
            for length in range(1, 401, 3):
                assert await store.summary(tuple(f"m{number}" for number in range(length))) is None
        assert len(sent) <= LENGTHS


async def test_events_and_steps_however_many_come_together(location: Location) -> None:
    """Twice as many are one more length of each list: persons, events, turns."""
    async with open_store(location) as store:

        async def come(many: int) -> None:
            names = [f"{many}/{number}" for number in range(many)]
            said = [Received(ACCOUNT, one, f"discord:{one}", b"said", 1.0) for one in names]
            assert len(await store.journal.receive(said)) == many
            assert len(await store.journal.handled(ACCOUNT, names, 2.0)) == many
            assert not await store.journal.write([Step(f"t{number}", b"said") for number in range(many)])

        for number in range(32):
            await store.journal.begin(KeptTurn(f"t{number}", ACCOUNT, (f"e{number}",), ADA, b"told", 1.0))
        with texts(store) as few:
            for many in range(1, 17):
                await come(many)
        with texts(store) as more:
            for many in range(17, 33):
                await come(many)
        assert len(more - few) == 3


async def test_what_is_kept_anew_copies_no_table(location: Location) -> None:
    """A copy, which the words for a row that is there already need, is a circle of hundreds of objects."""
    async with open_store(location) as store:

        async def keep() -> None:
            await store.use(Used(7, ADA, "discord:99", "big", 1, 10, 5, 2))
            await store.add(asked("m1"), (Shown("discord:99", "1"),))
            await store.journal.move_cursors(ACCOUNT, {"99": "1"}, 1.0)
            await store.journal.write([Step("t1", b"said")])

        await store.journal.begin(KeptTurn("t1", ACCOUNT, ("e1",), ADA, b"told", 1.0))
        await keep()
        before = _columns()
        gc.disable()
        try:
            await keep()
            assert _columns() == before
        finally:
            gc.enable()


def _columns() -> int:
    return sum(isinstance(one, Column) for one in gc.get_objects())


def test_a_list_in_parts() -> None:
    assert list(in_parts([])) == []
    assert list(in_parts(["a"])) == [["a"]]
    assert list(in_parts(["a", "b", "c"])) == [["a", "b", "c", "c"]]
    many = [f"m{number}" for number in range(AT_ONCE + 3)]
    first, rest = in_parts(many)
    assert (first, rest) == (many[:AT_ONCE], [*many[AT_ONCE:], many[-1]])
