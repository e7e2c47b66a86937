"""Whether the data folder can be written, and who else can read it."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from core.ports.platform import Check, CheckState
from core.variables import others_may_read


def check_data_dir(folder: Path, *, make: bool = True) -> Check:
    """Whether files can be made there. A folder that is missing is made, unless `make` is False."""
    try:
        there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
        if not there.is_dir():
            detail = f"{there} is a file, and a folder is needed there"
            return Check("Data folder", CheckState.BAD, detail, "Set SLUICE_DATA_DIR to a folder.")
        if make:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            there = folder
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        remedy = "Make it writable, or set SLUICE_DATA_DIR to another folder."
        if error.errno in {errno.EACCES, errno.EPERM} and hasattr(os, "getuid"):
            chown = f"sudo chown -R {os.getuid()}:{os.getgid()} {folder.absolute()}"
            remedy = f"Run: {chown} (for a mounted folder: its path on the host)."
        return Check(
            "Data folder", CheckState.BAD, f"{folder.absolute()} cannot be written: {error.strerror}", remedy
        )
    if any(map(others_may_read, folder.glob("sluice.db*"))):
        detail = f"every user of this machine can read what is in {folder.absolute()}"
        return Check("Data folder", CheckState.NOTE, detail, f"Run: chmod 700 {folder.absolute()}")
    return Check("Data folder", CheckState.GOOD, f"{folder.absolute()} can be written")
