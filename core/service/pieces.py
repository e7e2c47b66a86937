"""A growing text in the pieces in which it is judged: the law, without I/O.

Each piece begins with the last OVERLAP characters of the one before, so that what a cut parts is whole in one
of them. A piece has as much new text as was judged before it: the first verdict comes soon, and a long answer
takes few; whoever reads has by then so much to read that the next piece never keeps them waiting. As no piece
but the last has less than FIRST new characters, all of them together have at most 1.5 times the text's own,
and OVERLAP more.
"""

from __future__ import annotations

from typing import Final

from core.ports.moderation import LONGEST, OVERLAP

FIRST: Final = 2 * OVERLAP
MOST_NEW: Final = LONGEST - OVERLAP


class Pieces:
    """One text. `add` as it grows; `take` a piece, then `passed` once it may pass, before the next one."""

    def __init__(self) -> None:
        self._fresh: list[str] = []
        self.waiting = 0
        """Characters that no piece has yet."""
        self._before = ""  # the end of the piece that was taken last
        self._taken = 0  # new characters of it
        self._passed = 0

    def add(self, text: str) -> None:
        self._fresh.append(text)
        self.waiting += len(text)

    def take(self, *, last: bool) -> str | None:
        """The next piece, with no more than LONGEST characters; None while there is too little new text for
        one. `last`: no more text comes."""
        least = 1 if last else min(max(FIRST, self._passed), MOST_NEW)
        if self.waiting < least:
            return None
        fresh = "".join(self._fresh)
        new, rest = fresh[:MOST_NEW], fresh[MOST_NEW:]
        self._fresh, self.waiting, self._taken = [rest], len(rest), len(new)
        piece = self._before + new
        self._before = piece[-OVERLAP:]
        return piece

    def passed(self) -> None:
        """The piece that was taken may pass."""
        self._passed += self._taken
        self._taken = 0

    def clear(self, *, last: bool) -> int:
        """How much of the text may be shown, in characters from its start. The last OVERLAP of what has
        passed are judged once more, with what comes after them, so nothing that is flagged and no longer
        than that is ever shown in part. `last`: as for `take`."""
        if last and not self.waiting and not self._taken:
            return self._passed
        return max(0, self._passed - OVERLAP)
