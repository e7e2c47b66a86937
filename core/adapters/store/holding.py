"""Who runs the bot over a SQLite database is alone: the journal's turns there have no leases.

The operating system lets go of the lock when the process ends, however that happens. Only running takes it: a
backup or a new key while the bot runs is fine.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from core.adapters.store.location import Location
from core.adapters.store.opening import make_data_dir
from core.ports.store import StoreError

LOCK_FILE: Final = "sluice.lock"  # stays there, empty: whoever took it away would let two in


@contextmanager
def held(location: Location) -> Iterator[None]:
    """Run alone over the data folder; on PostgreSQL several may run. Raises StoreError when somebody does."""
    if location.database_url:
        yield
        return
    make_data_dir(location)
    path = location.data_dir / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror}). Let the user that runs Sluice write it."
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"Sluice runs already over the data folder {location.data_dir.absolute()}. "
                "Stop that one first, or give this one a folder of its own with SLUICE_DATA_DIR."
            ) from None
        except OSError as error:
            raise StoreError(
                f"{path} cannot be locked ({error.strerror}). Put the data folder on a local disk."
            ) from None
        yield
    finally:
        os.close(descriptor)
