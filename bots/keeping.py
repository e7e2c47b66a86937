"""What `sluice backup`, `restore` and `keys` do. Each returns lines for people, and raises StoreError."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from core.adapters.store.backup import back_up
from core.adapters.store.location import Location
from core.adapters.store.looking import look_at
from core.adapters.store.opening import open_store
from core.adapters.store.remedies import telling_what_to_do
from core.adapters.store.restore import restore as put_back
from core.ports.store import StoreError
from core.settings import Settings

NEEDED: Final = frozenset({"DATABASE_URL", "SLUICE_DATA_DIR", "SLUICE_KEY_FILE"})
"""The settings that these use: no other holds them up."""


async def backup(settings: Settings, folder: Path) -> Sequence[str]:
    location = Location.of(settings)
    made = await back_up(location, folder)
    return (
        f"Saved to {_whole(folder)}.",
        f"To restore it, the key file is needed too: {_whole(location.keys)} (key {made.key}).",
        "Keep a copy of the key file in another place than the backup.",
        "What somebody has Sluice forget stays in older backups until you delete them.",
    )


async def restore(settings: Settings, folder: Path, *, replace: bool) -> Sequence[str]:
    aside = await put_back(Location.of(settings), folder, replace=replace)
    kept = (f"The database that was there is kept in {_whole(aside)}.",) if aside else ()
    return (f"Restored from {_whole(folder)}.", *kept)


async def rotate_keys(settings: Settings) -> Sequence[str]:
    location = Location.of(settings)
    with telling_what_to_do(location):
        found = await look_at(location)
    if found.own is None:
        raise StoreError(
            f"There is no key to replace yet: {location.shown} is not there or empty. "
            "Run this in the folder that Sluice is started in, with the same settings."
        )
    chain = location.chain()
    async with open_store(location) as store:
        old = chain.replaced(chain.held()[0])
        await store.rotate()
    return (
        f"The key in {_whole(location.keys)} is new, and what is stored opens with no other.",
        "Copy the file to where you keep a copy of the old one.",
        f"The old key is kept in {_whole(old)}.",
        "Backups made until now need it, and `sluice restore` finds it there.",
        "If it has leaked, make a new backup, then delete that file and those backups.",
    )


def _whole(path: Path) -> str:
    return str(path.absolute())
