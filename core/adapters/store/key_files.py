"""The keys outside the database, which wrap the data keys inside it.

- The **key file** holds the master key. It is made once, for a new database, and never over an old one. Keep
  a copy of it, apart from the backups.
- The **wrapping file** stands beside a SQLite database and holds the key that wraps its data keys, itself
  sealed with the master key. It is replaced whenever somebody is forgotten: the data keys in an older copy of
  the database then open with nothing that is left, and the copy of the key file stays good. A database that
  several machines share has none: its data keys are wrapped by the master key itself.

A replacement is safe against an end at any point: first the new key is added to the file, then one
transaction wraps every data key with it, then the file is reduced to whatever key the database says. A master
key that is replaced is kept beside the key file before that: backups that were made with it need it.
"""

from __future__ import annotations

import base64
import os
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from core.adapters.store.encryption import Key, SealError, key_id_of
from core.ports.store import StoreError

_LINE: Final = re.compile(r"sluice-key-1 ([0-9a-f]{16}) ([A-Za-z0-9+/=]+)", re.ASCII)
_ABOUT_MASTER: Final = (
    "# Sluice's key. Without it nothing in the database can be read. Keep a copy, apart from backups."
)
_ABOUT_REPLACED: Final = "# A key that was replaced. Backups that were made before need it."
_ABOUT_WRAPPING: Final = "# Belongs to the database beside it, and is of no use without Sluice's key."


class KeyChain:
    """`wrapping_file`: None where the master key itself wraps the data keys. `replaced_too`: a master key
    that was replaced opens it as well, as a backup may need."""

    def __init__(self, key_file: Path, wrapping_file: Path | None, *, replaced_too: bool = False) -> None:
        self._key_file = key_file
        self._wrapping_file = wrapping_file
        self._replaced_too = replaced_too
        self._masters: list[Key] = []  # the newest first
        self._wrapping: list[Key] = []

    def held(self) -> tuple[str, ...]:
        """The ids of the master keys; none where there is no key file. Raises StoreError."""
        return tuple(key_id for key_id, _ in _read(self._key_file))

    def replaced(self, key_id: str) -> Path:
        """Where a master key is kept once another one has its place."""
        return self._key_file.with_name(f"{self._key_file.name}.old-{key_id}")

    def create(self) -> Key:
        """For a new database: its wrapping key. A key file that is there is used. Raises StoreError."""
        if not self._key_file.exists():
            first = Key.new()
            _write(self._key_file, _ABOUT_MASTER, [(first.id, first.secret)], replacing=False)
        self._load_masters()
        self._wrapping = self._masters
        if self._wrapping_file is not None:
            if self._wrapping_file.exists():  # of a database that may be moved back
                _keep_aside(self._wrapping_file)
            self._wrapping = [Key.new()]
            self._write_wrapping(self._wrapping_file)
        return self._wrapping[0]

    def find(self, key_id: str) -> Key:
        """A wrapping key. Reads the files again for one that is not known. Raises StoreError."""
        if not any(key.id == key_id for key in self._wrapping):
            self._load(key_id)
        return next(key for key in self._wrapping if key.id == key_id)

    def add(self, *, new_master: bool) -> Key:
        """A new wrapping key, in the files beside what is there; where no file holds one, the master key.
        Raises StoreError."""
        self._load_masters()
        if new_master:
            for old in self._masters:
                self._keep(old)
            self._masters.insert(0, Key.new())
            self._write_masters()
        if self._wrapping_file is None:
            self._wrapping = self._masters
        else:
            self._wrapping.insert(0, Key.new())
            self._write_wrapping(self._wrapping_file)
        return self._wrapping[0]

    def settle(self, key_id: str) -> None:
        """Reduce the files to the wrapping key that the database uses, and the master key that opens it."""
        used = self.find(key_id)
        if self._wrapping_file is None:
            master_id = used.id
        else:
            entries = _read(self._wrapping_file)
            master_id = key_id_of(dict(entries)[used.id])
            if len(entries) > 1:
                _write(self._wrapping_file, _ABOUT_WRAPPING, [(used.id, dict(entries)[used.id])])
        masters = [master for master in self._masters if master.id == master_id]
        if len(_read(self._key_file)) > 1 and masters:
            self._masters = masters
            self._write_masters()
        self._wrapping = self._masters if self._wrapping_file is None else [used]

    def sealed_wrapping(self, key_id: str) -> bytes | None:
        """The wrapping key as it stands in its file, for a backup; None where it is not there."""
        return dict(self.sealed_wrappings()).get(key_id)

    def sealed_wrappings(self) -> list[tuple[str, bytes]]:
        """Every wrapping key with its id, as it stands in the file."""
        return [] if self._wrapping_file is None else _read(self._wrapping_file)

    def adopt(self, key_id: str, sealed: bytes) -> None:
        """Take a wrapping key out of a backup into the file, beside what is there. Raises StoreError."""
        if self._wrapping_file is None:
            return
        entries = _read(self._wrapping_file)
        if key_id not in dict(entries):
            _write(self._wrapping_file, _ABOUT_WRAPPING, [*entries, (key_id, sealed)])
        self._load(key_id)

    def _load(self, wanted: str) -> None:
        self._load_masters()
        if self._wrapping_file is None:
            opener = self._master(wanted)
            if opener is None:
                raise self._another_key(wanted)
            self._wrapping = [*self._masters, opener]
            return
        entries = _read(self._wrapping_file)
        if wanted not in dict(entries):
            raise StoreError(
                f"{self._wrapping_file} does not belong to the database beside it, or is missing. "
                "Put back the one that does, or restore a backup with `sluice restore`."
            )
        loaded = []
        for key_id, sealed in entries:
            try:
                master = self._master(key_id_of(sealed))
                if master is not None:
                    loaded.append(Key(key_id, master.open(sealed, "wrapping", key_id)))
                elif key_id == wanted:
                    raise self._another_key(key_id_of(sealed))
            except SealError:
                raise self._another_key(key_id_of(dict(entries)[wanted])) from None
        self._wrapping = loaded

    def _master(self, key_id: str) -> Key | None:
        kept = _keys_in(self.replaced(key_id)) if self._replaced_too else []
        return next((key for key in (*self._masters, *kept) if key.id == key_id), None)

    def _keep(self, old: Key) -> None:
        """Nothing that stands there is overwritten: the same key does after a rotation that was cut short."""
        path, kept = self.replaced(old.id), list[tuple[str, bytes]]()
        _write(path, _ABOUT_REPLACED, [(old.id, old.secret)], replacing=False)
        with suppress(StoreError):
            kept = _read(path)
        if kept != [(old.id, old.secret)]:
            raise StoreError(f"{path} is there already, and is not the old key. Move it away, and try again.")

    def _load_masters(self) -> None:
        self._masters = _keys_in(self._key_file)
        if not self._masters:
            raise StoreError(
                f"The key file {self._key_file} is missing, and what is stored cannot be read without it. "
                "Put it back, or name it with SLUICE_KEY_FILE."
            )

    def _another_key(self, wanted: str) -> StoreError:
        held = ", ".join(master.id for master in self._masters)
        kept = self.replaced(wanted)
        where = f"That one is kept in {kept}: put it" if kept.exists() else "Put that one"
        return StoreError(
            f"{self._key_file} holds another key ({held}) than the database was written with ({wanted}). "
            f"{where} back, or name it with SLUICE_KEY_FILE."
        )

    def _write_masters(self) -> None:
        _write(self._key_file, _ABOUT_MASTER, [(key.id, key.secret) for key in self._masters])

    def _write_wrapping(self, path: Path) -> None:
        known = dict(_read(path))
        master = self._masters[0]
        newest = self._wrapping[0]
        kept = [(key.id, known[key.id]) for key in self._wrapping[1:] if key.id in known]
        entries = [(newest.id, master.seal(newest.secret, "wrapping", newest.id)), *kept]
        _write(path, _ABOUT_WRAPPING, entries)


