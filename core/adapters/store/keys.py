"""The data keys: one row for each scope, wrapped by a key outside the database."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from sqlalchemy import Row, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.database import Database, insert_into
from core.adapters.store.encryption import Key, SealError, key_id_of
from core.adapters.store.key_files import KeyChain
from core.adapters.store.lists import in_parts
from core.adapters.store.tables import keys
from core.ports.store import StoreError

OWN: Final = ""
"""The scope of the store's own key: it proves that the key file is the right one, and hashes persons."""
_LOST: Final = "The database has lost its own key. Restore a backup with `sluice restore`."
_AT_ONCE: Final = 500  # rows that are wrapped again by one statement


class Keys:
    """What is asked for within a transaction is part of it. No data key is held: each comes with its rows."""

    def __init__(self, database: Database, chain: KeyChain) -> None:
        self._database = database
        self._chain = chain
        self._own = b""

    async def open(self) -> None:
        """Make the first key of a new database, or prove that the key file is its own. Raises StoreError."""
        async with self._database.reading() as connection:
            own = await _wrapped(connection, OWN)
        if own is None:
            await self._database.write(self._begin)
        else:
            self._own = self._unwrap(*own, OWN).secret
            await self.settle()

    async def check(self) -> None:
        """Raises StoreError unless every data key opens."""
        async with self._database.reading() as connection:
            if await _wrapped(connection, OWN) is None:
                raise StoreError(_LOST)
            for row in await connection.execute(select(keys)):
                self._unwrap(row.id, row.wrapped, row.scope)

    async def settle(self) -> None:
        """Reduce the key files to what the database uses, where something was replaced."""

        async def look(connection: AsyncConnection) -> None:
            self._chain.settle(key_id_of((await self._own_row(connection))[1]))

        await self._database.write(look)

    async def of_scope(self, connection: AsyncConnection, scope: str) -> Key:
        """The scope's key, made where there is none. Until the transaction ends nobody can destroy it."""
        found = await _wrapped(connection, scope, lock="shared")
        if found is None:
            await self._make(connection, scope)
            found = await _wrapped(connection, scope, lock="shared")
        if found is None:
            raise StoreError("The database did not keep a new key.")
        return self._unwrap(*found, scope)

    async def of_scopes(self, connection: AsyncConnection, scopes: Collection[str]) -> Mapping[str, Key]:
        """The same for several, by scope."""
        found = await _all_wrapped(connection, scopes)
        if len(found) < len(scopes):
            for missing in sorted(set(scopes) - {row.scope for row in found}):
                await self._make(connection, missing)
            found = await _all_wrapped(connection, scopes)
        if len(found) < len(scopes):
            raise StoreError("The database did not keep a new key.")
        return {row.scope: self._unwrap(row.id, row.wrapped, row.scope) for row in found}

    def of_rows(self, rows: Iterable[Row[Any]]) -> Mapping[str, Key]:
        """By id, what opens rows that came with it (`part.sealed_rows`)."""
        wrapped = {row.key_id: (row.wrapped, row.key_scope) for row in rows}
        return {key_id: self._unwrap(key_id, *opening) for key_id, opening in wrapped.items()}

    def of_row(self, row: Row[Any]) -> Key:
        """Out of a row of the table itself."""
        return self._unwrap(row.id, row.wrapped, row.scope)

    async def destroy(self, connection: AsyncConnection, scopes: Sequence[str]) -> None:
        """With them goes every row under them."""
        for some in in_parts(scopes):
            await connection.execute(delete(keys).where(keys.c.scope.in_(some)))

    async def rewrap(self, connection: AsyncConnection, *, new_master: bool) -> None:
        """Wrap every data key with a new key. `settle` must follow the commit."""
        used = key_id_of((await self._own_row(connection, alone=True))[1])
        self._chain.find(used)  # reads the files again, should another process have replaced keys
        wrapping = self._chain.add(new_master=new_master)
        last = ""
        while True:
            rows = (
                await connection.execute(
                    select(keys).where(keys.c.id > last).order_by(keys.c.id).limit(_AT_ONCE).with_for_update()
                )
            ).all()
            if not rows:
                return
            last = rows[-1].id
            again = update(keys).where(keys.c.id == bindparam("row")).values(wrapped=bindparam("again"))
            opened = [(self._unwrap(row.id, row.wrapped, row.scope), row.scope) for row in rows]
            await connection.execute(
                again, [{"row": key.id, "again": _wrap(wrapping, key, scope)} for key, scope in opened]
            )

    def hashed(self, person: str) -> str:
        """Who it is, for counters that outlive what somebody wrote. It does not lead back without the key."""
        return hmac.new(self._own, person.encode(), hashlib.sha256).hexdigest()[:32]

    async def _begin(self, connection: AsyncConnection) -> None:
        others = (await connection.execute(select(keys.c.id).where(keys.c.scope != OWN).limit(1))).first()
        found = await _wrapped(connection, OWN)  # after the others, as another process may be beginning too
        if found is None and others is not None:
            raise StoreError(_LOST)
        if found is None:
            key = Key.new()
            await self._insert(connection, key, OWN, _wrap(self._chain.create(), key, OWN))
            found = await _wrapped(connection, OWN)
        if found is None:
            raise StoreError("The database did not keep its first key.")
        self._own = self._unwrap(*found, OWN).secret

    async def _make(self, connection: AsyncConnection, scope: str) -> None:
        # The row is locked: a new key must not be wrapped by a key that is being replaced.
        wrapping = self._chain.find(key_id_of((await self._own_row(connection))[1]))
        key = Key.new()
        await self._insert(connection, key, scope, _wrap(wrapping, key, scope))

    async def _insert(self, connection: AsyncConnection, key: Key, scope: str, wrapped: bytes) -> None:
        row = {"id": key.id, "scope": scope, "wrapped": wrapped}
        await connection.execute(
            insert_into(connection, keys).values(row).on_conflict_do_nothing(index_elements=["scope"])
        )

    async def _own_row(self, connection: AsyncConnection, *, alone: bool = False) -> tuple[str, bytes]:
        """Locked until the transaction ends: who wraps again is alone, who makes a new key shares it."""
        found = await _wrapped(connection, OWN, lock="alone" if alone else "shared")
        if found is None:
            raise StoreError(_LOST)
        return found

    def _unwrap(self, key_id: str, wrapped: bytes, scope: str) -> Key:
        return unwrap(self._chain, key_id, wrapped, scope)


