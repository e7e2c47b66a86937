"""Makes what `test_migrations` starts from: a database of today's schema with something of everything in it.

    .venv/bin/python -m tests.store.make_released

Run it once for each released schema, in the release itself: what it made is never made again. It writes
backups as `sluice backup` makes them into `released/<schema>/`, with the keys that open them.
"""

from __future__ import annotations

import asyncio
import gzip
import shutil
import tempfile
from pathlib import Path
from typing import Final

from core.adapters.store import schema
from core.adapters.store.backup import back_up
from core.adapters.store.location import DATABASE_FILE, Location
from core.adapters.store.opening import open_store
from core.ports.journal import Journal, KeptTurn, Received, Step
from core.ports.ledger import Amount, Ledger, Line
from core.ports.store import KeptPersona, Lane, LaneKey, Overheard, Store, Summary, Used
from tests.store import postgresql
from tests.store.people import ADA, BEN, grown

RELEASED: Final = Path(__file__).with_name("released")


async def fill(store: Store) -> None:
    """Something in every table."""
    await grown(store)
    await store.set_lane(LaneKey("discord:30", ADA), Lane("c", "b2", 103.0))
    await store.set_summary(Summary("c", "a1", "What Ada asked.", 3))
    await store.choose("chat:discord:30", "model", "local/big")
    await store.set_persona(KeptPersona("discord:99", "sailor", "Ahoy.", BEN, "local/big", 0.5))
    await store.overhear(Overheard("telegram:-100", "7", ADA, "Ada", "psst", 104.0))
    await store.use(Used(20_000, ADA, "discord:99", "local/big", 2, 30, 14, 5))


async def fill_journal(journal: Journal) -> None:
    """Something in every table of the journal, too."""
    await journal.receive([Received("discord:9", "e1", ADA, b"hello", 100.0)])
    await journal.receive([Received("discord:9", "e2", "", b"a member came", 101.0)])
    for number in (1, 2):
        turn = KeptTurn(f"t{number}", "discord:9", (f"q{number}", f"r{number}"), BEN, b"the question", 102.0)
        await journal.begin(turn)
        await journal.write([Step(turn.id, b"shown"), Step(turn.id, b"all shown")])
    await journal.finish("t1", "complete")
    await journal.move_cursors("discord:9", {"30": "1001"}, 103.0)
    await journal.count("identify:discord:9", 20_000)


async def fill_ledger(ledger: Ledger) -> None:
    """Something of every kind of line."""
    days = [Line(of, "2024-10-04", tokens=10_000) for of in ("everybody", f"user:{ADA}")]
    assert await ledger.take((*days, Line(f"user:{ADA}", "2024-10", money=5_000)), Amount(44, 5_000))


async def make(location: Location, target: Path) -> None:
    async with open_store(location) as store:
        await fill(store)
        await fill_journal(store.journal)
        await fill_ledger(store.ledger)
    await back_up(location, target)
    shutil.copy(location.keys, target / "sluice.key")
    database = target / DATABASE_FILE
    if database.exists():
        with database.open("rb") as whole, gzip.open(f"{database}.gz", "wb") as packed:
            shutil.copyfileobj(whole, packed)
        database.unlink()


def main() -> None:
    target = RELEASED / schema.newest()
    with tempfile.TemporaryDirectory() as folder, postgresql.server() as address:
        asyncio.run(make(Location(Path(folder) / "s"), target / "sqlite"))
        asyncio.run(make(Location(Path(folder) / "p", f"{address}/postgres"), target / "postgresql"))


if __name__ == "__main__":
    main()
