"""Keys: made once, needed always, replaced safely, destroyed for good."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.store import key_files
from core.adapters.store.encryption import Key, SealError
from core.adapters.store.keys import Keys
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.ports.store import StoreError, Summary
from tests.store.people import ADA, asked, grown, ids


@given(plain=st.binary(max_size=200), where=st.lists(st.text(max_size=9), max_size=4))
def test_a_sealed_value_opens_only_where_it_was_put(plain: bytes, where: list[str]) -> None:
    key = Key.new()
    sealed = key.seal(plain, *where)
    assert key.open(sealed, *where) == plain
    for other_place in (
        [*where, ""],
        [*where, "x"],
        ["x", *where],
        ["".join(where)] if len(where) > 1 else ["y"],
    ):
        with pytest.raises(SealError):
            key.open(sealed, *other_place)
    with pytest.raises(SealError):
        Key(key.id, Key.new().secret).open(sealed, *where)
    with pytest.raises(SealError):
        Key.new().open(sealed, *where)


@given(cut=st.integers(min_value=0, max_value=60), flip=st.integers(min_value=0, max_value=60))
def test_a_changed_envelope_does_not_open(cut: int, flip: int) -> None:
    key = Key("00" * 8, b"k" * 32)
    sealed = key.seal(b"what was said there", "messages", "q1")
    flipped = bytearray(sealed)
    flipped[flip % len(sealed)] ^= 1
    for changed in (sealed[: cut % len(sealed)], bytes(flipped)):
        with pytest.raises(SealError):
            key.open(changed, "messages", "q1")


def test_a_key_does_not_show_itself() -> None:
    key = Key.new()
    assert repr(key) == f"Key({key.id})"
    with pytest.raises(ValueError, match="32 bytes"):
        Key("00" * 8, b"short")


async def test_the_key_file_is_made_once_and_for_its_user_alone(location: Location) -> None:
    async with open_store(location):
        made = location.keys.read_bytes()
    assert stat.S_IMODE(location.keys.stat().st_mode) == 0o600
    async with open_store(location):
        assert location.keys.read_bytes() == made


async def test_a_key_file_that_is_there_serves_a_new_database(location: Location, tmp_path: Path) -> None:
    other = Location(location.data_dir, location.database_url, tmp_path / "elsewhere" / "key")
    async with open_store(other) as store:
        await grown(store)
    assert not location.keys.exists()
    async with open_store(other) as store:
        assert ids(await store.path("b2")) == ["q1", "a1", "q2", "b2"]


async def test_without_its_key_file_nothing_starts_and_no_key_is_made(location: Location) -> None:
    async with open_store(location) as store:
        await grown(store)
    kept = location.keys.rename(location.keys.with_name("kept"))
    with pytest.raises(StoreError, match=r"sluice\.key is missing.*Put it back"):
        async with open_store(location):
            pytest.fail("opened")
    assert not location.keys.exists()
    kept.rename(location.keys)
    async with open_store(location) as store:
        assert await store.message("q1") == asked("q1")


def test_a_key_file_that_appears_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes begin at once, and both have seen that there is none."""
    location = Location(tmp_path, "postgresql://host/sluice")
    first = location.chain().create()
    with monkeypatch.context() as too_early:
        too_early.setattr(Path, "exists", lambda _: False)
        second = location.chain().create()
    assert (second.id, second.secret) == (first.id, first.secret)
    assert [path.name for path in tmp_path.iterdir()] == ["sluice.key"]


@pytest.mark.parametrize("content", ["", "hello", "sluice-key-1 0011223344556677 AAAA", "\xff"])
async def test_a_file_that_is_no_key_file_is_refused(location: Location, content: str) -> None:
    async with open_store(location):
        pass
    location.keys.write_text(content, "latin-1")
    with pytest.raises(StoreError, match="not a key file of Sluice"):
        async with open_store(location):
            pytest.fail("opened")


async def test_another_key_is_refused_and_named(location: Location, tmp_path: Path) -> None:
    async with open_store(location):
        pass
    stranger = Location(tmp_path / "stranger")
    async with open_store(stranger):
        pass
    shutil.copy(stranger.keys, location.keys)
    with pytest.raises(StoreError, match=r"holds another key \(\w{16}\) than the database was written with"):
        async with open_store(location):
            pytest.fail("opened")


async def test_without_its_wrapping_file_a_sqlite_database_is_refused(sqlite_location: Location) -> None:
    async with open_store(sqlite_location):
        pass
    (sqlite_location.data_dir / "sluice.wrapping").unlink()
    with pytest.raises(StoreError, match=r"sluice\.wrapping does not belong"):
        async with open_store(sqlite_location):
            pytest.fail("opened")


