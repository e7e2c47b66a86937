"""Tables: which lines are one, and how it is shown where a platform draws none.

The laws:
1. A table is a head and, on the next line, a rule of as many cells, as in GitHub's Markdown; then its rows.
   A head without its rule is text, and so are a spoiler (`||…||`), a quote and code.
2. Its sample, the head and the first rows, decides once whether it is aligned in a monospaced block or, where
   that would be wider than a phone, becomes a list; and how wide its columns are. A longer cell further down
   overflows its column, so that nothing that is shown ever moves.
3. So a page that goes on with a table needs the sample and no more: `Table` is part of the marks open there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

import regex

from core.streaming.text import Undecided

SAMPLE_ROWS: Final = 3
"""More would align better what comes later, but a table is hidden until its sample is there."""
LONG_ROW_CHARS: Final = 80
SAMPLE_CHARS: Final = 900
"""A head or a row with more text than the first in its cells, or a sample with more source than the second,
need not be measured: such a table becomes a list, and no further row is waited for but the first, so that the
list's caption never stands alone."""
HEAD_CHARS: Final = 400
"""A longer line is no table's head."""
_BARE_HEAD_CHARS: Final = 100
"""A line of prose with a pipe in it could become a head without outer pipes: it is held back no longer."""
_BARE_CELL_CHARS: Final = 60
"""A row without outer pipes shows its first pipe within so many characters."""

_RULE = regex.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*+\|?[ \t]*")
_OTHER_BLOCK = re.compile(r"[ \t]*(?:#{1,6}[ \t]|[-*+][ \t]|[0-9]{1,9}[.)][ \t]|>|\|\||`{3}|~{3})")
_SPOILER_LINE = re.compile(r"[ \t]*\|\|[^|]+\|\|[ \t]*")
_CODE = re.compile(r"`[^`]*`")
_PIPE = re.compile(r"\\.|\|")
_PIPE_OUTSIDE_CODE = regex.compile(r"\\.|(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)|\|")


@dataclass(frozen=True, slots=True)
class Table:
    """An open table. `sample`: the source of its first rows; None where it was too long to wait for."""

    head: str
    rule: str
    sample: tuple[str, ...] | None = ()
    column: int | None = None  # in whose cell the page's first line goes on; None: at a row's start

    @property
    def piped(self) -> bool:
        return self.head.lstrip().startswith("|")

    @property
    def sampled(self) -> bool:
        return self.sample is None or len(self.sample) >= SAMPLE_ROWS

    def with_row(self, row: str, chars: int) -> Table:
        """With `row`, which ends `chars` after the head's start, in its sample if there is room in it."""
        if self.sample is None or self.sampled:
            return self
        long = chars > SAMPLE_CHARS or _is_long(row)
        return replace(self, sample=None if long else (*self.sample, row))

    def within(self, row: str) -> Table:
        """Where the table goes on after the part `row` of a row."""
        pipes = sum(match[0] == "|" for match in _PIPE.finditer(row))
        column = pipes - self.piped if self.column is None else pipes + self.column
        return replace(self, column=column if column >= 0 else None)

    def is_row(self, line: str) -> bool:
        if _SPOILER_LINE.fullmatch(line):
            return False
        if self.piped:
            return line.lstrip().startswith("|")
        return "|" in line and _OTHER_BLOCK.match(line) is None

    def stays_row(self, line: str) -> bool:
        """Whether `line` is one, however it goes on: what begins like a spoiler may become one."""
        return self.is_row(line) and not line.lstrip().startswith("||")

    def may_become_row(self, line: str) -> bool:
        """Whether `line`, which may still grow, could be one."""
        return self.is_row(line) or not line.strip() or (not self.piped and len(line) < _BARE_CELL_CHARS)


def table_at(text: str, start: int, end: int, *, whole: bool = False) -> Table | Undecided | None:
    """The table whose head is the line `text[start:end]`, if it is one.

    `whole`: nothing will follow the text.
    """
    head = text[start:end]
    if not _may_be_head(head):
        return None
    if end == len(text):
        return None if whole else Undecided.UNDECIDED
    stop = text.find("\n", end + 1)
    rule = text[end + 1 : stop if stop >= 0 else len(text)]
    if stop < 0 and not whole:
        return Undecided.UNDECIDED if may_become_rule(rule) else None
    if "|" not in rule or len(rule) > HEAD_CHARS or not _RULE.fullmatch(rule):
        return None
    columns = len(rule_cells(rule))
    if len(cells(head, columns)) != columns:
        return None
    return Table(head, rule, None if _is_long(head) else ())


def may_become_rule(line: str) -> bool:
    """Whether `line`, which may still grow, could be the rule below a head."""
    return len(line) <= HEAD_CHARS and _RULE.fullmatch(line, partial=True) is not None


def rule_cells(rule: str) -> list[str]:
    """One for each column, such as `:--`."""
    return _split(rule, _PIPE)


def _may_be_head(line: str) -> bool:
    if "|" not in line or _OTHER_BLOCK.match(line):
        return False
    if line.lstrip().startswith("|"):
        return len(line) <= HEAD_CHARS
    return len(line) <= _BARE_HEAD_CHARS and "||" not in line and "|" in _CODE.sub("", line)


def stays_half_head(line: str) -> bool:
    """Whether `line`, which may be the head of a table, may be it for HEAD_CHARS, however it goes on."""
    line = line.lstrip()
    return line.startswith("|") and line[1:2] not in {"", "|"}


def may_become_head(line: str) -> bool:
    """Whether `line`, which may still grow, could be the head of a table. A line that cannot is known to be
    text, or which other block it begins."""
    if _OTHER_BLOCK.match(line):
        return False
    return len(line) <= (HEAD_CHARS if line.lstrip()[:1] in {"|", ""} else _BARE_HEAD_CHARS)


def _is_long(row: str) -> bool:
    return sum(map(len, _split(row, _PIPE))) > LONG_ROW_CHARS


def _split(row: str, pipe: re.Pattern[str] | regex.Pattern[str], *, opening: bool = True) -> list[str]:
    row = row.strip()
    at = 1 if opening and row.startswith("|") else 0
    found = []
    for match in pipe.finditer(row, at):
        if match[0] == "|":
            found.append(row[at : match.start()].strip())
            at = match.end()
    return [*found, row[at:].strip()] if row[at:].strip() or not found else found


def cells(row: str, columns: int, *, opening: bool = True) -> list[str]:
    """The cells of a row. A pipe in code is one of the code's, if that gives the right number of cells:
    models forget to escape it."""
    found = _split(row, _PIPE_OUTSIDE_CODE, opening=opening)
    return found if len(found) == columns else _split(row, _PIPE, opening=opening)
