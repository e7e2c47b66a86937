"""Trees as deep as a private chat of years."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.encryption import packed
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.adapters.store.sql_store import SqlStore
from core.adapters.store.tables import messages
from core.ports.store import Lane, LaneKey
from tests.store.people import ADA, BEN, asked, ids

LENGTH = 1_500


async def chain(store: SqlStore) -> None:
    """m0 ─ m1 ─ …, by turns Ada's and Ben's, put there at once."""

    async def put(connection: AsyncConnection) -> None:
        keys = {person: await store._keys.of_scope(connection, person) for person in (ADA, BEN)}
        text = packed(text="said", name="", quote="")
        rows: list[dict[str, Any]] = []
        for number in range(LENGTH):
            message = asked(f"m{number}", asker=BEN if number % 3 else ADA)
            key = keys[message.asker]
            rows.append(
                {
                    "id": message.id,
                    "conversation_id": "c",
                    "parent_id": f"m{number - 1}" if number else None,
                    "role": "user",
                    "asker": message.asker,
                    "at": float(number),
                    "tokens": 0,
                    "model": "",
                    "ending": "",
                    "key_id": key.id,
                    "sealed": key.seal(text, "messages", message.id, "sealed"),
                }
            )
        await connection.execute(insert(messages), rows)

    await store._database.write(put)


async def test_a_path_ends_at_its_limit(location: Location) -> None:
    async with open_store(location) as store:
        await chain(store)
        assert ids(await store.path("m399")) == [f"m{number}" for number in range(400)]
        assert ids(await store.path("m404")) == [f"m{number}" for number in range(5, 405)]
        assert len(await store.path("m1499", limit=LENGTH)) == LENGTH


async def test_a_long_chain_can_be_forgotten_and_removed(location: Location) -> None:
    """SQLite's own cascades end at a depth of a thousand."""
    async with open_store(location) as store:
        await chain(store)
        await store.set_lane(LaneKey("t"), Lane("c", "m1499", 1.0))
        assert await store.forget(ADA) == LENGTH // 3
        assert ids(await store.path("m1499", limit=2)) == ["m1498", "m1499"]
        assert len(await store.path("m1499", limit=LENGTH)) == LENGTH * 2 // 3
        left = await store.path("m1499", limit=LENGTH)
        await store.remove("m2")
        assert await store.lane(LaneKey("t")) == Lane("c", "m1499", 1.0)
        assert await store.path("m1499", limit=LENGTH) == (
            left[0],
            replace(left[2], parent_id=left[0].id),
            *left[3:],
        )
        assert await store.expire(before=9_999.0, overheard_before=0.0) == len(left) - 1
