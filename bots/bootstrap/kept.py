"""What outlives the process: the database, and the key that signs buttons."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_ledger import MemoryLedger
from core.adapters.memory_store import MemoryStore
from core.policy import private_file
from core.ports.clock import Clock
from core.ports.journal import Journal
from core.ports.ledger import Ledger
from core.ports.store import Store
from core.service.carrying_over import carry_over
from core.service.signing import KEY_BYTES
from core.settings import Settings

log = logging.getLogger(__name__)

SPENDING_FILE: Final = "spending.json"  # in the data folder: what earlier versions had spent that day
BUTTON_KEY_FILE: Final = "buttons.json"  # in the data folder: the key that signs them


@dataclass(frozen=True, slots=True)
class Kept:
    """What outlives the process."""

    store: Store
    journal: Journal
    ledger: Ledger


@asynccontextmanager
async def open_store(settings: Settings, clock: Clock, *, sandbox: bool) -> AsyncIterator[Kept]:
    """The database, made or migrated, for the process that runs the bot. In the sandbox nothing is kept.

    Raises StoreError.
    """
    if sandbox:
        journal = MemoryJournal(clock=clock)
        yield Kept(MemoryStore(journal=journal), journal, MemoryLedger())
        return
    from core.adapters.store.holding import held
    from core.adapters.store.location import Location
    from core.adapters.store.opening import open_store as open_sql_store

    location = Location.of(settings)
    with held(location):
        async with open_sql_store(location) as store:
            await carry_over(settings.data_dir / SPENDING_FILE, store.ledger, clock, settings.daily_tokens)
            yield Kept(store, store.journal, store.ledger)


def button_key(file: Path) -> bytes | None:
    """The key that signs buttons, made where there is none. None: it cannot be kept."""
    try:
        match private_file.read(file):
            case {"key": str(key)} if len(key) == 2 * KEY_BYTES:
                return bytes.fromhex(key)
        key = secrets.token_hex(KEY_BYTES)
        private_file.write(file, {"key": key})
        return bytes.fromhex(key)
    except (private_file.UnreadableFileError, OSError, ValueError) as error:
        log.error("the key of buttons cannot be kept (%s): a restart ends those that stand", error)
        return None
