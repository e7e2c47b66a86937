"""What every ledger must do: in memory, SQLite, PostgreSQL; with several processes over each."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.exc import DBAPIError

from core.adapters.store.ledger import SqlLedger
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.adapters.store.sql_store import SqlStore
from core.adapters.store.tables import spent
from core.ports.ledger import Amount, Ledger, Line
from tests.store.people import ADA

TODAY, MONTH = "2026-11-26", "2026-11"
ADAS = Line("user:discord:1", TODAY, tokens=100)
ALL = Line("everybody", TODAY, tokens=150, money=1_000)
ALL_MONTH = Line("everybody", MONTH)


async def test_all_lines_are_added_to_or_none(ledgers: tuple[Ledger, Ledger]) -> None:
    one, other = ledgers
    lines = (ADAS, ALL, ALL_MONTH)
    assert await one.counted(lines) == (Amount(), Amount(), Amount())
    assert await one.take(lines, Amount(60, 400))
    assert not await other.take(lines, Amount(60, 100))  # beyond what is Ada's
    assert await other.counted(lines) == (Amount(60, 400),) * 3
    assert await other.take((ALL, ALL_MONTH), Amount(60, 600))
    assert not await one.take((ALL_MONTH, ALL), Amount(0, 1))  # beyond everybody's money
    assert await one.take((ALL_MONTH,), Amount(10**12, 10**15))
    assert await one.counted(lines) == (
        Amount(60, 400),
        Amount(120, 1_000),
        Amount(120 + 10**12, 1_000 + 10**15),
    )


async def test_settling_asks_no_cap_and_leaves_nothing_below_zero(ledgers: tuple[Ledger, Ledger]) -> None:
    one, other = ledgers
    assert await one.take((ADAS, ALL), Amount(100, 500))
    await other.settle((ADAS, ALL), Amount(70, -200))
    assert await one.counted((ADAS, ALL)) == (Amount(170, 300),) * 2
    assert not await one.take((ADAS,), Amount(0, 0))  # it is beyond its cap already
    await one.settle((ADAS, ALL), Amount(-500, -300))
    assert await other.counted((ADAS, ALL)) == (Amount(), Amount())


async def test_a_cap_of_nothing_takes_nothing_and_each_span_counts_for_itself(
    ledgers: tuple[Ledger, Ledger],
) -> None:
    one, _ = ledgers
    none = replace(ADAS, tokens=0)
    assert not await one.take((none,), Amount(1))
    assert await one.take((ADAS,), Amount(100))
    assert await one.take((replace(ADAS, span="2026-11-27"),), Amount(100))
    assert await one.take((), Amount(1))


async def test_what_is_long_over_is_dropped_and_counted_anew(ledgers: tuple[Ledger, Ledger]) -> None:
    one, other = ledgers
    lines = tuple(replace(ADAS, span=span) for span in ("2026-09", "2026-09-30", "2026-10", "2026-10-01"))
    assert await one.take(lines, Amount(5))
    await other.expire("2026-10")
    assert await one.counted(lines) == (Amount(), Amount(), Amount(5), Amount(5))
    await one.settle(lines, Amount(2))  # its rows are made again
    assert await one.counted(lines) == (Amount(2), Amount(2), Amount(7), Amount(7))
    await other.expire("2026-10")
    for _ in range(2):
        taken = await one.take(lines, Amount(1))
    assert taken


async def test_two_hundred_at_once_never_pass_a_cap_and_none_waits_in_a_circle(
    ledgers: tuple[Ledger, Ledger],
) -> None:
    """Each takes lines of its own and everybody's, named in any order; every third gives some back."""
    cap, took = 3_000, Amount(50, 7)
    everybody = Line("everybody", TODAY, tokens=cap)
    seen: list[int] = []

    async def spend(number: int) -> int:
        ledger = ledgers[number % 2]
        lines = [everybody, replace(everybody, span=MONTH), Line(f"user:{number % 7}", TODAY, tokens=600)]
        lines = lines[number % 3 :] + lines[: number % 3]
        if not await ledger.take(lines, took):
            return 0
        [now] = await ledger.counted((everybody,))
        seen.append(now.tokens)
        if number % 3:
            return 50
        await ledger.settle(lines, Amount(-20, -7))
        return 30

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        spending = [group.create_task(spend(number)) for number in range(200)]
    used = [one.result() for one in spending]
    assert max(seen) <= cap
    assert await ledgers[0].counted((everybody,)) == (Amount(sum(used), 7 * used.count(50)),)
    assert sum(used) > 0.8 * cap  # what came before something was given back went without


