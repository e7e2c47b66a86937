"""What a thread is called: the first words of what it is about, harmless on one line."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST: Final = 90
"""UTF-16 units: Discord takes 100 characters, Telegram 128, and what either counts is not said."""
_MARKS: Final = re.compile(r"^[\s#>*_~|`-]+|[\s*_~|`]+$")


def thread_name(text: str, fallback: str) -> str:
    """A name of 1 to LONGEST units: without control and format characters, cut after a word."""
    shown = "".join(char if unicodedata.category(char)[0] not in "CZ" else " " for char in text)
    words = _MARKS.sub("", " ".join(shown.split()))
    if _units(words) <= LONGEST:
        return words or fallback
    while _units(words) > LONGEST - 1:
        shorter = words.rpartition(" ")[0]
        words = shorter if shorter and " " in words else words[: len(words) - 1]
    return words.rstrip() + "…"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
