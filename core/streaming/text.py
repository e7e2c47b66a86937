"""Where graphemes and sentences end, in any script, and which characters are never shown."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

import regex

MAX_GRAPHEME: Final = 64
"""A longer cluster counts as several. Unicode's Stream-Safe Text Format (UAX 15) allows 30 marks."""

TRICKS: Final = "\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
"""A character class's inside: C0 and C1 controls but tab and newline, and the bidi embeddings, overrides and
isolates, by which a text reads as another one than it is. Zero-width joiners and the marks of direction stay:
emoji, Persian and Indic scripts need them."""

_SENTENCE_END = re.compile(r"(?:[!?…。！？]|(?<![0-9])\.)['\")\]}»”’*_]*$")
_CLUSTER = regex.compile(r"\X")


def graphemes(text: str) -> list[int]:
    """The offsets at which the grapheme clusters of `text` end, its own end included."""
    ends: list[int] = []
    for match in _CLUSTER.finditer(text):
        ends.extend(range(match.start() + MAX_GRAPHEME, match.end(), MAX_GRAPHEME))
        ends.append(match.end())
    return ends


def ends_sentence(text: str) -> bool:
    """Whether a sentence ends where `text` ends."""
    if text[-1:].isalnum():  # as nearly everywhere
        return False
    return _SENTENCE_END.search(text[-8:].rstrip()) is not None


class Undecided(Enum):
    """What the text so far does not say yet: more of it may make this or that of it."""

    UNDECIDED = "undecided"
