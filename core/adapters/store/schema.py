"""The database's schema: which one it is, and how it becomes today's. The steps stand in `migrations`.

A step never opens what is sealed, and so needs no key. All steps of one start are one transaction.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
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
    """Every schema, the newest first."""
    return tuple(script.revision for script in ScriptDirectory(str(steps)).walk_revisions())


async def revision_of(connection: AsyncConnection) -> str | None:
    """None for a database without Sluice's tables."""
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


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
    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
