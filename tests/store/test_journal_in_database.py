"""What the journal in a database owes beyond its contract: sealed, cheap, no key held longer than needed."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import event as listening
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.encryption import Key
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.adapters.store.sql_store import SqlStore
from core.adapters.store.tables import events, keys, steps, turns
from core.ports.journal import KeptTurn, Received, Step
from core.ports.store import StoreError
from tests.store.people import ADA, BEN, asked

ACCOUNT = "discord:9"
CANARY = b"the secret of the journal"


def turn(name: str, asker: str = ADA) -> KeptTurn:
    return KeptTurn(name, ACCOUNT, (f"of {name}",), asker, CANARY, 100.0)


async def filled(store: SqlStore) -> None:
    await store.journal.receive([Received(ACCOUNT, "e1", ADA, CANARY, 1.0)])
    await store.journal.receive([Received(ACCOUNT, "e2", "", CANARY, 1.0)])
    await store.journal.begin(turn("t1"))
    await store.journal.begin(turn("t2", BEN))
    await store.journal.write([Step("t1", CANARY), Step("t2", CANARY)])


async def scopes(store: SqlStore) -> set[str]:
    async with store._database.reading() as connection:
        return set((await connection.execute(select(keys.c.scope))).scalars())


def keys_in_memory() -> set[str]:
    gc.collect()
    return {key.id for key in gc.get_objects() if isinstance(key, Key)}


async def key_of(store: SqlStore, scope: str) -> str:
    async with store._database.reading() as connection:
        return str(await connection.scalar(select(keys.c.id).where(keys.c.scope == scope)))


@contextmanager
def statements(store: SqlStore) -> Iterator[list[str]]:
    """What is sent to the database, other than where a transaction begins and ends."""
    sent: list[str] = []
    engine = store._database._engine.sync_engine

    def note(*details: Any) -> None:
        if details[2] != "BEGIN IMMEDIATE":
            sent.append(details[2].split()[0])

    listening.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        listening.remove(engine, "before_cursor_execute", note)


async def test_nothing_of_a_body_is_clear(location: Location) -> None:
    async with open_store(location) as store:
        await filled(store)
        async with store._database.reading() as connection:
            for table in (events, turns, steps):
                rows = (await connection.execute(select(table))).all()
                assert any(row.sealed for row in rows)
                for row in rows:
                    assert not any(CANARY in value for value in row if isinstance(value, bytes))


async def test_what_is_over_or_handled_leaves_no_body(location: Location) -> None:
    async with open_store(location) as store:
        await filled(store)
        await store.journal.handled(ACCOUNT, ["e1", "e2"], 2.0)
        for name in ("t1", "t2"):
            await store.journal.finish(name, "stopped")
        async with store._database.reading() as connection:
            assert (await connection.execute(select(steps))).all() == []
            for table in (events, turns):
                left = (await connection.execute(select(table))).all()
                assert [(row.key_id, row.sealed) for row in left] == [(None, None)] * len(left)
            states = select(turns.c.state, turns.c.owner)
            assert set(await connection.execute(states)) == {("stopped", None)}
        await store.expire(before=0.0, overheard_before=0.0)
        assert await scopes(store) == {""}


async def test_steps_of_many_turns_cost_two_statements(location: Location) -> None:
    async with open_store(location) as store:
        names = [f"t{number}" for number in range(30)]
        for number, name in enumerate(names):
            await store.journal.begin(turn(name, f"discord:{number}"))
        with statements(store) as sent:
            await store.journal.write([Step(name, b"shown") for name in (*names, *names)])
        assert sent == ["SELECT", "INSERT"]


async def test_what_came_in_of_many_people_costs_two_statements_once_they_are_known(
    location: Location,
) -> None:
    async with open_store(location) as store:
        many = [Received(ACCOUNT, f"e{number}", f"discord:{number}", b"said", 1.0) for number in range(30)]
        await store.journal.receive(many)
        more = [Received(ACCOUNT, f"f{number}", f"discord:{number}", b"said", 1.0) for number in range(30)]
        with statements(store) as sent:
            await store.journal.receive(more)
        assert sent == ["SELECT", "INSERT"]


async def test_the_key_of_a_turn_is_held_until_it_is_over(location: Location) -> None:
    async with open_store(location) as store:
        await filled(store)
        ada, ben = await key_of(store, ADA), await key_of(store, BEN)
        assert keys_in_memory() >= {ada, ben}
        await store.forget(ADA)
        assert ada not in keys_in_memory()
        assert ben in keys_in_memory()
        await store.journal.finish("t2", "complete")
        assert ben not in keys_in_memory()


async def test_the_key_of_the_forgotten_is_held_by_no_other_process(postgresql_location: Location) -> None:
    async with open_store(postgresql_location) as store, open_store(postgresql_location) as other:
        await filled(store)
        ada = await key_of(store, ADA)
        await other.forget(ADA)
        await store.journal.renew()
        assert ada not in keys_in_memory()
        assert await store.journal.write([Step("t1", b"late"), Step("t2", b"on")]) == frozenset()
        async with store._database.reading() as connection:
            assert set((await connection.execute(select(steps.c.turn_id))).scalars()) == {"t2"}


async def test_retention_leaves_what_is_not_over(location: Location) -> None:
    async with open_store(location) as store:
        await filled(store)
        await store.expire(before=1_000.0, overheard_before=1_000.0)
        assert await scopes(store) == {"", ADA, BEN, f"events:{ACCOUNT}"}
        assert len(await store.journal.unhandled(ACCOUNT)) == 2


async def test_retention_takes_no_key_under_which_something_is_added_now(
    postgresql_location: Location,
) -> None:
    async with open_store(postgresql_location) as store:
        await store.journal.receive([Received(ACCOUNT, "e1", ADA, CANARY, 1.0)])
        await store.journal.handled(ACCOUNT, ["e1"], 2.0)
        looked, may_add = asyncio.Event(), asyncio.Event()

        async def add(connection: AsyncConnection) -> None:
            key = await store._keys.of_scope(connection, ADA)
            looked.set()
            await may_add.wait()
            row = {"account": ACCOUNT, "id": "e2", "at": 2.0, "key_id": key.id}
            sealed = key.seal(CANARY, "events", ACCOUNT, "e2", "sealed")
            await connection.execute(events.insert(), {**row, "sealed": sealed})

        adding = asyncio.create_task(store._database.write(add))
        await looked.wait()
        expiring = asyncio.create_task(store.expire(before=0.0, overheard_before=0.0))
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        async with asyncio.timeout(20), store._database.reading() as connection:
            while not await connection.scalar(waiting):
                pass
        may_add.set()
        await asyncio.gather(adding, expiring)
        assert [event.id for event in await store.journal.unhandled(ACCOUNT)] == ["e2"]


async def test_who_ends_in_good_order_lets_go_at_once(location: Location) -> None:
    async with open_store(location) as store:
        await filled(store)
    async with open_store(location) as store:
        assert len(await store.journal.take_over([ACCOUNT])) == 2


@contextmanager
def answers_get_lost(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is written is kept, and the connection breaks before the database says so."""
    write = store._database.write

    async def lose(work: Any) -> None:
        await write(work)
        raise StoreError("The database cannot be used now (ConnectionDoesNotExistError).")

    with monkeypatch.context() as broken:
        broken.setattr(store._database, "write", lose)
        with pytest.raises(StoreError):
            yield


