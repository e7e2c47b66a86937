"""Where the weights stand: once for each user, in whatever folder Sluice is started.

A data folder that has them from before is served from there, and gets them where the user's cache cannot be
written: the image has no home, and its read-only file system no other place that outlives the container.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CACHE: Final = "XDG_CACHE_HOME"
"""The user's caches (specifications.freedesktop.org/basedir, which has a relative path ignored); here it goes
before those of every system."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder for the weights, and the variable that says where it lies."""

    folder: Path
    variable: str


def places(data_dir: Path) -> tuple[Place, ...]:
    """Where the weights may stand, in the order in which they are looked for. Nothing is made."""
    own = Place(data_dir.absolute() / "models", "SLUICE_DATA_DIR")
    caches = _caches()
    return (own, Place(caches / "sluice", _CACHE)) if caches else (own,)


def place_to_fetch_to(data_dir: Path) -> Place:
    """The cache, which is made; the data folder, which is not, where nothing can be written there."""
    own, *cached = places(data_dir)
    for place in cached:
        try:
            place.folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(place.folder, os.W_OK | os.X_OK):
            return place
    return own


def _caches() -> Path | None:
    """Of this user; None for one without a home."""
    told = Path(os.environ.get(_CACHE, ""))
    if told.is_absolute():
        return told
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
