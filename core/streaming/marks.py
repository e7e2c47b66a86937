"""What is open at a place of a Markdown text, and how good a place it is for a page to end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

from core.streaming.tables import Table
from core.streaming.text import ends_sentence

_BREAK = re.compile(r"\s(?<=\S\s)")


class CutRank(IntEnum):
    """How good a place for a cut is."""

    FORCED = 0  # inside a grapheme, link or table row that alone exceeds a page
    GRAPHEME = 1
    ROW = 2  # between the rows of a table
    WORD = 3
    SENTENCE = 4
    LINE = 5
    BLOCK = 6


class Marks(NamedTuple):
    """What is open at a place: a fence (its opening line), a table, or a quote and inline marks, outermost
    first. A tuple, since each line makes one or two."""

    fence: str = ""
    quote: str = ""
    inline: tuple[str, ...] = ()
    table: Table | None = None

    @property
    def fence_run(self) -> str:
        """The characters that open the fence, without its language."""
        return self.fence[: len(self.fence) - len(self.fence.lstrip(self.fence[:1]))]

    @property
    def in_code(self) -> bool:
        """Whether inline code is open."""
        return bool(self.inline) and self.inline[-1][0] == "`"

    def opened(self) -> str:
        """The Markdown that opens these marks at the start of a page."""
        return f"{self.fence}\n" if self.fence else self.quote + "".join(self.inline)

    def closed(self) -> str:
        """The Markdown that closes these marks at the end of a page."""
        if self.fence:
            return "\n" + self.fence_run
        return "".join(reversed(self.inline))


NO_MARKS: Final = Marks()


class Cut(NamedTuple):
    """A place where a page may end: `at` is the offset of the first code point after it."""

    at: int
    rank: CutRank
    marks: Marks


class Words(NamedTuple):
    """The cuts behind the words of `text[start:end]`, where `marks` are open: only a page's end asks for
    them. `prose`: a sentence may end there."""

    start: int
    end: int
    marks: Marks
    prose: bool

    def cuts(self, text: str) -> Iterator[Cut]:
        for match in _BREAK.finditer(text, self.start, self.end):
            at = match.start()
            ends = self.prose and ends_sentence(text[max(0, at - 8) : at])
            yield Cut(at, CutRank.SENTENCE if ends else CutRank.WORD, self.marks)


class ReadLine(NamedTuple):
    """How far a line was read that still grows: to `at`, where `marks` are open. `places` and `atoms`: how
    many there were before the line."""

    at: int
    marks: Marks
    places: int
    atoms: int


class Settled(NamedTuple):
    """How far a text was read that only grows, up to the line that starts at `at`, and what was found.
    A tuple, since each line makes one.

    `line`: that line was read in part, and what was found in it counts, too.
    """

    at: int
    marks: Marks
    before_table: Marks  # open where the last table began
    fence_is_empty: bool = False
    sample_from: int | None = None  # where a table began whose sample is not complete
    places: tuple[Cut | Words, ...] = ()
    atoms: tuple[tuple[int, int], ...] = ()
    line: ReadLine | None = None


class HalfLink(NamedTuple):
    """A link at a text's end that is not whole: its bracket is at `start`, and so far it reads `label`."""

    start: int
    label: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found, with offsets into the scanned text."""

    text: str = field(repr=False)
    places: tuple[Cut | Words, ...] = field(compare=False)  # what `cuts` are made of, in order
    atoms: tuple[tuple[int, int], ...]
    """Spans not to be cut inside: links, formulas, table rows, marks with the character they cling to."""
    hold: Cut
    """From here on a preview shows nothing: what stands there may still become something else
    (half a link, the head of a table, a mark that may grow). The text's end, if all may be shown."""
    end: Marks
    """What is open at the end of the text."""
    half_link: HalfLink | None = None
    """What is held, where it can be told that it will read so."""
    holds_to: int = 0
    """A table is held whose head grows, or one of its first rows: as long as no line ends, a text of up to
    this length shows no more than this one. 0: any delta may show more."""
    half_rule: int | None = None
    """Where a line begins that may become a table's rule: as long as it may, no delta shows more."""
    settled: Settled | None = None
    """Where the scan of a later state of this text may begin; None: at its start."""

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """Places of rank ROW and better, in order. Each is before white space or a line of a fence."""
        return tuple(self.cuts_from(0))

    def cuts_from(self, start: int) -> Iterator[Cut]:
        """Those at `start` and behind it."""
        for place in self.places:
            if isinstance(place, Cut):
                if place.at >= start:
                    yield place
            elif place.end > start:
                yield from (cut for cut in place.cuts(self.text) if cut.at >= start)

    def cuts_back(self) -> Iterator[Cut]:
        """The last one first."""
        for place in reversed(self.places):
            yield from (place,) if isinstance(place, Cut) else reversed([*place.cuts(self.text)])
