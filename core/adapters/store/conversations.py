"""Messages as trees, what shows them, lanes, and summaries."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Row, Select, bindparam, delete, literal, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.database import insert_into
from core.adapters.store.encryption import Key
from core.adapters.store.lists import in_parts
from core.adapters.store.part import Part, sealed_rows
from core.adapters.store.quotes import open_words, quoted_keys, quoted_scope, seal_words
from core.adapters.store.tables import keys, lanes, messages, showings, summaries
from core.ports.store import GoneError, Lane, LaneKey, Message, Outlined, Role, Shown, Summary


def _path(rows: Select[Any]) -> Select[Any]:
    """Those from `:start` upwards, at most `:limit` messages; the highest first."""
    start = select(messages.c.id, messages.c.parent_id, literal(1).label("depth"))
    up = start.where(messages.c.id == bindparam("start")).cte("up", recursive=True)
    step = select(messages.c.id, messages.c.parent_id, up.c.depth + 1)
    higher = step.join(up, messages.c.id == up.c.parent_id).where(up.c.depth < bindparam("limit"))
    up = up.union_all(higher)
    return rows.join(up, messages.c.id == up.c.id).order_by(up.c.depth.desc())


# Built once: they are asked for at every question.
_PATH: Final = _path(sealed_rows(messages))
_OUTLINE: Final = _path(
    select(messages.c.id, messages.c.parent_id, messages.c.asker).join(keys, keys.c.id == messages.c.key_id)
)


class Conversations(Part):
    async def lane(self, key: LaneKey) -> Lane | None:
        query = select(lanes.c.conversation_id, lanes.c.leaf_id, lanes.c.at).where(
            lanes.c.place == key.place, lanes.c.person == key.person, lanes.c.private == key.private
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else Lane(row.conversation_id, row.leaf_id, row.at)

    async def set_lane(self, key: LaneKey, lane: Lane) -> None:
        # Read within the statement: the leaf may be taken out at any moment.
        leaf = null() if lane.leaf_id is None else _kept(lane.leaf_id)
        changing = {"conversation_id": lane.conversation_id, "leaf_id": leaf, "at": lane.at}
        ids = {"place": key.place, "person": key.person, "private": key.private}

        async def keep(connection: AsyncConnection) -> None:
            row = insert_into(connection, lanes).values(**ids, **changing)
            await connection.execute(row.on_conflict_do_update(index_elements=list(ids), set_=changing))

        await self._database.write(keep)

    async def message(self, message_id: str) -> Message | None:
        return await self._first(sealed_rows(messages).where(messages.c.id == message_id))

    async def shown(self, shown: Shown) -> Message | None:
        query = sealed_rows(messages).join(showings, showings.c.shows == messages.c.id)
        return await self._first(
            query.where(showings.c.place == shown.place, showings.c.message_id == shown.message_id)
        )

    async def add(self, message: Message, shown: tuple[Shown, ...] = ()) -> None:
        async def keep(connection: AsyncConnection) -> None:
            sealed = await self._sealed(
                connection,
                message.asker,
                "messages",
                message.id,
                text=message.text,
                name=message.name,
                **await self._quote(connection, message),
            )
            if message.parent_id is not None:
                parent = select(messages.c.id).where(messages.c.id == message.parent_id)
                if (
                    await connection.execute(parent.with_for_update(read=True, key_share=True))
                ).first() is None:
                    raise GoneError("The message that this one follows was taken out meanwhile.")
            await self._forget_summaries_of_earlier(connection, message)
            row = {**_columns(message), **sealed}
            kept = insert_into(connection, messages).values(row)
            await connection.execute(kept.on_conflict_do_update(index_elements=["id"], set_=row))
            await _set_shown(connection, message.id, shown)

        await self._database.write(keep)

    async def path(self, message_id: str, *, limit: int = 400) -> tuple[Message, ...]:
        return await self._all(_PATH, start=message_id, limit=limit) if limit > 0 else ()

    async def outline(self, message_id: str, *, limit: int = 400) -> tuple[Outlined, ...]:
        if limit <= 0:
            return ()
        async with self._database.reading() as connection:
            rows = await connection.execute(_OUTLINE, {"start": message_id, "limit": limit})
            ids: dict[str, str] = {}  # each stands in many rows, and many turns hold all of them
            return tuple(
                Outlined(*(one and ids.setdefault(one, one) for one in (row.id, row.parent_id, row.asker)))
                for row in rows
            )

    async def answers(self, question_id: str) -> tuple[Message, ...]:
        query = sealed_rows(messages).where(
            messages.c.parent_id == question_id, messages.c.role == Role.ASSISTANT.value
        )
        return await self._all(query.order_by(messages.c.at, messages.c.number))

    async def last_question(
        self, conversation_id: str, parent_id: str | None, asker: str = ""
    ) -> Message | None:
        query = sealed_rows(messages).where(
            messages.c.conversation_id == conversation_id,
            messages.c.parent_id == parent_id,  # None: IS NULL
            messages.c.role == Role.USER.value,
            *((messages.c.asker == asker,) if asker else ()),
        )
        newest = query.order_by(messages.c.at.desc(), messages.c.number.desc()).limit(1)
        return next(iter(await self._all(newest)), None)

    async def shows(self, message_id: str) -> tuple[Shown, ...]:
        query = select(showings.c.place, showings.c.message_id).where(showings.c.shows == message_id)
        async with self._database.reading() as connection:
            rows = await connection.execute(query.order_by(showings.c.position))
            return tuple(Shown(row.place, row.message_id) for row in rows)

    async def remove(self, message_id: str) -> None:
        async def take_out(connection: AsyncConnection) -> None:
            below = await _below(connection, message_id)
            answers = (messages.c.parent_id == message_id) & (messages.c.role == Role.ASSISTANT.value)
            going = select(messages.c.id, messages.c.parent_id).where((messages.c.id == message_id) | answers)
            parents = {row.id: row.parent_id for row in await connection.execute(going)}
            await _drop_summaries(connection, below)
            await take_from_between(connection, parents)

        await self._database.write(take_out)

    async def summary(self, message_ids: tuple[str, ...]) -> Summary | None:
        if not message_ids:
            return None
        found: dict[str, Row[Any]] = {}
        async with self._database.reading() as connection:
            for some in in_parts(message_ids[::-1]):
                query = sealed_rows(summaries).where(summaries.c.until_id.in_(some))
                found |= {row.until_id: row for row in await connection.execute(query)}
                if found:
                    break
            furthest = next((found[one] for one in reversed(message_ids) if one in found), None)
            if furthest is None:
                return None
            ((row, texts),) = self._opened([furthest], "summaries", "until_id")
        return Summary(row.conversation_id, row.until_id, texts["text"], row.tokens)

    async def set_summary(self, summary: Summary) -> None:
        async def keep(connection: AsyncConnection) -> None:
            until = select(messages.c.id).where(messages.c.id == summary.until_id)
            if (await connection.execute(until.with_for_update(read=True, key_share=True))).first() is None:
                return
            scope = conversation_scope(summary.conversation_id)
            sealed = await self._sealed(connection, scope, "summaries", summary.until_id, text=summary.text)
            row = {
                "until_id": summary.until_id,
                "conversation_id": summary.conversation_id,
                "tokens": summary.tokens,
                **sealed,
            }
            kept = insert_into(connection, summaries).values(row)
            await connection.execute(kept.on_conflict_do_update(index_elements=["until_id"], set_=row))

        await self._database.write(keep)

    async def _forget_summaries_of_earlier(self, connection: AsyncConnection, message: Message) -> None:
        known = await connection.execute(sealed_rows(messages).where(messages.c.id == message.id))
        for before in await self._messages(connection, known):
            if (before.text, before.quote) != (message.text, message.quote):
                await _drop_summaries(connection, await _below(connection, message.id))

    async def _first(self, query: Select[Any]) -> Message | None:
        return next(iter(await self._all(query)), None)

    async def _all(self, query: Select[Any], **values: Any) -> tuple[Message, ...]:
        async with self._database.reading() as connection:
            return await self._messages(connection, await connection.execute(query, values))

    async def _messages(self, connection: AsyncConnection, rows: Iterable[Row[Any]]) -> tuple[Message, ...]:
        opened = self._opened(rows, "messages", "id")
        found = tuple(_message(row, texts) for row, texts in opened)
        people = {person for message in found for person in message.quotes}
        if not people:
            return found
        opening = await quoted_keys(connection, self._keys, people)
        return tuple(_with_quote(message, opening) if message.quotes else message for message in found)

    async def _quote(self, connection: AsyncConnection, message: Message) -> dict[str, str]:
        if not message.quote or not message.quotes:
            return {"quote": message.quote}
        opening = await self._keys.of_scopes(connection, frozenset(map(quoted_scope, message.quotes)))
        words = message.quote.encode("utf-8", "surrogatepass")
        sealed = seal_words(message.quotes, words, opening, "messages", message.id, "quote")
        return {"quote": base64.b64encode(sealed).decode(), "quotes": " ".join(message.quotes)}


def conversation_scope(conversation_id: str) -> str:
    """Of the key for its summaries."""
    return f"conversation:{conversation_id}"


def _with_quote(message: Message, opening: Mapping[str, Key]) -> Message:
    """Without a quote where somebody whose words it holds was forgotten."""
    sealed = base64.b64decode(message.quote)
    words = open_words(message.quotes, sealed, opening, "messages", message.id, "quote")
    if words is None:
        return replace(message, quote="", quotes=())
    return replace(message, quote=words.decode("utf-8", "surrogatepass"))


async def _below(connection: AsyncConnection, message_id: str) -> list[str]:
    """The message and everything below it, from the top, locked: nothing more can be added there."""
    start = select(messages.c.id, literal(0).label("depth"))
    down = start.where(messages.c.id == message_id).cte("down", recursive=True)
    step = select(messages.c.id, down.c.depth + 1).join(down, messages.c.parent_id == down.c.id)
    down = down.union_all(step)
    locked: list[str] = []
    while True:
        rows = await connection.execute(select(down.c.id).order_by(down.c.depth))
        found = [row.id for row in rows]
        if len(found) == len(locked):
            return found
        locked = found
        for some in in_parts(sorted(found)):
            await connection.execute(select(messages.c.id).where(messages.c.id.in_(some)).with_for_update())


async def take_from_between(connection: AsyncConnection, parents: Mapping[str, str | None]) -> None:
    """Take messages out, given with their parents. What others hung on one goes on from above it."""
    above = _first_kept_above(parents)
    for some in in_parts(list(parents)):
        hanging = select(messages.c.id, messages.c.parent_id).where(messages.c.parent_id.in_(some))
        for row in (await connection.execute(hanging)).all():
            if row.id not in parents:
                moved = update(messages).where(messages.c.id == row.id)
                await connection.execute(moved.values(parent_id=above[row.parent_id]))
        ending = select(lanes.c.leaf_id).where(lanes.c.leaf_id.in_(some)).distinct()
        for row in (await connection.execute(ending)).all():
            ends = update(lanes).where(lanes.c.leaf_id == row.leaf_id)
            await connection.execute(ends.values(leaf_id=above[row.leaf_id]))
    # Theirs hang on one another: cut these first, since they go in several statements.
    for some in in_parts(list(parents)):
        await connection.execute(update(messages).where(messages.c.id.in_(some)).values(parent_id=None))
    for some in in_parts(list(parents)):
        await connection.execute(delete(messages).where(messages.c.id.in_(some)))


def _first_kept_above(parents: Mapping[str, str | None]) -> dict[str, str | None]:
    """For each message that goes, the nearest one above it that stays."""
    found: dict[str, str | None] = {}
    for message_id in parents:
        way: list[str] = []
        above: str | None = message_id
        while above is not None and above in parents and above not in found:
            way.append(above)
            above = parents[above]
        if above is not None and above in found:
            above = found[above]
        found.update(dict.fromkeys(way, above))
    return found


async def _drop_summaries(connection: AsyncConnection, until_ids: list[str]) -> None:
    for some in in_parts(until_ids):
        await connection.execute(delete(summaries).where(summaries.c.until_id.in_(some)))


async def _set_shown(connection: AsyncConnection, message_id: str, shown: tuple[Shown, ...]) -> None:
    await connection.execute(delete(showings).where(showings.c.shows == message_id))
    if not shown:
        return
    rows = [
        {"place": one.place, "message_id": one.message_id, "shows": message_id, "position": position}
        for position, one in enumerate(dict.fromkeys(shown))
    ]
    kept = insert_into(connection, showings)
    moved = {"shows": kept.excluded.shows, "position": kept.excluded.position}
    await connection.execute(
        kept.on_conflict_do_update(index_elements=["place", "message_id"], set_=moved), rows
    )


def _kept(message_id: str) -> Any:
    return select(messages.c.id).where(messages.c.id == message_id).scalar_subquery()


def _columns(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "conversation_id": message.conversation_id,
        "parent_id": message.parent_id,
        "role": message.role.value,
        "asker": message.asker,
        "at": message.at,
        "tokens": message.tokens,
        "model": message.model,
        "ending": message.ending,
    }


def _message(row: Row[Any], texts: Mapping[str, str]) -> Message:
    return Message(
        id=row.id,
        conversation_id=row.conversation_id,
        parent_id=row.parent_id,
        role=Role(row.role),
        asker=row.asker,
        text=texts["text"],
        at=row.at,
        name=texts["name"],
        quote=texts["quote"],
        tokens=row.tokens,
        model=row.model,
        ending=row.ending,
        quotes=tuple(texts.get("quotes", "").split()),
    )
