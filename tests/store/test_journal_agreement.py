"""Whatever processes do, in any order: the database's journal and the one in memory give the same answers."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule, run_state_machine_as_test
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.memory_journal import JournalState, MemoryJournal
from core.adapters.store.journal import SqlJournal
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.adapters.store.sql_store import SqlStore
from core.adapters.store.tables import counts, cursors, events, keys, owners, turns
from core.ports.journal import KeptTurn, Received, Step
from tests.fakes.clock import FakeClock
from tests.store.processes import lapse

LEASE_S = 3_600.0  # it expires when a rule says so
PEOPLE = st.sampled_from(["discord:1", "discord:2", "telegram:3"])
ACCOUNTS = st.sampled_from(["discord:9", "telegram:8"])
SOME_ACCOUNTS = st.lists(ACCOUNTS, unique=True)
EVENTS = st.lists(st.sampled_from([f"e{number}" for number in range(12)]), max_size=4)
PROCESSES = st.integers(0, 2)


class Agreement(RuleBasedStateMachine):
    """Three processes over each; each rule does the same to both; at the end both are asked everything."""

    runner: ClassVar[asyncio.Runner]
    database: ClassVar[SqlStore]
    begun: Bundle[str] = Bundle("begun")

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count(1)
        self._state, self._clock = JournalState(), FakeClock()
        self._alone = self.database.journal.alone
        self._pairs = [self._started() for _ in range(1 if self._alone else 3)]
        self.runner.run(emptied(self.database))

    def teardown(self) -> None:
        for account in ("discord:9", "telegram:8"):
            self._same(0, "unhandled", account)
            self._same(0, "cursors", account, since=0.0)
            self._same(0, "handled", account, [f"e{number}" for number in range(12)], 1.0)
        for which in range(len(self._pairs)):
            self.stand_still(which)
        self.kill(0)
        self._same(0, "take_over", ["discord:9", "telegram:8"])

    def _started(self) -> tuple[MemoryJournal, SqlJournal]:
        store = self.database
        owner = f"process {next(self._numbers)}"
        return (
            MemoryJournal(self._state, clock=self._clock, owner=owner, alone=self._alone, lease_s=LEASE_S),
            SqlJournal(store._database, store._keys, owner=owner, lease_s=LEASE_S),
        )

    def _same(self, which: int, method: str, *arguments: Any, **options: Any) -> Any:
        pair = self._pairs[which % len(self._pairs)]
        outcomes = [self.runner.run(getattr(one, method)(*arguments, **options)) for one in pair]
        assert outcomes[0] == outcomes[1], method
        return outcomes[0]

    @rule(which=PROCESSES, account=ACCOUNTS, names=EVENTS, author=st.one_of(st.just(""), PEOPLE))
    def receive(self, which: int, account: str, names: Sequence[str], author: str) -> None:
        at = float(next(self._numbers))
        self._same(which, "receive", [Received(account, name, author, name.encode(), at) for name in names])

    @rule(which=PROCESSES, account=ACCOUNTS, names=EVENTS)
    def handled(self, which: int, account: str, names: Sequence[str]) -> None:
        self._same(which, "handled", account, names, float(next(self._numbers)))

    @rule(which=PROCESSES, account=ACCOUNTS)
    def unhandled(self, which: int, account: str) -> None:
        self._same(which, "unhandled", account)

    @rule(which=PROCESSES, account=ACCOUNTS)
    def take_over_events(self, which: int, account: str) -> None:
        self._same(which, "take_over_events", account)

    @rule(target=begun, which=PROCESSES, account=ACCOUNTS, names=EVENTS, asker=PEOPLE)
    def begin(self, which: int, account: str, names: Sequence[str], asker: str) -> str:
        number = next(self._numbers)
        names = names or [f"own of {number}"]
        turn = KeptTurn(f"t{number}", account, tuple(names), asker, b"body %d" % number, float(number))
        self._same(which, "begin", turn)
        self._same(which, "begin", turn)
        return turn.id

    @rule(which=PROCESSES, of=st.lists(begun, min_size=1, max_size=5))
    def write(self, which: int, of: Sequence[str]) -> None:
        self._same(which, "write", [Step(one, b"step %d" % next(self._numbers)) for one in of])

    @rule(which=PROCESSES, one=begun)
    def finish(self, which: int, one: str) -> None:
        self._same(which, "finish", one, "complete")

    @rule(which=PROCESSES)
    def renew(self, which: int) -> None:
        self._same(which, "renew")

    @rule(which=PROCESSES, accounts=SOME_ACCOUNTS)
    def take_over(self, which: int, accounts: Sequence[str]) -> None:
        self._same(which, "take_over", accounts)

    @rule(which=PROCESSES)
    def stand_still(self, which: int) -> None:
        """Until its lease has expired."""
        memory, database = self._pairs[which % len(self._pairs)]
        if not self._alone and memory._owner in self._state.leases:
            self._state.leases[memory._owner] = self._clock.monotonic()
            self.runner.run(lapse(database))

    @rule(which=PROCESSES)
    def kill(self, which: int) -> None:
        """Its lease holds on; another one starts in its place."""
        self._pairs[which % len(self._pairs)] = self._started()

    @rule(which=PROCESSES, account=ACCOUNTS, channel=st.sampled_from("ab"), later=st.booleans())
    def hear(self, which: int, account: str, channel: str, *, later: bool) -> None:
        number = next(self._numbers)
        self._same(which, "move_cursors", account, {channel: str(number)}, float(number))
        self._same(which, "cursors", account, since=float(number + later))

    @rule(which=PROCESSES, name=st.sampled_from("xy"), day=st.integers(0, 2))
    def count(self, which: int, name: str, day: int) -> None:
        self._same(which, "count", name, day)

    @rule(person=PEOPLE)
    def forget(self, person: str) -> None:
        self.runner.run(self._pairs[0][0].forget(person))
        self.runner.run(self.database.forget(person))

    @rule(which=PROCESSES, ago=st.integers(0, 30))
    def expire(self, which: int, ago: int) -> None:
        before = float(next(self._numbers) - ago)
        self._same(which, "expire_journal", before, before - ago)
        self.runner.run(self.database.expire(before=before, overheard_before=before))


async def emptied(store: SqlStore) -> None:
    async def empty(connection: AsyncConnection) -> None:
        for table in (turns, events, owners, cursors, counts):
            await connection.execute(delete(table))
        await connection.execute(delete(keys).where(keys.c.scope != ""))

    await store._database.write(empty)


@pytest.mark.parametrize(("which", "examples"), [("sqlite", 6), ("postgresql", 10)])
def test_any_order_of_operations(request: pytest.FixtureRequest, which: str, examples: int) -> None:
    location: Location = request.getfixturevalue(f"{which}_location")
    with asyncio.Runner() as runner:
        opening = open_store(location)
        Agreement.runner, Agreement.database = runner, runner.run(opening.__aenter__())
        try:
            # Shrinking would take minutes; `explore` tries ten times as many.
            thorough = settings(
                max_examples=examples * (10 if os.environ.get("HYPOTHESIS_PROFILE") == "explore" else 1),
                stateful_step_count=60,
                phases=[Phase.generate],
            )
            run_state_machine_as_test(Agreement, settings=thorough)
        finally:
            runner.run(opening.__aexit__(None, None, None))