async def test_a_database_that_is_begun_anew_keeps_the_old_wrapping_file(sqlite_location: Location) -> None:
    async with open_store(sqlite_location) as store:
        await grown(store)
    old = sqlite_location.file.rename(sqlite_location.file.with_name("old.db"))
    async with open_store(sqlite_location) as store:
        assert await store.message("q1") is None
    old.rename(sqlite_location.file)
    (sqlite_location.data_dir / "sluice.wrapping.old-1").rename(sqlite_location.data_dir / "sluice.wrapping")
    async with open_store(sqlite_location) as store:
        assert await store.message("q1") == asked("q1")


async def test_a_lost_own_key_is_never_replaced(sqlite_location: Location) -> None:
    async with open_store(sqlite_location) as store:
        await grown(store)
    with closing(sqlite3.connect(sqlite_location.file)) as connection, connection:
        connection.execute("DELETE FROM keys WHERE scope = ''")
    with pytest.raises(StoreError, match="lost its own key"):
        async with open_store(sqlite_location):
            pytest.fail("opened")


async def test_rotation_makes_the_old_key_useless(location: Location) -> None:
    async with open_store(location) as store:
        await grown(store)
        old = location.keys.read_bytes()
        (replaced,) = location.chain().held()
        await store.rotate()
        await store.add(asked("q9"))
        assert ids(await store.path("b2")) == ["q1", "a1", "q2", "b2"]
    new = location.keys.read_bytes()
    assert new != old
    assert new.count(b"sluice-key-1") == 1
    kept = location.keys.with_name(f"sluice.key.old-{replaced}")
    assert kept.read_bytes().splitlines()[1:] == old.splitlines()[1:]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    async with open_store(location) as store:
        assert await store.message("q9") == asked("q9")
    location.keys.write_bytes(old)
    with pytest.raises(StoreError, match="another key"):
        async with open_store(location):
            pytest.fail("opened")


async def test_a_database_of_a_replaced_key_is_refused_with_its_place(
    sqlite_location: Location, tmp_path: Path
) -> None:
    """It is not opened with it: that file may be deleted at any time."""
    names = ("sluice.db", "sluice.wrapping")
    async with open_store(sqlite_location):
        pass
    for name in names:
        shutil.copy(sqlite_location.data_dir / name, tmp_path / name)
    async with open_store(sqlite_location) as store:
        (replaced,) = sqlite_location.chain().held()
        await store.rotate()
    for name in names:
        shutil.copy(tmp_path / name, sqlite_location.data_dir / name)
    with pytest.raises(StoreError, match=rf"kept in .*sluice\.key\.old-{replaced}: put it back, or name it"):
        async with open_store(sqlite_location):
            pytest.fail("opened")


@pytest.mark.parametrize("content", ["of somebody else's", "", None])
async def test_nothing_is_overwritten_by_a_key_that_is_kept(location: Location, content: str | None) -> None:
    async with open_store(location) as store:
        kept = location.chain().replaced(*location.chain().held())
        held = location.keys.read_bytes()
        kept.write_bytes(held if content is None else content.encode())
        if content is None:  # of a rotation that was cut short
            await store.rotate()
            assert kept.read_bytes() == held
            return
        with pytest.raises(StoreError, match=r"is there already, and is not the old key\. Move it away"):
            await store.rotate()
        assert (kept.read_text(), location.keys.read_bytes()) == (content, held)


class KilledError(Exception):
    """The process ends here."""


@pytest.mark.parametrize(
    ("what", "step"), [*(("rotate", step) for step in range(7)), *(("forget", step) for step in range(4))]
)
async def test_a_kill_at_any_step_leaves_a_store_that_opens(
    location: Location, monkeypatch: pytest.MonkeyPatch, what: str, step: int
) -> None:
    """Each write of a key file, and what is between them, is a step."""
    async with open_store(location) as store:
        await grown(store)
        await store.set_summary(Summary("c", "a2", "Ada and Ben", 3))
    steps = -10  # while it is opened

    def step_or_die(name: str, original: object) -> None:
        def stepped(*arguments: object, **options: object) -> object:
            nonlocal steps
            steps += 1
            if steps > step:
                raise KilledError
            return original(*arguments, **options)  # type: ignore[operator]

        monkeypatch.setattr(key_files if name == "_write" else Keys, name, stepped)

    step_or_die("_write", key_files._write)
    step_or_die("rewrap", Keys.rewrap)
    step_or_die("settle", Keys.settle)
    killed = False
    try:
        async with open_store(location) as store:
            steps = 0
            await (store.rotate() if what == "rotate" else store.forget(ADA))
    except KilledError:
        killed = True
    monkeypatch.undo()
    async with open_store(location) as store:
        assert await store.message("a2") is not None
        if await store.message("q1") is None:
            assert what == "forget"
            assert await store.export(ADA) == {**await store.export(ADA), "messages": []}
        else:
            assert killed or what == "rotate"
            assert ids(await store.path("b2")) == ["q1", "a1", "q2", "b2"]
        assert location.keys.read_bytes().count(b"sluice-key-1") == 1
        await store.add(asked("later", "a2"))
    async with open_store(location) as store:
        assert await store.message("later") == asked("later", "a2")
