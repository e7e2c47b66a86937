"""Others' words in what somebody keeps: sealed under a key of each of those whose they are, too. So whoever
is forgotten takes them along, also out of every older copy."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.encryption import Key, SealError, packed, unpacked
from core.adapters.store.keys import Keys
from core.adapters.store.lists import in_parts
from core.adapters.store.tables import keys
from core.ports.journal import OthersWords

QUOTED: Final = "quoted:"


def quoted_scope(person: str) -> str:
    """Of the key for what others quote of somebody."""
    return f"{QUOTED}{person}"


def scopes_of(others: OthersWords | None) -> frozenset[str]:
    """Of the keys that `seal_others` needs beside the row's own."""
    return frozenset() if others is None else frozenset(map(quoted_scope, others.of))


async def quoted_keys(connection: AsyncConnection, keys_: Keys, people: Collection[str]) -> Mapping[str, Key]:
    """By scope, of those who were not forgotten."""
    found: dict[str, Key] = {}
    for some in in_parts(sorted(map(quoted_scope, people))):
        rows = await connection.execute(select(keys).where(keys.c.scope.in_(some)))
        found |= {row.scope: keys_.of_row(row) for row in rows}
    return found


def seal_words(people: Iterable[str], words: bytes, opening: Mapping[str, Key], *where: str) -> bytes:
    """`opening`: keys by scope; `where`: table, ids of the row, column."""
    for person in people:
        words = opening[quoted_scope(person)].seal(words, *where)
    return words


def open_words(
    people: tuple[str, ...], sealed: bytes, opening: Mapping[str, Key], *where: str
) -> bytes | None:
    """None where one of them was forgotten, though others may have quoted them since."""
    try:
        for person in reversed(people):
            sealed = opening[quoted_scope(person)].open(sealed, *where)
    except (KeyError, SealError):
        return None
    return sealed


def seal_others(others: OthersWords, own: Key, opening: Mapping[str, Key], *where: str) -> bytes:
    """As one column of a row that is under the key `own`, whose they are with it."""
    words = base64.b64encode(seal_words(others.of, others.body, opening, *where)).decode()
    return own.seal(packed(of=" ".join(others.of), words=words), *where)


async def others_of(
    connection: AsyncConnection, keys_: Keys, own: Mapping[str, Key], rows: Sequence[Row[Any]], *where: str
) -> Mapping[str, OthersWords]:
    """By id, of rows with such a column named `others`, what can be opened. `own`: the rows' keys by id;
    `where`: table and the ids before `id`."""
    told = {
        row.id: unpacked(own[row.key_id].open(row.others, *where, row.id, "others"))
        for row in rows
        if row.others is not None
    }
    opening = await quoted_keys(
        connection, keys_, {one for each in told.values() for one in each["of"].split()}
    )
    found = {}
    for row_id, each in told.items():
        people, sealed = tuple(each["of"].split()), base64.b64decode(each["words"])
        words = open_words(people, sealed, opening, *where, row_id, "others")
        if words is not None:
            found[row_id] = OthersWords(people, words)
    return found
