"""What is open at a place of a Markdown text, and how good a place it is for a page to end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from core.streaming.tables import Table


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
    """A place where a page may end: `at` is the offset of the first code point after it. A tuple, since each
    word makes one."""

    at: int
    rank: CutRank
    marks: Marks


class ReadLine(NamedTuple):
    """How far a line was read that still grows: to `at`, where `marks` are open. `cuts` and `atoms`: how many
    there were before the line."""

    at: int
    marks: Marks
    cuts: int
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
    cuts: tuple[Cut, ...] = ()
    atoms: tuple[tuple[int, int], ...] = ()
    line: ReadLine | None = None


class HalfLink(NamedTuple):
    """A link at a text's end that is not whole: its bracket is at `start`, and so far it reads `label`."""

    start: int
    label: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found, with offsets into the scanned text."""

    cuts: tuple[Cut, ...]
    """Places of rank ROW and better, in order. Each is before white space or a line of a fence."""
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
    settled: Settled | None = None
    """Where the scan of a later state of this text may begin; None: at its start."""
