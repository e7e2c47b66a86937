"""The port `core.ports.store.Store` over a database: its parts together, and what concerns all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Table, delete, exists, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.choices import Choices
from core.adapters.store.conversations import (
    Conversations,
    conversation_scope,
    take_from_between,
)
from core.adapters.store.counts import Counts
from core.adapters.store.database import Database
from core.adapters.store.hearing import Hearing
from core.adapters.store.journal import SqlJournal
from core.adapters.store.keys import OWN, Keys
from core.adapters.store.ledger import SqlLedger
from core.adapters.store.part import sealed_rows
from core.adapters.store.quotes import QUOTED, quoted_scope
from core.adapters.store.tables import (
    choices,
    events,
    keys,
    lanes,
    messages,
    overheard,
    personas,
    summaries,
    turns,
    usage,
)
from core.ports.store import KeptPersona, Used, moved_scopes


class SqlStore(Conversations, Choices, Counts, Hearing):
    """Made by `opening.open_store`. `journal`: over the same database, and forgets whom the store forgets.
    `ledger`: over the same database, and forgets nobody."""

    def __init__(self, database: Database, keys: Keys, journal: SqlJournal) -> None:
        super().__init__(database, keys)
        self.journal = journal
        self.ledger = SqlLedger(database, keys)

    async def open(self) -> None:
        """Before anything else. Raises StoreError when the key is missing or another one."""
        await self._keys.open()

    async def export(self, person: str) -> Mapping[str, object]:
        # Nothing of the journal: what it holds is on its way to become a message, which is exported.
        async with self._database.reading() as connection:
            said = sealed_rows(messages).where(messages.c.asker == person).order_by(messages.c.number)
            theirs = await self._messages(connection, await connection.execute(said))
            chosen = select(choices).where(choices.c.scope == _person_scope(person))
            words = {row.name: row.value for row in await connection.execute(chosen)}
            persona = sealed_rows(personas).where(_of_person(personas, person))
            made = await connection.execute(persona.order_by(personas.c.scope, personas.c.name))
            opened = self._opened(made, "personas", "scope", "name")
            counted = select(usage).where(usage.c.person == self._keys.hashed(person))
            counts = (await connection.execute(counted.order_by(usage.c.day, usage.c.model))).all()
            heard = sealed_rows(overheard).where(overheard.c.author == person).order_by(overheard.c.number)
            overheard_of = self._heard(await connection.execute(heard))
        return {
            "messages": [asdict(message) for message in theirs],
            "choices": words,
            "personas": [
                asdict(
                    KeptPersona(row.scope, row.name, texts["prompt"], row.made_by, row.model, row.temperature)
                )
                for row, texts in opened
            ],
            "usage": [
                asdict(
                    Used(
                        row.day,
                        person,
                        row.place,
                        row.model,
                        row.requests,
                        row.prompt_tokens,
                        row.completion_tokens,
                        row.cost,
                    )
                )
                for row in counts
            ],
            "overheard": [asdict(one) for one in overheard_of],
        }

    async def forget(self, person: str) -> int:
        async def forget(connection: AsyncConnection) -> int:
            # The key first: whoever adds something under it waits, and then finds it gone.
            own = [person, quoted_scope(person)]
            held = select(keys.c.id).where(keys.c.scope.in_(own)).order_by(keys.c.id).with_for_update()
            had_key = bool((await connection.execute(held)).all())
            said = select(messages.c.id, messages.c.parent_id, messages.c.conversation_id)
            theirs = (
                await connection.execute(
                    said.where(messages.c.asker == person).order_by(messages.c.id).with_for_update()
                )
            ).all()
            await take_from_between(connection, {row.id: row.parent_id for row in theirs})
            theirs_alone = (choices.c.scope == _person_scope(person)) & (choices.c.name != "apart")
            chosen = await connection.execute(delete(choices).where(theirs_alone))
            rows = len(theirs) + bool(chosen.rowcount)
            for condition in (
                delete(personas).where(_of_person(personas, person)),
                delete(overheard).where(overheard.c.author == person),
            ):
                rows += (await connection.execute(condition)).rowcount
            await connection.execute(delete(lanes).where(lanes.c.person == person))
            held_turns = select(turns.c.id).where(turns.c.asker == person).order_by(turns.c.id)
            await connection.execute(held_turns.with_for_update())
            await connection.execute(delete(turns).where(turns.c.asker == person))
            spoken_in = sorted({row.conversation_id for row in theirs})
            await self._keys.destroy(connection, [*own, *map(conversation_scope, spoken_in)])
            if had_key and self._database.is_sqlite:
                await self._keys.rewrap(connection, new_master=False)
            return rows

        rows = await self._database.write(forget)
        self.journal.drop_keys_of(person)
        if self._database.is_sqlite:
            await self._keys.settle()
            await self._empty_log()
        return rows

    async def expire(self, *, before: float, overheard_before: float) -> int:
        async def take_out(connection: AsyncConnection) -> int:
            later = messages.alias()
            used_since = exists().where(
                later.c.conversation_id == messages.c.conversation_id, later.c.at >= before
            )
            old = delete(messages).where(messages.c.at < before, ~used_since)
            gone = (await connection.execute(old)).rowcount
            await connection.execute(delete(lanes).where(lanes.c.at < before))
            await connection.execute(delete(overheard).where(overheard.c.at < overheard_before))
            unused = [
                ~exists().where(table.c.key_id == keys.c.id)
                for table in (messages, summaries, personas, overheard, events, turns)
            ]
            # Locked before it is looked at again: what is being added under one of them is seen then.
            unused.append(keys.c.scope.not_like(f"{QUOTED}%"))  # of these no row says that it is used
            idle = select(keys.c.id).where(keys.c.scope != OWN, *unused).order_by(keys.c.id)
            if (await connection.execute(idle.with_for_update())).first() is not None:
                await connection.execute(delete(keys).where(keys.c.scope != OWN, *unused))
            return int(gone)

        return await self._database.write(take_out)

    async def move_place(self, old: str, new: str) -> None:
        async def move(connection: AsyncConnection) -> None:
            await _move(connection, lanes, "place", old, new, "person", "private")
            for before, scope in moved_scopes(old, new):
                await _move(connection, choices, "scope", before, scope, "name")
                await self._move_personas(connection, before, scope)

        await self._database.write(move)

    async def rotate(self) -> None:
        """A new master key in the key file, and every data key wrapped again; the old one is kept beside it.
        Raises StoreError."""

        async def rewrap(connection: AsyncConnection) -> None:
            await self._keys.rewrap(connection, new_master=True)

        await self._database.write(rewrap)
        await self._keys.settle()

    async def aclose(self) -> None:
        await self._database.aclose()

    async def _empty_log(self) -> None:
        """Bring SQLite's log into the file, where what was deleted is overwritten, and cut it to nothing."""
        async with self._database.reading() as connection:
            await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))


async def _move(
    connection: AsyncConnection, table: Table, column: str, old: str, new: str, *others: str
) -> None:
    """Change a part of the primary key, `others` being the rest of it; what has its new key already stays."""
    there = table.alias()
    same = [there.c[name] == table.c[name] for name in others]
    taken = exists().where(there.c[column] == new, *same)
    moving = update(table).where(table.c[column] == old, ~taken).values({column: new})
    await connection.execute(moving)
    await connection.execute(delete(table).where(table.c[column] == old))


def _of_person(table: Table, person: str) -> Any:
    return or_(table.c.scope == person, table.c.made_by == person)


def _person_scope(person: str) -> str:
    return f"person:{person}"
