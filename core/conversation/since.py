"""From when on somebody wants to catch up: so many messages, so long ago, or since they were there last."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.ports.reading import Seen

MOST: Final = 200
"""Messages: two requests on Discord."""
LONGEST_S: Final = 7 * 86_400.0
_SPAN: Final = re.compile(r"(\d{1,4})\s*([mhd]?)", re.ASCII)
_SECONDS: Final = {"m": 60.0, "h": 3_600.0, "d": 86_400.0}


@dataclass(frozen=True, slots=True)
class Since:
    """At most so many of the newest messages, none older than that; `last_own`: since their own last."""

    limit: int = MOST
    seconds: float = LONGEST_S
    last_own: bool = False


def read_since(text: str) -> Since | None:
    """`50` messages, `90m`, `2h`, `3d`, or nothing at all; None for what is none of these, or too much."""
    if not text.strip():
        return Since(last_own=True)
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or int(found[1]) == 0:
        return None
    number, unit = int(found[1]), found[2]
    if not unit:
        return Since(limit=number) if number <= MOST else None
    seconds = number * _SECONDS[unit]
    return Since(seconds=seconds) if seconds <= LONGEST_S else None


def missed(messages: Sequence[Seen], person_id: str) -> tuple[Seen, ...]:
    """What came after the person's own last message; all where there is none of theirs."""
    own = [index for index, seen in enumerate(messages) if seen.author.id == person_id]
    return tuple(messages[own[-1] + 1 :] if own else messages)
