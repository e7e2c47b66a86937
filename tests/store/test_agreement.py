"""Any order of operations leaves the database and the memory store with the same answers."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.memory_store import MemoryStore
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.adapters.store.sql_store import SqlStore
from core.adapters.store.tables import (
    choices,
    keys,
    lanes,
    messages,
    overheard,
    personas,
    showings,
    summaries,
    usage,
)
from core.ports.store import (
    GoneError,
    KeptPersona,
    Lane,
    LaneKey,
    Message,
    Overheard,
    Role,
    Shown,
    Summary,
    Used,
)

PEOPLE = st.sampled_from(["discord:1", "discord:2", "telegram:3"])
PLACES = st.sampled_from(["p", "q"])
NAMES = st.sampled_from(["sailor", "cook"])
SCOPES = st.sampled_from(["chat:p", "person:discord:1", "person:discord:2"])
SHOWN = st.lists(st.builds(Shown, PLACES, st.sampled_from("123456")), max_size=3).map(tuple)
LANES = st.builds(LaneKey, PLACES, st.sampled_from(["", "discord:1"]), st.booleans())


class Agreement(RuleBasedStateMachine):
    """Each rule does the same to both; at the end both are asked everything."""

    runner: ClassVar[asyncio.Runner]
    database: ClassVar[SqlStore]
    said: Bundle[str] = Bundle("said")

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count(1)
        self._known: dict[str, str] = {}  # ids ever given, with their conversations
        self._memory = MemoryStore()
        self.runner.run(emptied(self.database))

    def teardown(self) -> None:
        self._compare()

    def _same(self, method: str, *arguments: Any, **options: Any) -> Any:
        outcomes = []
        for store in (self._memory, self.database):
            try:
                outcomes.append(self.runner.run(getattr(store, method)(*arguments, **options)))
            except GoneError:
                outcomes.append(GoneError)
        assert outcomes[0] == outcomes[1], method
        return outcomes[0]

    def _add(self, parent: str | None, asker: str, role: Role, shown: tuple[Shown, ...]) -> str:
        number = next(self._numbers)
        conversation = self._known[parent] if parent else f"c{number}"
        message = Message(
            f"m{number}", conversation, parent, role, asker, f"text {number}", float(number), name=asker
        )
        self._known[message.id] = conversation
        self._same("add", message, shown)
        return message.id

    @initialize(target=said, asker=PEOPLE)
    def begin(self, asker: str) -> str:
        return self._add(None, asker, Role.USER, ())

    @rule(target=said, asker=PEOPLE, shown=SHOWN)
    def ask(self, asker: str, shown: tuple[Shown, ...]) -> str:
        return self._add(None, asker, Role.USER, shown)

    @rule(target=said, parent=said, asker=PEOPLE, role=st.sampled_from(Role), shown=SHOWN)
    def follow(self, parent: str, asker: str, role: Role, shown: tuple[Shown, ...]) -> str:
        return self._add(parent, asker, role, shown)

    @rule(one=said, shown=SHOWN)
    def edit(self, one: str, shown: tuple[Shown, ...]) -> None:
        message = self._same("message", one)
        if message is not None:
            edited = Message(
                one,
                message.conversation_id,
                message.parent_id,
                message.role,
                message.asker,
                "edited",
                message.at,
            )
            self._same("add", edited, shown)

    @rule(one=said)
    def remove(self, one: str) -> None:
        self._same("remove", one)

    @rule(key=LANES, leaf=st.none() | said)
    def go_on(self, key: LaneKey, leaf: str | None) -> None:
        self._same("set_lane", key, Lane("c", leaf, float(next(self._numbers))))

    @rule(until=said)
    def summarise(self, until: str) -> None:
        self._same("set_summary", Summary(self._known[until], until, f"until {until}", 3))

    @rule(scope=SCOPES, name=NAMES, value=st.sampled_from(["a", "b", None]))
    def choose(self, scope: str, name: str, value: str | None) -> None:
        self._same("choose", scope, name, value)

    @rule(scope=st.sampled_from(["g", "discord:1"]), name=NAMES, made_by=PEOPLE, away=st.booleans())
    def persona(self, scope: str, name: str, made_by: str, *, away: bool) -> None:
        if away:
            self._same("remove_persona", scope, name)
        else:
            self._same("set_persona", KeptPersona(scope, name, f"of {made_by}", made_by))

    @rule(place=PLACES, number=st.sampled_from("12345"), author=PEOPLE)
    def overhear(self, place: str, number: str, author: str) -> None:
        self._same("overhear", Overheard(place, number, author, author, "said", float(next(self._numbers))))

    @rule(day=st.integers(1, 3), person=PEOPLE, place=PLACES)
    def use(self, day: int, person: str, place: str) -> None:
        self._same("use", Used(day, person, place, "big", 1, 2, 3, 4))

    @rule(person=PEOPLE)
    def forget(self, person: str) -> None:
        self._same("forget", person)

    @rule(ago=st.integers(0, 20))
    def expire(self, ago: int) -> None:
        before = float(next(self._numbers) - ago)
        self._same("expire", before=before, overheard_before=before)

    def _compare(self) -> None:
        for one in self._known:
            path = self._same("path", one)
            self._same("answers", one)
            self._same("shows", one)
            self._same("summary", tuple(message.id for message in path))
        for place in ("p", "q"):
            self._same("overheard", place, since=0.0, limit=4)
            self._same("used", since_day=2, place=place)
            for number in "123456":
                self._same("shown", Shown(place, number))
            for person in ("", "discord:1"):
                for private in (False, True):
                    self._same("lane", LaneKey(place, person, private))
        self._same("choices", ("chat:p", "person:discord:1", "person:discord:2"))
        self._same("personas", ("g", "discord:1"))
        for person in ("discord:1", "discord:2", "telegram:3"):
            exports = [self.runner.run(store.export(person)) for store in (self._memory, self.database)]
            assert [_sorted(export) for export in exports[:1]] == [_sorted(export) for export in exports[1:]]


def _sorted(export: Mapping[str, Any]) -> dict[str, Any]:
    """Within a kind the order is not promised."""
    return {
        kind: sorted(values, key=json.dumps) if isinstance(values, list) else values
        for kind, values in export.items()
    }


async def emptied(store: SqlStore) -> None:
    async def empty(connection: AsyncConnection) -> None:
        for table in (summaries, showings, lanes):
            await connection.execute(delete(table))
        await connection.execute(update(messages).values(parent_id=None))
        for table in (messages, choices, personas, usage, overheard):
            await connection.execute(delete(table))
        await connection.execute(delete(keys).where(keys.c.scope != ""))

    await store._database.write(empty)


@pytest.mark.parametrize(("which", "examples"), [("sqlite", 6), ("postgresql", 6)])
def test_any_order_of_operations(request: pytest.FixtureRequest, which: str, examples: int) -> None:
    location: Location = request.getfixturevalue(f"{which}_location")
    with asyncio.Runner() as runner:
        opening = open_store(location)
        Agreement.runner, Agreement.database = runner, runner.run(opening.__aenter__())
        try:
            # Shrinking would take minutes; `explore` tries ten times as many.
            thorough = settings(
                max_examples=examples * (10 if os.environ.get("HYPOTHESIS_PROFILE") == "explore" else 1),
                stateful_step_count=40,
                phases=[Phase.generate],
            )
            run_state_machine_as_test(Agreement, settings=thorough)
        finally:
            runner.run(opening.__aexit__(None, None, None))
