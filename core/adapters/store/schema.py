"""The database's schema: which one it is, and how it becomes today's. The steps stand in `migrations`.

A step never opens what is sealed, and so needs no key. All steps of one start are one transaction.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.adapters.store.database import Database
from core.ports.store import StoreError

_STEPS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x51_01_CE  # of PostgreSQL's advisory locks: one process migrates, the others wait
OF_SOMETHING_ELSE: Final = "The database holds tables of something else. Give Sluice one of its own."
VERSION_TABLE: Final = "alembic_version"


def newest() -> str:
    """The schema that this code works with."""
    return _known(_STEPS)[0]


def check_known(revision: str, what: str) -> None:
    """Raises StoreError for a schema that this code does not know, which is one of later code."""
    if revision not in _known(_STEPS):
        raise StoreError(
            f"{what} was written by a newer Sluice (schema {revision}; this one knows up to {newest()}). "
            "Install that version again. docs/upgrading.md says how to go back."
        )


@cache
def _known(steps: Path) -> tuple[str, ...]:
    """Every schema, the newest first, by the names of the steps' files: `v0001_first.py` makes 0001."""
    names = (file.name for file in (steps / "versions").glob("v*_*.py"))
    return tuple(sorted((name[1:].partition("_")[0] for name in names), reverse=True))


async def revision_of(connection: AsyncConnection) -> str | None:
    """None for a database without Sluice's tables."""
    if not await connection.run_sync(lambda sync: inspect(sync).has_table(VERSION_TABLE)):
        return None
    found = await connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608  # our own name
    return found.scalar_one_or_none()


async def holds_tables(connection: AsyncConnection) -> bool:
    """Of whomever."""
    return bool(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


async def upgrade(connection: AsyncConnection, to: str = "head") -> None:
    """Take the steps up to `to`, within the connection's transaction. Raises StoreError."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    await connection.run_sync(_upgrade, to)
    if connection.dialect.name == "sqlite":
        broken = (await connection.execute(text("PRAGMA foreign_key_check"))).first()
        if broken is not None:
            raise StoreError(
                "The migration would leave rows without what they refer to. Nothing was changed."
            )


async def upgrade_database(database: Database) -> None:
    """All steps. `database` must have been opened for migrating."""

    async def migrate(connection: AsyncConnection) -> None:
        await upgrade(connection)

    await database.write(migrate)


def _upgrade(connection: Connection, to: str) -> None:
    from alembic import command  # noqa: PLC0415  # takes long to load, and only a new schema needs it
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
