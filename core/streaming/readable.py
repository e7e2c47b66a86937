"""A page's Markdown, made readable for platforms that draw neither tables nor formulas.

Both platforms get the same; what only one of them shows badly, its own renderer mends.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.streaming.code import closes_fence, fence_opening
from core.streaming.inline import TRIGGERS, readable_prose
from core.streaming.maths import ReadMaths
from core.streaming.table_layout import shown
from core.streaming.tables import Table, table_at


class Readable:
    """One page while it grows: what a blank line ended outside of fences is read once."""

    def __init__(self, table: Table | None, maths: ReadMaths) -> None:
        """`table`: the one that goes on from the page before."""
        self._table = table
        self._maths = maths
        self._closed = ""  # source
        self._shown: list[str] = []  # of that

    def read(self, markdown: str) -> str:
        """`markdown` of the whole page. It need not begin like the one before, but costs less if it does."""
        if not markdown.startswith(self._closed):
            self._closed, self._shown = "", []
        rest = markdown[len(self._closed) :]
        table = None if self._closed else self._table
        if table is None and not any(trigger in rest for trigger in ("|", *TRIGGERS)):
            return "\n".join([*self._shown, rest])
        reader = _Reader(rest, self._maths, self._shown)
        shown = reader.read(table)
        if reader.closed:
            self._closed, self._shown = self._closed + rest[: reader.closed], [reader.shown]
        return shown


class _Reader:
    """Reads line by line, as `core.streaming.markdown` does."""

    def __init__(self, text: str, maths: ReadMaths, before: Sequence[str]) -> None:
        self._text = text
        self._maths = maths
        self._fence = ""
        self._blocks = [*before]
        self._prose_from = 0
        self.closed = 0
        """Behind the last blank line outside of fences: no prose is read across it."""
        self.shown = ""
        """Of what stands before `closed`."""

    def read(self, table: Table | None) -> str:
        blocks = 0
        start = 0 if table is None else self._read_table(table, 0, begins=False)
        while start <= len(self._text):
            end = self._line_end(start)
            line = self._text[start:end]
            if self._fence:
                if closes_fence(line, self._fence):
                    self._end_fence(end)
            elif opening := fence_opening(self._text, start, end):
                self._end_prose(start)
                self._fence = opening[0]
            elif isinstance(found := table_at(self._text, start, end, whole=True), Table):
                self._end_prose(start)
                start = self._read_table(found, start, begins=True)
                continue
            elif start == end < len(self._text):
                self._end_prose(end + 1)
                self.closed, blocks = end + 1, len(self._blocks)
            start = end + 1
        if self._fence:
            self._end_fence(len(self._text))
        self._end_prose(len(self._text) + 1)
        self.shown = "\n".join(self._blocks[:blocks])
        return "\n".join(self._blocks)

    def _line_end(self, start: int) -> int:
        end = self._text.find("\n", start)
        return len(self._text) if end < 0 else end

    def _end_fence(self, end: int) -> None:
        self._blocks.append(self._text[self._prose_from : end])
        self._fence, self._prose_from = "", end + 1

    def _end_prose(self, end: int) -> None:
        """`end`: where the next line begins."""
        if end > self._prose_from:
            self._blocks.append(readable_prose(self._text[self._prose_from : end - 1], self._maths))
            self._prose_from = end

    def _read_table(self, table: Table, start: int, *, begins: bool) -> int:
        """Take in the table that has its head, or goes on, at `start`; return where the next line begins."""
        rows: list[str] = []
        at = start
        if begins:
            at = self._line_end(self._line_end(start) + 1) + 1
        layout = table
        while at <= len(self._text):
            end = self._line_end(at)
            line = self._text[at:end]
            goes_on = at == 0 and (not line.strip() or table.column is not None)
            if not goes_on and not table.is_row(line):
                break
            rows.append(line)
            if begins:
                layout = layout.with_row(line, end - start)
            at = end + 1
        if begins or any(row.strip() for row in rows):
            self._blocks.append(self._apart(shown(layout, rows, self._maths, begins=begins), at))
        self._prose_from = at
        return at

    def _apart(self, block: str, after: int) -> str:
        """With blank lines around what is shown of a table, or a list would run into its neighbours."""
        if self._blocks and self._blocks[-1].rstrip(" ")[-1:] not in {"", "\n"}:
            block = "\n" + block
        return (
            block
            if after > len(self._text) or not self._text[after : self._line_end(after)].strip()
            else block + "\n"
        )
