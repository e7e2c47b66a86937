"""What `sluice doctor` finds out about the database and the key that it is written with."""

from __future__ import annotations

from typing import Final

from core.adapters.store import schema
from core.adapters.store.location import Location
from core.adapters.store.looking import Found, look_at, prove_key
from core.adapters.store.remedies import remedy_for
from core.ports.platform import Check, CheckState
from core.ports.store import StoreError
from core.settings import Settings
from core.variables import others_may_read

_DATABASE: Final = "Database"
_KEY: Final = "Key file"


async def check_database(settings: Settings) -> tuple[Check, ...]:
    """One line about the database, and one about the key. Never raises."""
    location = Location.of(settings)
    try:
        found = await look_at(location)
    except StoreError as error:
        key = Check(_KEY, CheckState.NOTE, "not looked at: the database must be readable first")
        return _bad(_DATABASE, error, f"{location.shown}: ", remedy_for(error, location)), key
    database = Check(_DATABASE, CheckState.GOOD, f"{location.shown}: {_state(found)}")
    try:
        opens = prove_key(location, found)
    except StoreError as error:
        return database, _bad(_KEY, error)
    path = location.keys.absolute()
    words = "opens the database" if opens else "is used" if path.exists() else "is made"
    when = "" if opens else " when Sluice first starts"
    told = f"{path} {words}{when}"
    if others_may_read(path):
        detail = f"{told}, and every user of this machine can read it"
        return database, Check(_KEY, CheckState.NOTE, detail, f"Run: chmod 600 {path}")
    return database, Check(_KEY, CheckState.GOOD, told)


def _state(found: Found) -> str:
    if found.schema is None:
        return "empty yet; Sluice fills it when it first starts"
    if found.schema != schema.newest():
        return f"schema {found.schema}; the next start backs it up and brings it to {schema.newest()}"
    return f"schema {found.schema}"


def _bad(name: str, error: StoreError, about: str = "", remedy: str = "") -> Check:
    detail, _, own = str(error).partition(". ")
    return Check(name, CheckState.BAD, about + detail.rstrip("."), own or remedy)