async def test_what_is_tried_again_after_a_lost_answer_is_done_once(
    location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = Received(ACCOUNT, "e9", ADA, b"said", 1.0)
    async with open_store(location) as store:
        await filled(store)
    async with open_store(location) as store:
        journal = store.journal
        with answers_get_lost(store, monkeypatch):
            await journal.take_over([ACCOUNT])
        assert len(await journal.take_over([ACCOUNT])) == 2
        assert await journal.take_over([ACCOUNT]) == ()
        with answers_get_lost(store, monkeypatch):
            await journal.receive([event])
        assert await journal.receive([event]) == (event,)
        assert await journal.receive([event]) == ()
        with answers_get_lost(store, monkeypatch):
            await journal.begin(turn("t3"))
        assert await journal.begin(turn("t3"))
        tried = [Step("t3", b"1"), Step("t1", b"1"), Step("t3", b"2")]
        with answers_get_lost(store, monkeypatch):
            await journal.write(tried)
        assert await journal.write(tried) == frozenset()
        assert await journal.write([Step("t3", b"3")]) == frozenset()
        with answers_get_lost(store, monkeypatch):
            await journal.finish("t2", "complete")
        await journal.finish("t2", "complete")
    async with open_store(location) as store:
        orphans = await store.journal.take_over([ACCOUNT])
    assert {orphan.turn.id: orphan.steps for orphan in orphans} == {
        "t1": (CANARY, b"1"),
        "t3": (b"1", b"2", b"3"),
    }


async def test_new_keys_change_nothing_for_what_is_open(location: Location) -> None:
    async with open_store(location) as store:
        await filled(store)
        await store.rotate()
        assert await store.journal.write([Step("t1", b"on")]) == frozenset()
        assert len(await store.journal.unhandled(ACCOUNT)) == 2
    async with open_store(location) as store:
        orphans = await store.journal.take_over([ACCOUNT])
    assert {orphan.turn.id: orphan.steps for orphan in orphans} == {"t1": (CANARY, b"on"), "t2": (CANARY,)}


async def test_what_was_not_written_is_never_called_kept(
    sqlite_location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.adapters.store.connections._PRAGMAS", ("PRAGMA busy_timeout=20",))
    async with open_store(sqlite_location) as store:
        await filled(store)
        with closing(sqlite3.connect(sqlite_location.file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for doing in (
                store.journal.write([Step("t1", b"lost")]),
                store.journal.begin(turn("t3")),
                store.journal.finish("t2", "complete"),
                store.journal.receive([Received(ACCOUNT, "e3", ADA, b"", 1.0)]),
            ):
                with pytest.raises(StoreError, match="database is locked"):
                    await doing
            other.execute("ROLLBACK")
        assert await store.journal.write([Step("t1", b"on"), Step("t2", b"on")]) == frozenset()
        assert await store.journal.begin(turn("t3"))
        await store.journal.finish("t2", "complete")
        await store.add(asked("q1"))
    async with open_store(sqlite_location) as store:
        orphans = await store.journal.take_over([ACCOUNT])
    assert {orphan.turn.id: orphan.steps for orphan in orphans} == {"t1": (CANARY, b"on"), "t3": ()}