async def test_the_table_tells_nobody_who_and_forgetting_resets_nothing(location: Location) -> None:
    async with open_store(location) as store:
        line = Line(f"user:{ADA}", TODAY, tokens=100)
        assert await store.ledger.take((line,), Amount(80))
        await store.forget(ADA)
        await store.rotate()
        assert not await store.ledger.take((line,), Amount(80))
        [row] = await rows(store)
        assert row[1:] == (TODAY, 80, 0)
        assert ADA not in str(row)
        assert "user" not in str(row)
    async with open_store(location) as store:
        assert await store.ledger.counted((line,)) == (Amount(80),)


async def test_who_had_to_wait_for_a_line_counts_what_was_taken_meanwhile(
    postgresql_location: Location,
) -> None:
    """Neither takes what was free before it waited."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with open_store(postgresql_location) as store:
        ledger = store.ledger
        assert await ledger.take((ADAS, ALL), Amount(1))
        async with ledger._database._engine.begin() as other:
            await other.execute(update(spent).values(tokens=90))
            taking = asyncio.ensure_future(ledger.take((ADAS, ALL), Amount(20)))
            async with asyncio.timeout(10):
                while not await other.scalar(waiting):  # noqa: ASYNC110  # nothing tells
                    await asyncio.sleep(0)
        assert not await taking
        assert await ledger.counted((ADAS, ALL)) == (Amount(90), Amount(90))


async def test_lines_are_locked_in_one_order_so_that_nobody_waits_in_a_circle(
    postgresql_location: Location,
) -> None:
    """Whoever waits for the last line in that order holds the first one, however they were named or made."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with open_store(postgresql_location) as store:
        ledger = store.ledger
        first, last = sorted((ADAS, ALL), key=ledger._key)
        for line in (last, first):
            assert await ledger.take((line,), Amount(1))
        locked = select(spent).with_for_update(nowait=True)
        async with ledger._database._engine.begin() as other:
            await other.execute(locked.where(spent.c.line == ledger._key(last)[0]))
            taking = asyncio.ensure_future(ledger.take((last, first), Amount(1)))
            async with asyncio.timeout(10):
                while not await other.scalar(waiting):  # noqa: ASYNC110  # nothing tells
                    await asyncio.sleep(0)
            async with ledger._database._engine.connect() as third:
                with pytest.raises(DBAPIError, match="could not obtain lock"):
                    await third.execute(locked.where(spent.c.line == ledger._key(first)[0]))
        assert await taking


async def test_what_stands_still_holds_nobodys_lines(postgresql_location: Location) -> None:
    """Taking is one statement and its own transaction: nothing of it is left open at the server."""
    async with open_store(postgresql_location) as store:
        ledger: SqlLedger = store.ledger
        assert await ledger.take((ALL,), Amount(1))
        statements: list[str] = []
        engine = ledger._database._engine.sync_engine
        event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        event.listen(engine, "begin", lambda *_: statements.append("BEGIN"))
        assert await ledger.take((ALL,), Amount(1))
    assert len([one for one in statements if one.startswith("WITH held")]) == 1
    assert len(statements) <= 2


async def rows(store: SqlStore) -> list[tuple[object, ...]]:
    async with store.ledger._database.reading() as connection:
        return [tuple(row) for row in await connection.execute(select(spent))]
