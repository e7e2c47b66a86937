"""What is forgotten opens with nothing that is left: not in the database, not in an older copy of it."""

from __future__ import annotations

import base64
import gc
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from core.adapters.store.encryption import Key, SealError, key_id_of
from core.adapters.store.key_files import _read
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.adapters.store.tables import keys
from core.ports.journal import KeptTurn, OthersWords, Received
from core.ports.store import KeptPersona, Message, Overheard, Role, StoreError, Summary, Used
from tests.store.people import ADA, BEN, grown, ids

CANARY = "canary-7f3a"
_SEALED = {
    "messages": ("asker", ("id",)),
    "personas": ("made_by", ("scope", "name")),
    "overheard": ("author", ("place", "message_id")),
    "summaries": (None, ("until_id",)),
}


def copy_of(location: Location, target: Path) -> Path:
    """The data folder as somebody finds it while Sluice runs: database, log and both key files."""
    shutil.copytree(location.data_dir, target)
    return target


def keys_left(*folders: Path) -> dict[str, Key]:
    """Every key that can be had from these folders' key files and databases, whichever belongs to which."""
    found: dict[str, Key] = {}
    for folder in folders:
        found |= {key_id: Key(key_id, secret) for key_id, secret in _read(folder / "sluice.key")}
    for folder in folders:
        for key_id, sealed in _read(folder / "sluice.wrapping"):
            found[key_id] = Key(key_id, found[key_id_of(sealed)].open(sealed, "wrapping", key_id))
    return found


def opened(database: Path, keys: dict[str, Key]) -> list[str]:
    """Whatever of a database opens with these keys, and with the data keys that open with them."""
    texts: list[str] = []
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT id, scope, wrapped FROM keys").fetchall()
        for key_id, scope, wrapped in rows:
            try:
                keys[key_id] = Key(key_id, keys[key_id_of(wrapped)].open(wrapped, "keys", key_id, scope))
            except (SealError, KeyError):
                continue
        for table, (_, names) in _SEALED.items():
            for *where, key_id, sealed in connection.execute(
                f"SELECT {', '.join(names)}, key_id, sealed FROM {table}"  # noqa: S608  # our own names
            ):
                if key_id in keys:
                    texts.append(keys[key_id].open(sealed, table, *where, "sealed").decode())
    return texts


async def secrets_of_ada(location: Location, tmp_path: Path) -> tuple[Path, Path]:
    """The data folder before and after Ada was forgotten."""
    async with open_store(location) as store:
        await grown(store)
        for message in (await store.message("q1"), await store.message("a1")):
            assert message is not None
            await store.add(type(message)(message.id, "c", message.parent_id, message.role, ADA, CANARY, 1.0))
        await store.set_persona(KeptPersona("discord:99", "sailor", CANARY, ADA))
        await store.overhear(Overheard("p", "7", ADA, "Ada", CANARY, 1.0))
        await store.set_summary(Summary("c", "a2", CANARY, 3))
        await store.use(Used(7, ADA, "discord:99", "big", 1, 10, 5, 2))
        before = copy_of(location, tmp_path / "before")
        assert await store.forget(ADA) == 4
        after = copy_of(location, tmp_path / "after")
    return before, after


async def test_an_older_copy_opens_with_no_key_that_is_left(
    sqlite_location: Location, tmp_path: Path
) -> None:
    before, after = await secrets_of_ada(sqlite_location, tmp_path)
    assert (before / "sluice.db-wal").stat().st_size > 0
    # The proof is worth something: with the files of then, all of it opened.
    assert sum(CANARY in text for text in opened(before / "sluice.db", keys_left(before))) == 5
    assert opened(before / "sluice.db", keys_left(after)) == []
    left = keys_left(after)
    assert len(opened(after / "sluice.db", left)) == 3  # Ben's
    # Also with every data key of the database as it is now.
    assert not any(CANARY in text for text in opened(before / "sluice.db", left))


async def test_nothing_of_the_forgotten_is_left_in_any_file(
    sqlite_location: Location, tmp_path: Path
) -> None:
    """Not the id, clear as it is, nor what was sealed, nor the wrapped key; not in free pages or the log."""
    before, after = await secrets_of_ada(sqlite_location, tmp_path)
    with closing(sqlite3.connect(before / "sluice.db")) as connection:
        (wrapped,) = connection.execute("SELECT wrapped FROM keys WHERE scope = ?", (ADA,)).fetchone()
        (sealed,) = connection.execute("SELECT sealed FROM messages WHERE id = 'q1'").fetchone()
    bytes_before = b"".join(file.read_bytes() for file in before.iterdir())
    bytes_after = b"".join(file.read_bytes() for file in after.iterdir())
    for gone in (wrapped, sealed, ADA.encode()):
        assert gone in bytes_before
        assert gone not in bytes_after


