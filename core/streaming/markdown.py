"""Markdown as far as a cut needs it: which marks are open at a place, and where it is good to cut.

The law: what is open at a place depends only on the text before it. So a page renders from its
own span and the marks open at its start, whatever came later and whenever it came. An opening
mark that never closes counts as open until its block ends (a blank line); the dialect is what
Discord and Telegram's converters share.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import regex

from core.streaming.code import closes_fence, fence_opening
from core.streaming.marks import NO_MARKS, Cut, CutRank, HalfLink, Marks, ReadLine, Scan, Settled, Words
from core.streaming.maths import FORMULA_START, Formula, formula_at
from core.streaming.tables import HEAD_CHARS, SAMPLE_CHARS, Table, may_become_head, stays_half_head, table_at
from core.streaming.text import Undecided, ends_sentence

MAX_OPEN_MARKS: Final = 6
"""Deeper nesting is taken as literal text, so that reopening marks never costs much of a page."""

_BLOCK_START = re.compile(r"[ \t]*(?:#{1,6}[ \t]|`{3}|~{3})")
_LEADING_LINE = re.compile(r"[ \t]*#{1,6}[ \t]|.*:[*_ \t]*$")
_QUOTE = re.compile(r"(?:[ \t]*>)+[ \t]?")
_HALF_LINE_START = re.compile(r"[ \t]*+(?:#{1,6}|[-*+]|-#|>+)?[ \t]*")
# `regex` takes three times as long as `re`, and is for what `re` has not: partial matches and properties.
_LINK = regex.compile(
    r"!?\[(?:[^\[\]\n\\]|\\.|\[[^\[\]\n]*\])*+\]"
    r"\((?:[^()\s\\]|\\.|\([^()\s]*\))*+(?:[ \t]+\"[^\"\n]*\")?\)"
)
# Of a half link. What begins with a letter or code, not with a number or a box to tick, hardly ever is none.
_LABEL = regex.compile(
    r"!?\[(?![xX](?:\]|\Z))(?P<label>(?=[\p{L}`])(?:`[^`\n|$]++`(?!`)|[^\[\]\n\\*_`~|<>$:]|:(?!/))++)(?:\]|\Z)"
)
_TOKEN = re.compile(  # first words that mean nothing else, each with a space behind it
    r"(?P<prose>(?:(?:(?:[^\s\\`*_~|\[!<$h。！？，、；：]++|h(?!ttps?://)|!(?!\[))++|(?<=\S))[ ](?=\S))++)"
    r"|(?P<space>\s+)"
    rf"|(?P<formula>{FORMULA_START})"
    r"|(?P<escape>\\[^\w\s])"
    r"|(?P<ticks>`+)"
    r"|(?P<delimiter>\*+|_+|~+|\|+)"
    r"|(?P<bracket>!?\[)"
    r"|(?P<url>https?://[^\s<>\"`|*]+)"
    r"|(?P<angle><[^\s<>]{0,200}>?)"
    r"|(?P<word>(?:[^\s\\`*_~|\[!<$h]++|h(?!ttps?://)|!(?!\[|\Z))++|.)",  # no `!` but the last begins anew
    re.DOTALL,
)
_HALF_SCHEME = re.compile(r"https?(?::/?)?$")
_IDEOGRAPHIC_STOP = regex.compile(r"[。！？，、；：](?![!。！？，、；：」』）”’\p{M}\u200d])")


def scan(text: str, marks: Marks, *, formatted: bool = True, since: Settled | None = None) -> Scan:
    """Read `text`, which follows a place where `marks` are open. Unformatted text has cuts, but no marks.

    `since`: what a scan of an earlier state of this text had settled; only what comes after is read.
    """
    scanner = _Scanner(text, marks, since)
    if formatted:
        scanner.read_blocks()
    else:
        scanner.read_plain()
    hold = scanner.hold or Cut(len(text), CutRank.GRAPHEME, scanner.marks)
    return Scan(
        text,
        tuple(scanner.places),
        tuple(scanner.atoms),
        hold,
        scanner.marks,
        half_link=scanner.half_link,
        holds_to=scanner.holds_to,
        half_rule=scanner.half_rule,
        settled=scanner.settled(),
    )


class _Scanner:
    """Reads line by line; each method says what one kind of line, or one token of it, means."""

    def __init__(self, text: str, marks: Marks, since: Settled | None) -> None:
        self.text = text
        self.hold: Cut | None = None
        self.half_link: HalfLink | None = None
        self.holds_to = 0
        self.half_rule: int | None = None
        self._since = since or Settled(0, marks, marks)
        self.marks = self._since.marks
        self.places = list(self._since.places)
        self.atoms = list(self._since.atoms)
        self._read = self._since.line  # so far the line is read that comes first
        if self._read is not None and "|" in text[self._since.at : self._line_end(self._since.at)]:
            del self.places[self._read.places :], self.atoms[self._read.atoms :]
            self._read = None  # it may be a table's head after all
        self._words: tuple[int, Marks, int, int] | None = (
            None  # the same of the last line; places, atoms by then
        )
        self._fence_is_empty = self._since.fence_is_empty
        self._sample_from = self._since.sample_from  # where the table began whose sample is not complete yet
        self._before_table = self._since.before_table
        self._half_formula: int | None = None  # where the first begins, in code, that may still end
        self._lines: list[tuple[int, int, Settled]] = []  # that began: places, atoms, state

    def settled(self) -> Settled | None:
        """What no further text can change: what stands before the last line of which that can be said, if
        nothing there is held."""
        for places, atoms, state in reversed(self._lines):
            if self._is_in_formula(state):
                continue
            if self._begins_block(state) or self._is_told(state):
                return self._as_settled(state, places, atoms)
        return self._since if self._since.at else None

    def _as_settled(self, state: Settled, places: int, atoms: int) -> Settled:
        """With the words of its line, if that is the last one and no row, which would be read as a whole."""
        line = None
        if self._words is not None and state is self._lines[-1][-1] and state.marks.table is None:
            read_to, marks, *found = self._words
            line = ReadLine(read_to, marks, places, atoms)
            places, atoms = found
        return state._replace(places=tuple(self.places[:places]), atoms=tuple(self.atoms[:atoms]), line=line)

    def _begins_block(self, state: Settled) -> bool:
        """Whether nothing behind this line's start can change what stands before: a blank line does, or a
        line of a fence."""
        before = self.text.rfind("\n", 0, state.at - 1) + 1
        return bool(state.marks.fence) or not self.text[before : state.at].strip()

    def _is_in_formula(self, state: Settled) -> bool:
        """Whether it may turn out so, whatever blocks seem to begin there."""
        return self._half_formula is not None and self._half_formula < state.at

    def _is_told(self, state: Settled) -> bool:
        """Whether it is known what kind of line this is, by which alone it changes what the one before it is:
        a heading, a fence, a row, or a table's head."""
        end = self._line_end(state.at)
        if self._unfinished(end):
            return state.marks.table is None and not may_become_head(self.text[state.at :])
        return table_at(self.text, state.at, end) is not Undecided.UNDECIDED

    def _note_line(self, start: int) -> None:
        self._words = None
        if self.hold is None and start:
            state = Settled(start, self.marks, self._before_table, self._fence_is_empty, self._sample_from)
            read = self._read if start == self._since.at else None
            found = (len(self.places), len(self.atoms)) if read is None else (read.places, read.atoms)
            self._lines.append((*found, state))

    def read_plain(self) -> None:
        start = self._since.at
        while start < len(self.text):
            end = self._line_end(start)
            self._note_line(start)
            self._read_literal(start, end)
            self._cut(end, CutRank.LINE, self.marks)
            start = end + 1

    def read_blocks(self) -> None:
        start = self._since.at
        while start < len(self.text):
            end = self._line_end(start)
            self._note_line(start)
            if self.marks.fence:
                self._read_fenced_line(start, end)
            elif self._is_row(start, end):
                self._read_row(start, end)
            elif opening := fence_opening(self.text, start, end):
                self._open_fence(*opening, start, end)
            elif isinstance(table := table_at(self.text, start, end), Table):
                end = self._open_table(table, start, end)
            else:
                end = self._read_line(start, end, undecided=table is not None)
            start = end + 1
        self._hold_sample()

    def _line_end(self, start: int) -> int:
        end = self.text.find("\n", start)
        return len(self.text) if end < 0 else end

    def _unfinished(self, end: int) -> bool:
        """Whether the line that ends here may still go on."""
        return end == len(self.text)

    def _cut(self, at: int, rank: CutRank, marks: Marks) -> None:
        if 0 < at < len(self.text):
            self.places.append(Cut(at, rank, marks))

    def _hold(self, at: int, marks: Marks) -> None:
        """From a line's start on means: behind the line before, where the page may end."""
        if self.hold is None:
            if self.text.endswith("\n", 0, at):
                at = len(self.text[:at].rstrip())
            self.hold = Cut(at, CutRank.WORD, marks)

    def _hold_lines(self, to: int) -> None:
        """What is held from here on is so until a line ends, in a text of up to this length. A formula
        that ends there would show it."""
        if self.hold is None and self._half_formula is None:
            self.holds_to = to

    def _hold_rule(self, start: int) -> None:
        """What is held from here on is so while what begins at `start` may become a table's rule."""
        if self.hold is None and self._half_formula is None:
            self.half_rule = start

    def _open_fence(self, run: str, language: str, start: int, end: int) -> None:
        if not self.text[end:].strip():
            self._hold(start, NO_MARKS)
        self.marks = Marks(fence=run + language)
        self._sample_from, self._fence_is_empty = None, True

    def _read_fenced_line(self, start: int, end: int) -> None:
        run, line = self.marks.fence_run, self.text[start:end].strip()
        if closes_fence(line, run):
            self.marks = NO_MARKS
            self._cut(end, CutRank.BLOCK, NO_MARKS)
            return
        if line and not line.strip(run[0]) and self._unfinished(end):  # it may become the closing fence
            self._hold(start, self.marks)
        if not self._fence_is_empty:
            self._cut(start, CutRank.LINE, self.marks)
        self._fence_is_empty = False
        self._read_literal(start, end)

    def _read_literal(self, start: int, end: int) -> None:
        if start < end:
            self.places.append(Words(start, end, self.marks, prose=False))

    def _read_line(self, start: int, end: int, *, undecided: bool) -> int:
        """Take in a line of text, and those that a formula in it reaches; return where the last one ends.

        `undecided`: it may become the head of a table.
        """
        line = self.text[start:end]
        if not line.strip():
            if start > 0 and not self._unfinished(end):  # at 0 it is the rest of a line of the page before
                self.marks, self._sample_from = NO_MARKS, None
            return end
        if self.marks.table:
            self.marks, self._sample_from = NO_MARKS, None
        if undecided and not self._unfinished(end):
            self._hold_rule(end + 1)
        elif undecided and stays_half_head(line):
            self._hold_lines(start + HEAD_CHARS)
        if undecided or (self._unfinished(end) and start > 0 and _HALF_LINE_START.fullmatch(line)):
            self._hold(start, self.marks)
        quote = _QUOTE.match(line)
        kept = self.marks.quote if start == 0 else ""
        self._keep_open(quote[0] if quote else kept, self.marks.inline)
        begin = start + (quote.end() if quote else 0)
        if self._read is not None and start == self._since.at:
            begin, self.marks = self._read.at, self._read.marks
            self._words = begin, self.marks, len(self.places), len(self.atoms)
        end = self._read_inline(begin, end)
        if self.hold is not None or not self._unfinished(end) or "|" in line:
            self._words = None
        self._end_line(line, end)
        return end

    def _keep_open(self, quote: str, inline: tuple[str, ...]) -> None:
        if quote != self.marks.quote or inline != self.marks.inline:
            self.marks = self.marks._replace(quote=quote, inline=inline)

    def _end_line(self, line: str, end: int) -> None:
        """A page may end with a line, but not within a mark: reopened before a list's or a heading's
        own sign it would break that. It had better not end with what leads to the next line."""
        following = self.text[end + 1 : end + 80]
        block = (
            following.startswith("\n")
            or _BLOCK_START.match(following) is not None
            or self._heads_table(end + 1)
        )
        quote = self.marks.quote if self._unfinished(end) else ""
        self._keep_open(quote, () if block else self.marks.inline)
        if following and not self.marks.inline:
            rank = CutRank.BLOCK if block else CutRank.LINE
            self._cut(end, CutRank.WORD if _LEADING_LINE.match(line) else rank, self.marks)

    def _heads_table(self, start: int) -> bool:
        return isinstance(table_at(self.text, start, self._line_end(start)), Table)

    def _open_table(self, table: Table, start: int, end: int) -> int:
        """Take in a table's head and rule; return where that ends. No sample is waited for where the head is
        long, but a row is: no page ends between these."""
        self._sample_from, self._before_table = start, self.marks
        self.marks = Marks(table=table)
        end = self._line_end(end + 1)
        self.atoms.append((start, end))
        return end

    def _is_row(self, start: int, end: int) -> bool:
        """Whether the line is the next of the open table's rows, or may become it."""
        table = self.marks.table
        if table is None:
            return False
        line = self.text[start:end]
        if start == 0 and table.column is not None:  # the rest of a row of the page before
            return True
        return table.may_become_row(line) if self._unfinished(end) and line.strip() else table.is_row(line)

    def _read_row(self, start: int, end: int) -> None:
        """A row is one piece; the first are shown together, as they decide how all are shown."""
        table = self.marks.table
        assert table is not None  # noqa: S101 - or this were no row
        line = self.text[start:end]
        self.atoms.append((start if self._sample_from is None else self._sample_from, end))
        if self._sample_from is not None:
            table = table.with_row(line, end - self._sample_from)
        if self._unfinished(end):
            if self._sample_from is None:
                self._hold(start, self.marks)
            elif end - self._sample_from > SAMPLE_CHARS:  # decided by this half row, so that it must be shown
                self._sample_from = None
            elif table.stays_row(line):
                self._hold_lines(self._sample_from + SAMPLE_CHARS)
            goes_on = start == 0 and table.column is not None
            self.marks = Marks(table=table.within(line)) if goes_on or table.is_row(line) else NO_MARKS
            return
        if table.sampled:
            self._sample_from = None
        self.marks = Marks(table=replace(table, column=None))
        following = self.text[end + 1 : self._line_end(end + 1)]
        over = bool(following.strip()) and not table.may_become_row(following)
        if self.text.startswith("\n", end + 1) or over:
            self._cut(end, CutRank.LINE, self.marks)
        elif self._sample_from is None:
            self._cut(end, CutRank.ROW, self.marks)

    def _hold_sample(self) -> None:
        if self._sample_from is not None:
            self._hold(self._sample_from, self._before_table)

    def _read_inline(self, start: int, end: int) -> int:
        at, line_end = start, end
        while at < end:
            token = _TOKEN.match(self.text, at, end)
            assert token is not None  # noqa: S101 - the last alternative takes any character
            if token.lastgroup == "prose":  # as most
                self.places.append(Words(at, token.end(), self.marks, prose=True))
                at = token.end()
                if end == line_end:
                    self._note_word(at)
                continue
            if token.lastgroup == "word" and token.end() < end and token[0].isascii():
                at = token.end()  # it is nothing but a word
                continue
            at = self._read_token(token, end)
            if at > end:  # a formula of several lines
                end, self._words = self._line_end(at), None
            elif token.lastgroup == "space" and start < token.start() and at < end == line_end:
                self._note_word(at)
        return end

    def _note_word(self, at: int) -> None:
        """Nothing behind the word that begins here can change what stands before; in code a formula may."""
        if self.hold is None and not self.marks.in_code:
            self._words = at, self.marks, len(self.places), len(self.atoms)

    def _read_token(self, token: re.Match[str], end: int) -> int:
        """Take one token in, and return where the next one begins."""
        kind, start, after = token.lastgroup, token.start(), token.end()
        last = after == end and self._unfinished(end)
        code = self.marks.in_code
        if kind == "space":
            if after == end:  # a mark reopened there would come before the next line's own sign
                return after
            rank = CutRank.SENTENCE if ends_sentence(self.text[max(0, start - 8) : start]) else CutRank.WORD
            self._cut(start, rank, self.marks)
        elif kind == "ticks":
            self._read_ticks(token, last=last, code=code)
        elif kind == "bracket":
            return self._read_bracket(start, after, end, code=code)
        elif kind == "formula":
            return self._read_formula(start, after, code=code)
        elif code:
            pass
        elif kind == "delimiter":
            self._read_delimiter(token, last=last)
        elif kind in {"url", "angle", "escape"}:
            self.atoms.append((start, after))
            if last and kind != "escape" and not token[0].endswith(">"):
                self._hold(start, self.marks)
        elif last and (token[0] in {"\\", "!"} or _HALF_SCHEME.search(token[0])):
            self._hold(start, self.marks)
        else:
            self._cut_ideographic(token)
        return after

    def _cut_ideographic(self, token: re.Match[str]) -> None:
        """Scripts written without spaces: cut after their own punctuation."""
        for stop in _IDEOGRAPHIC_STOP.finditer(self.text, token.start(), token.end()):
            if stop.end() < token.end():
                rank = CutRank.SENTENCE if stop[0] in "。！？" else CutRank.WORD
                self._cut(stop.end(), rank, self.marks)

    def _read_ticks(self, token: re.Match[str], *, last: bool, code: bool) -> None:
        if last:
            self._hold(token.start(), self.marks)
        if code and self.marks.inline[-1] == token[0]:
            self._close(token[0], token)
        elif not code:
            self._open(token[0], token)

    def _read_bracket(self, start: int, after: int, end: int, *, code: bool) -> int:
        """A link is one piece, in code too: the tick that opened it may turn out to be literal."""
        link = _LINK.match(self.text, start, end, partial=self._unfinished(end))
        if link is None or (code and "`" in link[0]):
            return after
        if link.partial:
            self._hold_link(start, code=code)
            return after
        self.atoms.append((start, link.end()))
        return link.end()

    def _hold_link(self, start: int, *, code: bool) -> None:
        if not code and self.hold is None and (half := _LABEL.match(self.text, start)):
            self.half_link = HalfLink(start, half["label"])
        self._hold(start, self.marks)

    def _read_formula(self, start: int, after: int, *, code: bool) -> int:
        """A formula is one piece, in code too: the tick that opened it may turn out to be literal."""
        formula = formula_at(self.text, start)
        if isinstance(formula, Formula):
            self.atoms.append((start, formula.end))
            return formula.end
        if isinstance(formula, Undecided):
            if not code:
                self._hold(start, self.marks)
            elif self._half_formula is None:
                self._half_formula = start
        if after - start > 1 and not code:
            self.atoms.append((start, after))
        return after

    def _read_delimiter(self, token: re.Match[str], *, last: bool) -> None:
        """Open and close emphasis by CommonMark's rule of flanking runs."""
        if last:
            self._hold(token.start(), self.marks)
        run, start, end = token[0], token.start(), token.end()
        before, after = self.text[max(0, start - 1) : start], self.text[end : end + 1]
        if len(run) > 3 or (run[0] in "~|" and len(run) != 2):
            return
        opens = bool(after.strip()) and (_is_word(after) or not _is_word(before))
        closes = bool(before.strip()) and (_is_word(before) or not _is_word(after))
        if run[0] == "_":
            opens, closes = opens and not _is_word(before), closes and not _is_word(after)
        elif run[0] == "|":  # as in core.streaming.inline: `a||b` hides nothing
            opens = bool(after.strip()) and not (before.isascii() and before.isalnum())
            closes = bool(before.strip()) and not (after.isascii() and after.isalnum())
        while run:
            mark = next((m for m in reversed(self.marks.inline) if m[0] == run[0] and run.startswith(m)), "")
            if closes and mark:
                self._close(mark, token)
            elif opens:
                mark = run[:2]
                self._open(mark, token)
            else:
                return
            run = run[len(mark) :]

    def _open(self, mark: str, token: re.Match[str]) -> None:
        if len(self.marks.inline) < MAX_OPEN_MARKS:
            self.marks = self.marks._replace(inline=(*self.marks.inline, mark))
            self.atoms.append((token.start(), token.end() + 1))

    def _close(self, mark: str, token: re.Match[str]) -> None:
        """Close `mark` and forget what was opened inside of it: those were literal."""
        last = len(self.marks.inline) - 1 - self.marks.inline[::-1].index(mark)
        self.marks = self.marks._replace(inline=self.marks.inline[:last])
        self.atoms.append((token.start() - 1, token.end()))


def _is_word(character: str) -> bool:
    return bool(character) and (character.isalnum() or not character.isascii()) and not character.isspace()
