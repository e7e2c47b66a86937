"""How a page shows its part of a table: aligned in a monospaced block, or as a list.

Aligned, cells lose their marks, since none works in such a block. In the list each row is an entry: its first
cell in bold, the others each on a line with what their column is called, their marks kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Final

import regex
from rich.cells import cell_len

from core.streaming.inline import BREAK, escaped, escaped_line, linked, signs_escaped
from core.streaming.maths import FORMULA_START, Formula, ReadMaths, formula_at
from core.streaming.tables import Table, cells, rule_cells

MAX_COLUMNS: Final = 40
"""A phone in upright position shows about as many monospaced characters in a line."""
_GAPS: Final = (2, 1)
"""Spaces between columns: as many as fit."""
_MAX_EMPHASIS: Final = 300
"""Characters of a cell that is searched for emphasis, which takes time that grows with their square."""

_LINK = regex.compile(
    r"!?\[((?:[^\[\]\\]|\\.)*)\]\(<?([^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*)>?(?:\s+\"[^\"]*\")?\)"
)
_ONLY_CODE = regex.compile(r"`[^`]+`")
_EXACT = regex.compile(
    rf"(?<!`)(?P<ticks>`+)(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)|\\(?P<escaped>[^\w\s])"
    rf"|<(?P<url>https?://[^\s<>]+)>|(?P<formula>{FORMULA_START})"
)
_EMPHASIS = (
    regex.compile(r"(\*{1,3})(?=[^\s*])(.+?)(?<=[^\s*])\1(?!\*)"),
    regex.compile(r"(?<!\w)(_{1,3})(?=[^\s_])(.+?)(?<=[^\s_])\1(?!\w)"),
    regex.compile(r"(~~)(?=\S)(.+?)(?<=\S)~~"),
)
_STAND_IN: Final = "\ufdd0"  # a noncharacter, for what is kept exactly while the marks around it go
_BACKTICKS = regex.compile(r"`(?=``)|(?<=`)`(?=`)")


def shown(table: Table, rows: Sequence[str], maths: ReadMaths, *, begins: bool) -> str:
    """The Markdown that shows `rows` of `table` on one page. `begins`: no page before shows others."""
    columns = rule_cells(table.rule)
    head = [plain(cell, maths) for cell in cells(table.head, len(columns))]
    widths = _widths(table, head, maths)
    content = [cells(row, len(head)) for row in rows]
    if table.column is not None and rows:
        content[0] = [""] * table.column + cells(rows[0], len(head) - table.column, opening=False)
    content = [row for row in content if any(row)]
    if widths is None:
        return _list(head, content, maths, captioned=begins, goes_on=table.column is not None)
    aligns = [_align(cell) for cell in columns]
    gap = next(gap for gap in _GAPS if _fits(widths, gap))
    lines = [_line(head, widths, aligns, gap), (" " * gap).join("-" * width for width in widths)]
    lines += [_line([plain(cell, maths) for cell in row], widths, aligns, gap) for row in content]
    return "```\n" + _BACKTICKS.sub("`\u2060", "\n".join(lines)) + "\n```"


def _widths(table: Table, head: Sequence[str], maths: ReadMaths) -> list[int] | None:
    """Of the columns, as the sample has them; None for a table that becomes a list."""
    if table.sample is None or any(map(_LINK.search, (table.head, *table.sample))):  # links need a list
        return None
    rows = [[plain(cell, maths) for cell in cells(row, len(head))] for row in table.sample]
    widths = [max(1, *map(_width, column)) for column in zip_longest(head, *rows, fillvalue="")]
    return widths if len(widths) == len(head) and _fits(widths, min(_GAPS)) else None


def _fits(widths: Sequence[int], gap: int) -> bool:
    return sum(widths) + gap * (len(widths) - 1) <= MAX_COLUMNS


def _width(text: str) -> int:
    return cell_len(text, "latest")  # not "auto": that reads the environment


def _align(rule: str) -> str:
    return "^" if rule[0] == rule[-1] == ":" and len(rule) > 1 else ">" if rule[-1] == ":" else "<"


def _line(cells: Sequence[str], widths: Sequence[int], aligns: Sequence[str], gap: int) -> str:
    """A row in which a cell that is too long pushes its neighbours only as far as it must."""
    line, at, start = "", 0, 0
    for index, cell in enumerate(cells):
        width = _width(cell)
        place = start
        if index < len(widths):
            room = widths[index] - width
            place += room if aligns[index] == ">" else max(room, 0) // 2 if aligns[index] == "^" else 0
            start += widths[index] + gap
        if cell:
            pad = max(place - at, 1 if line else 0)
            line += " " * pad + cell
            at += pad + width
    return line


def _list(
    head: Sequence[str], rows: Sequence[Sequence[str]], maths: ReadMaths, *, captioned: bool, goes_on: bool
) -> str:
    """An entry for each row: its first cell in bold, and the others with what their column is called.

    `goes_on`: the first row's beginning stands on the page before.
    """
    entries = [_heading(" · ".join(filter(None, head)), "*")] if captioned and any(head) else []
    if len(head) == 1 and all(len(row) == 1 for row in rows):
        return "\n".join([*entries, *(f"- {_value(row[0], maths)}" for row in rows)])
    for first, *rest in rows:
        lines = [_bold(first, maths)] if first or not goes_on else []
        goes_on = False
        for name, cell in zip_longest(head[1:], rest, fillvalue=""):
            if cell:
                label = f"{escaped_line(name)}: " if name else ""
                value = _value(cell, maths)
                lines.append(f"- {label}{value}" if label else f"- {signs_escaped(value)}")
        entries.append("\n".join(lines))
    return "\n\n".join(entries)


def _bold(cell: str, maths: ReadMaths) -> str:
    if not cell:
        return "**—**"
    if _LINK.search(cell):
        return _value(cell, maths)
    if _ONLY_CODE.fullmatch(cell.strip("*")):
        return f"**{_value(cell.strip('*'), maths)}**"
    return _heading(plain(cell, maths), "**")


def _heading(text: str, mark: str) -> str:
    return f"{mark}{escaped(text)}{mark}"


@lru_cache(4_096)
def _value(cell: str, maths: ReadMaths) -> str:
    """A cell's own Markdown, with its formulas read and its line breaks taken in."""
    parts, at = [], 0
    while match := _EXACT.search(cell, at):
        parts.append(_joined(cell[at : match.start()]))
        formula = formula_at(cell, match.start(), whole=True) if match["formula"] else None
        if isinstance(formula, Formula):
            parts.append(escaped(_formula(cell, match.start(), formula, maths)))
            at = formula.end
        else:
            parts.append(match[0].replace("\\|", "|") if match["code"] else match[0])
            at = match.end()
    return "".join(parts) + _joined(cell[at:])