async def test_the_key_of_the_forgotten_is_held_by_nothing(location: Location) -> None:
    async with open_store(location) as store:
        await grown(store)
        await store.path("b2")
        async with store._database.reading() as connection:
            ada = await connection.scalar(select(keys.c.id).where(keys.c.scope == ADA))
        held = Key(str(ada), bytes(32))
        assert ada in {key.id for key in gc.get_objects() if isinstance(key, Key)}
        del held
        await store.forget(ADA)
        gc.collect()
        assert ada not in {key.id for key in gc.get_objects() if isinstance(key, Key)}
        assert ids(await store.path("b2")) == ["q2", "b2"]


async def test_what_others_quote_opens_in_no_older_copy(sqlite_location: Location, tmp_path: Path) -> None:
    """Whatever key there is of those who quoted."""
    async with open_store(sqlite_location) as store:
        await grown(store)
        await store.add(Message("q9", "d", None, Role.USER, BEN, "so?", 1.0, quote=CANARY, quotes=(ADA,)))
        assert (await store.export(BEN))["messages"][-1]["quote"] == CANARY  # type: ignore[index]  # a list
        before = copy_of(sqlite_location, tmp_path / "before")
        await store.forget(ADA)
        after = copy_of(sqlite_location, tmp_path / "after")
    left = keys_left(after)
    opened(after / "sluice.db", left)
    texts = opened(before / "sluice.db", left)
    [quoting] = [json.loads(text) for text in texts if "so?" in text]
    sealed = base64.b64decode(quoting["quote"])
    assert key_id_of(sealed) not in left
    with closing(sqlite3.connect(before / "sluice.db")) as connection:
        [wrapped] = connection.execute(
            "SELECT wrapped FROM keys WHERE scope = ?", (f"quoted:{ADA}",)
        ).fetchone()
    assert key_id_of(wrapped) not in left


async def test_what_others_quote_in_questions_that_wait_opens_in_no_older_copy(
    sqlite_location: Location, tmp_path: Path
) -> None:
    others = OthersWords((ADA,), CANARY.encode())
    async with open_store(sqlite_location) as store:
        await grown(store)
        await store.journal.receive([Received("discord:9", "e1", BEN, b"so?", 1.0, others)])
        await store.journal.begin(KeptTurn("t1", "discord:9", ("e2",), BEN, b"so?", 1.0, others))
        before = copy_of(sqlite_location, tmp_path / "before")
        await store.forget(ADA)
        after = copy_of(sqlite_location, tmp_path / "after")
    left = keys_left(after)
    opened(after / "sluice.db", left)
    opened(before / "sluice.db", left)
    with closing(sqlite3.connect(before / "sluice.db")) as connection:
        rows = [
            (("events", "discord:9", "e1"), *connection.execute("SELECT others FROM events").fetchone()),
            (("turns", "t1"), *connection.execute("SELECT others FROM turns").fetchone()),
        ]
    for where, sealed in rows:
        told = json.loads(left[key_id_of(sealed)].open(sealed, *where, "others"))  # Ben's key is left
        assert key_id_of(base64.b64decode(told["words"])) not in left


async def test_a_copy_of_the_key_file_stays_good_when_somebody_is_forgotten(location: Location) -> None:
    async with open_store(location) as store:
        await grown(store)
        key = location.keys.read_bytes()
        await store.forget(ADA)
    assert location.keys.read_bytes() == key
    async with open_store(location) as store:
        assert ids(await store.path("b2")) == ["q2", "b2"]


async def test_counters_do_not_name_anybody(sqlite_location: Location) -> None:
    async with open_store(sqlite_location) as store:
        await store.use(Used(7, BEN, "discord:99", "big", 1, 10, 5, 2))
    files = b"".join(file.read_bytes() for file in sqlite_location.data_dir.iterdir())
    assert b"discord:99" in files
    assert BEN.encode() + b"d" not in files.replace(b"discord:99", b"")


async def test_what_has_expired_has_no_key_left(location: Location) -> None:
    async with open_store(location) as store:
        await grown(store)
        await store.set_summary(Summary("c", "a2", "both", 3))
        await store.expire(before=1_000.0, overheard_before=1_000.0)
        async with store._database.reading() as connection:
            scopes = (await connection.exec_driver_sql("SELECT scope FROM keys")).scalars().all()
    assert scopes == [""]


async def test_a_value_that_was_tampered_with_is_an_error_without_its_text(sqlite_location: Location) -> None:
    async with open_store(sqlite_location) as store:
        await grown(store)
    with closing(sqlite3.connect(sqlite_location.file)) as connection, connection:
        connection.execute(
            "UPDATE messages SET sealed = (SELECT sealed FROM messages WHERE id = 'q1') WHERE id = 'a1'"
        )
    async with open_store(sqlite_location) as store:
        with pytest.raises(StoreError) as error:
            await store.message("a1")
    assert str(error.value) == "The database holds a value that does not open: not what was written there."
    assert error.value.__cause__ is None
