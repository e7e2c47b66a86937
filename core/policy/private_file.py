"""Small JSON files in the data folder that only the bot's user may read."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path


class UnreadableFileError(Exception):
    """The file is there, but cannot be read or holds no JSON. The message is one line and names it."""


def read(path: Path) -> object | None:
    """What `write` stored, None when there is no such file. Raises UnreadableFileError."""
    try:
        value: object = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableFileError(f"{path} cannot be read ({type(error).__name__})") from error
    return value


def write(path: Path, value: object) -> None:
    """Replace the file whole, with mode 0600: a reader sees the old or the new one. Raises OSError.

    It is not forced to the disk: what must be survived is the end of this process, and a budget is
    written twice a turn.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(value, file)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
