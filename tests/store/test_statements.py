"""How many statements a database is given: each connection holds what it has prepared, by its text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from core.adapters.store.lists import AT_ONCE, in_parts
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.adapters.store.sql_store import SqlStore
from core.ports.journal import KeptTurn, Received, Step
from tests.store.people import ADA

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


def test_a_list_in_parts() -> None:
    assert list(in_parts([])) == []
    assert list(in_parts(["a"])) == [["a"]]
    assert list(in_parts(["a", "b", "c"])) == [["a", "b", "c", "c"]]
    many = [f"m{number}" for number in range(AT_ONCE + 3)]
    first, rest = in_parts(many)
    assert (first, rest) == (many[:AT_ONCE], [*many[AT_ONCE:], many[-1]])