async def own_key(connection: AsyncConnection) -> tuple[str, bytes] | None:
    """The id of the database's own key and the key as it is wrapped; None before the first start has made it.
    Raises StoreError for one that is lost."""
    own = await _wrapped(connection, OWN)
    if own is None and (await connection.execute(select(keys.c.id).limit(1))).first() is not None:
        raise StoreError(_LOST)
    return own


def unwrap(chain: KeyChain, key_id: str, wrapped: bytes, scope: str) -> Key:
    """A data key out of its row. Raises StoreError."""
    try:
        return Key(key_id, chain.find(key_id_of(wrapped)).open(wrapped, "keys", key_id, scope))
    except SealError:
        raise StoreError(
            "The key file is not the one that the database was written with. Put that one back, "
            "or name it with SLUICE_KEY_FILE."
        ) from None


def _wrap(wrapping: Key, key: Key, scope: str) -> bytes:
    return wrapping.seal(key.secret, "keys", key.id, scope)


async def _wrapped(
    connection: AsyncConnection, scope: str, *, lock: Literal["", "shared", "alone"] = ""
) -> tuple[str, bytes] | None:
    query = select(keys.c.id, keys.c.wrapped).where(keys.c.scope == scope)
    if lock:  # SQLite has no such words: there a transaction is alone
        query = query.with_for_update(read=lock == "shared")
    row = (await connection.execute(query)).first()
    return None if row is None else (row.id, row.wrapped)


async def _all_wrapped(connection: AsyncConnection, scopes: Collection[str]) -> Sequence[Row[Any]]:
    """Locked, shared, until the transaction ends."""
    found: list[Row[Any]] = []
    for some in in_parts(sorted(scopes)):
        query = select(keys).where(keys.c.scope.in_(some)).order_by(keys.c.id)
        found += await connection.execute(query.with_for_update(read=True))
    return found
