"""Statements with many ids, or rows.

For another number of them it is another statement, and both databases keep what they have prepared, on each
connection: SQLite 128 statements, of 50 kB each with 400 ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

AT_ONCE: Final = 512
_T = TypeVar("_T")


def in_parts(some: Sequence[_T]) -> Iterator[list[_T]]:
    """At most AT_ONCE at a time, in a few lengths, powers of two: the last one may come several times."""
    for start in range(0, len(some), AT_ONCE):
        part = list(some[start : start + AT_ONCE])
        length = 1 << (len(part) - 1).bit_length()
        yield part + part[-1:] * (length - len(part))