def _joined(cell: str) -> str:
    return linked(BREAK.sub(" · ", cell))


@lru_cache(4_096)
def plain(cell: str, maths: ReadMaths) -> str:
    """A cell without its marks, as a monospaced block shows it; a link's address in brackets."""
    cell = cell.replace(_STAND_IN, "")
    exact: list[str] = []
    parts, at = [], 0
    while match := _EXACT.search(cell, at):
        parts.append(cell[at : match.start()])
        at = match.end()
        formula = formula_at(cell, match.start(), whole=True) if match["formula"] else None
        if isinstance(formula, Formula):
            exact.append(_formula(cell, match.start(), formula, maths))
            at = formula.end
        elif match["code"]:
            exact.append(match["code"].replace("\\|", "|").strip() or match["code"])
        else:
            exact.append(match["escaped"] or match["url"] or match[0])
        parts.append(_STAND_IN)
    text = BREAK.sub(" · ", "".join(parts) + cell[at:])
    text = _LINK.sub(lambda link: link[1] if link[1] == link[2] else f"{link[1]} ({link[2]})", text)
    for emphasis in _EMPHASIS if len(text) <= _MAX_EMPHASIS else ():
        while (bare := emphasis.sub(r"\2", text)) != text:
            text = bare
    kept = iter(exact)
    return " ".join("".join(next(kept) if char == _STAND_IN else char for char in text).split())


def _formula(cell: str, start: int, formula: Formula, maths: ReadMaths) -> str:
    text = maths(formula.latex)
    return cell[start : formula.end] if text is None else text.replace("\n", "; ")
