"""Where the database and the files around it are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL

from core.adapters.store.connections import postgresql_url, sqlite_url
from core.adapters.store.key_files import KeyChain
from core.settings import Settings

DATABASE_FILE: Final = "sluice.db"
WRAPPING_FILE: Final = "sluice.wrapping"


@dataclass(frozen=True, slots=True)
class Location:
    """`database_url`: of a PostgreSQL database; None is SQLite in the data folder.

    `key_file`: None is the one in the data folder.
    """

    data_dir: Path
    database_url: str | None = None
    key_file: Path | None = None

    @classmethod
    def of(cls, settings: Settings) -> Location:
        """As configured."""
        return cls(settings.data_dir, settings.database_url, settings.key_file)

    @property
    def url(self) -> URL:
        return postgresql_url(self.database_url) if self.database_url else sqlite_url(self.file)

    @property
    def shown(self) -> str:
        """For people, without user and password."""
        if self.database_url is None:
            return str(self.file.absolute())
        return f"PostgreSQL at {self.url.host}, {self.url.database}"

    @property
    def file(self) -> Path:
        """The SQLite database."""
        return self.data_dir / DATABASE_FILE

    @property
    def backups(self) -> Path:
        """Where Sluice puts what it keeps aside by itself."""
        return self.data_dir / "backups"

    @property
    def keys(self) -> Path:
        """The key file."""
        return self.key_file or self.data_dir / "sluice.key"

    def chain(self, folder: Path | None = None) -> KeyChain:
        """The keys of the database, or of a backup in `folder`."""
        wrapping = None if self.database_url else (folder or self.data_dir) / WRAPPING_FILE
        return KeyChain(self.keys, wrapping, replaced_too=folder is not None)
