"""One answer of a model while it grows."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from enum import StrEnum

from core.streaming.operations import Button

DEFAULT_MAX_CHARS = 64_000
MAX_REASONING_CHARS = 4_000
"""Of the reasoning only its beginning is ever shown."""
QUIET_S = 0.1
QUIET_GAPS = 2.0
"""A model that says nothing for this long, and for this many of its longest usual gaps, pauses."""
JUST_S = 0.02
"""A delta came just now if it did so within this time: it may have met a look that was on its way."""
OVERDUE_GAPS = 2.0
"""So many usual gaps after a delta the next one is overdue."""
_USUAL = 0.2  # the weight of the newest gap between two deltas in the usual one
_FADES_S = 0.7  # in this time a longer gap than the newest is forgotten
_FORGET = 64
"""Deltas whose times are let go of at once, and no sooner than they are the greater part."""


class Ending(StrEnum):
    """How an answer ended. All but COMPLETE leave a visible mark."""

    COMPLETE = "complete"
    LENGTH = "length"
    FILTERED = "filtered"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class Answer:
    """The model's text, appended delta by delta; offsets are code points from the start.

    `append` costs O(delta). Text is kept in pieces whose sizes fall like the digits of a
    binary counter, so that `slice` touches few of them and an answer of any length is joined
    O(log length) times.
    """

    def __init__(self, *, max_chars: int = DEFAULT_MAX_CHARS) -> None:
        self.length = 0
        self.full = False
        """The text has reached `max_chars`; what came after is not kept: end the answer."""
        self.ending: Ending | None = None
        self.mark = ""
        """The words under the text that say how it ended; empty when it is complete."""
        self.buttons: tuple[Button, ...] = ()
        """What stands under the last page once it has ended."""
        self.ended_at: float | None = None
        self._max_chars = max_chars
        self._pieces: list[str] = []
        self._fresh: list[str] = []
        self._reasoning: list[str] = []
        self._reasoning_length = 0
        # When each delta came, and the text's length after it; those before `_forgotten` are not asked for.
        self._lengths = array("q")
        self._times = array("d")
        self._forgotten = 0
        self._shown: dict[object, int] = {}  # by reader, how far it has shown
        self._last_at: float | None = None
        self._gap_s = 0.0  # between two deltas, as is usual lately
        self._longest_gap_s = QUIET_S  # of those: where several come at a time, the usual one is far shorter

    @property
    def ended(self) -> bool:
        return self.ending is not None

    @property
    def quiet_at(self) -> float | None:
        """From when on the model pauses if nothing more comes; None before its first delta."""
        if self._last_at is None:
            return None
        return self._last_at + max(QUIET_S, QUIET_GAPS * self._longest_gap_s)

    def fuller_at(self, now: float) -> float:
        """Until when its next delta is worth waiting for: `now` if one came just now, or is overdue."""
        if self._last_at is None or now - self._last_at <= JUST_S:
            return now
        return max(now, self._last_at + OVERDUE_GAPS * self._gap_s)

    @property
    def text(self) -> str:
        return self.slice(0, self.length)

    @property
    def reasoning(self) -> str:
        return "".join(self._reasoning)

    def append(self, text: str, now: float) -> None:
        """Add a delta. After the end, and past `max_chars`, it is not kept."""
        if self.ended or not text:
            return
        room = self._max_chars - self.length
        if len(text) >= room:
            self.full = len(text) > room
            text = text[:room]
        if text:
            self._fresh.append(text)
            self.length += len(text)
            self._lengths.append(self.length)
            self._times.append(now)
            self._note_gap(now)

    def _note_gap(self, now: float) -> None:
        quiet_at, last_at, self._last_at = self.quiet_at, self._last_at, now
        if last_at is None or quiet_at is None:
            return
        gap_s = now - last_at
        # A pause is no usual gap, but a model may be slower than was thought.
        if now > quiet_at:
            self._longest_gap_s += _USUAL * (_at_most_twice(self._longest_gap_s, gap_s) - self._longest_gap_s)
        else:
            fades = min(1.0, gap_s / _FADES_S)
            self._longest_gap_s = max(gap_s, self._longest_gap_s + fades * (gap_s - self._longest_gap_s))
        self._gap_s += _USUAL * (_at_most_twice(self._gap_s, gap_s) - self._gap_s)

    def append_reasoning(self, text: str) -> None:
        """Add to the model's reasoning, which is kept apart from the text, as far as there is room."""
        room = MAX_REASONING_CHARS - self._reasoning_length
        if not self.ended and room > 0:
            self._reasoning.append(text[:room])
            self._reasoning_length += len(text)

    def end(self, ending: Ending, now: float, *, mark: str = "", buttons: tuple[Button, ...] = ()) -> None:
        """Close the answer; the first ending wins. `mark`: one line from the catalogue."""
        if not self.ended:
            self.ending, self.mark, self.buttons, self.ended_at = ending, mark, buttons, now

    def slice(self, start: int, end: int) -> str:
        """The text from `start` to `end`, cut to what there is."""
        self._gather()
        found: list[str] = []
        offset = self.length
        for piece in reversed(self._pieces):
            offset -= len(piece)
            if offset < end:
                found.append(piece[max(0, start - offset) : end - offset])
            if offset <= start:
                break
        return "".join(reversed(found))

    def produced_at(self, offset: int) -> float | None:
        """When the code point at `offset` came; None when it has not, or when every reader shows it."""
        delta = bisect_right(self._lengths, offset, lo=self._forgotten)
        return self._times[delta] if delta < len(self._times) else None

    def shown(self, reader: object, offset: int) -> None:
        """`reader` shows the text before `offset`. When that came is forgotten once all readers do."""
        self._shown[reader] = offset
        visible = min(self._shown.values())
        self._forgotten = bisect_right(self._lengths, visible, lo=self._forgotten)
        if self._forgotten > _FORGET and 2 * self._forgotten > len(self._times):
            del self._lengths[: self._forgotten], self._times[: self._forgotten]
            self._forgotten = 0

    def _gather(self) -> None:
        if not self._fresh:
            return
        newest = "".join(self._fresh)
        self._fresh.clear()
        while self._pieces and len(self._pieces[-1]) <= len(newest):
            newest = self._pieces.pop() + newest
        self._pieces.append(newest)


def _at_most_twice(usual_s: float, gap_s: float) -> float:
    return min(gap_s, 2.0 * max(usual_s, QUIET_S))