def _keys_in(path: Path) -> list[Key]:
    """As `_read`."""
    try:
        return [Key(key_id, secret) for key_id, secret in _read(path)]
    except ValueError:
        raise _not_a_key_file(path) from None


def _read(path: Path) -> list[tuple[str, bytes]]:
    """Ids with what is kept under them, the newest first; none where there is no file. Raises StoreError."""
    try:
        lines = path.read_text("ascii").splitlines()
        found = [_LINE.fullmatch(line.strip()) for line in lines if line.strip() and line[0] != "#"]
        if found and all(found):
            return [(match[1], base64.b64decode(match[2], validate=True)) for match in found if match]
        raise _not_a_key_file(path)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read ({error.strerror}). Let the user that runs Sluice read it."
        ) from None
    except ValueError:
        raise _not_a_key_file(path) from None


def _write(path: Path, about: str, entries: Sequence[tuple[str, bytes]], *, replacing: bool = True) -> None:
    """Write the file whole, with mode 0600, and not before it is on the disk. Raises StoreError.

    Without `replacing`, one that another process has just made stays.
    """
    lines = [
        about,
        *(f"sluice-key-1 {key_id} {base64.b64encode(value).decode()}" for key_id, value in entries),
    ]
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with 0600
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write("\n".join(lines) + "\n")
                file.flush()
                os.fsync(file.fileno())
            if replacing:
                Path(name).replace(path)
            else:
                with suppress(FileExistsError):
                    os.link(name, path)
                Path(name).unlink()
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror}). Let the user that runs Sluice write it."
        ) from None


def _not_a_key_file(path: Path) -> StoreError:
    return StoreError(f"{path} is not a key file of Sluice. Put back the one that was there.")


def _keep_aside(path: Path) -> None:
    number = 1
    while (aside := path.with_name(f"{path.name}.old-{number}")).exists():
        number += 1
    path.rename(aside)
