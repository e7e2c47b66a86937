"""Markdown as far as a cut needs it: which marks are open at a place, and where it is good to cut.

The law: what is open at a place depends only on the text before it. So a page renders from its
own span and the marks open at its start, whatever came later and whenever it came. An opening
mark that never closes counts as open until its block ends (a blank line); the dialect is what
Discord and Telegram's converters share.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import regex

from core.streaming.marks import NO_MARKS, Cut, CutRank, Marks, Scan
from core.streaming.text import ends_sentence

MAX_OPEN_MARKS: Final = 6
"""Deeper nesting is taken as literal text, so that reopening marks never costs much of a page."""

_FENCE = regex.compile(r"[ \t]*(?P<run>`{3,}|~{3,})(?P<info>[^\n]*)")
_BLOCK_START = regex.compile(r"[ \t]*(?:#{1,6}[ \t]|`{3}|~{3})")
_LEADING_LINE = regex.compile(r"[ \t]*#{1,6}[ \t]|.*:[*_ \t]*$")
_QUOTE = regex.compile(r"(?:[ \t]*>)+[ \t]?")
_HALF_LINE_START = regex.compile(r"[ \t]*+(?:#{1,6}|[-*+]|-#|>+)?[ \t]*")
_TABLE_ROW = regex.compile(r"[ \t]*\|(?!\|)")  # a line that opens with || is a spoiler
_TABLE_RULE = regex.compile(r"[ \t]*\|[ \t:|-]*")
_LINK = regex.compile(
    r"!?\[(?:[^\[\]\n\\]|\\.|\[[^\[\]\n]*\])*+\]"
    r"\((?:[^()\s\\]|\\.|\([^()\s]*\))*+(?:[ \t]+\"[^\"\n]*\")?\)"
)
_TOKEN = regex.compile(
    r"(?P<space>\s+)"
    r"|(?P<escape>\\[^\w\s])"
    r"|(?P<ticks>`+)"
    r"|(?P<delimiter>\*+|_+|~+|\|+)"
    r"|(?P<bracket>!?\[)"
    r"|(?P<url>https?://[^\s<>\"`|*]+)"
    r"|(?P<angle><[^\s<>]{0,200}>?)"
    r"|(?P<word>(?:[^\s\\`*_~|\[!<h]++|h(?!ttps?://))++|.)",
    regex.DOTALL,
)
_HALF_SCHEME = regex.compile(r"https?(?::/?)?$")
_IDEOGRAPHIC_STOP = regex.compile(r"[。！？，、；：](?![。！？，、；：」』）”’\p{M}\u200d])")


def scan(text: str, marks: Marks, *, formatted: bool = True) -> Scan:
    """Read `text`, which follows a place where `marks` are open. Unformatted text has cuts, but no marks."""
    scanner = _Scanner(text, marks)
    if formatted:
        scanner.read_blocks()
    else:
        scanner.read_plain()
    hold = scanner.hold or Cut(len(text), CutRank.GRAPHEME, scanner.marks)
    return Scan(tuple(scanner.cuts), tuple(scanner.atoms), hold, scanner.marks)


class _Scanner:
    """Reads line by line; each method says what one kind of line, or one token of it, means."""

    def __init__(self, text: str, marks: Marks) -> None:
        self.text = text
        self.marks = marks
        self.cuts: list[Cut] = []
        self.atoms: list[tuple[int, int]] = []
        self.hold: Cut | None = None
        self._in_table = False
        self._fence_is_empty = False

    def read_plain(self) -> None:
        start = 0
        while start < len(self.text):
            end = self._line_end(start)
            self._read_literal(start, end)
            self._cut(end, CutRank.LINE, self.marks)
            start = end + 1

    def read_blocks(self) -> None:
        start = 0
        while start < len(self.text):
            end = self._line_end(start)
            if self.marks.fence:
                self._read_fenced_line(start, end)
            elif fence := self._fence_opening(start, end):
                self._open_fence(fence, start, end)
            else:
                self._read_line(start, end)
            start = end + 1

    def _line_end(self, start: int) -> int:
        end = self.text.find("\n", start)
        return len(self.text) if end < 0 else end

    def _unfinished(self, end: int) -> bool:
        """Whether the line that ends here may still go on."""
        return end == len(self.text)

    def _cut(self, at: int, rank: CutRank, marks: Marks) -> None:
        if 0 < at < len(self.text):
            self.cuts.append(Cut(at, rank, marks))

    def _hold(self, at: int, marks: Marks) -> None:
        if self.hold is None:
            self.hold = Cut(at, CutRank.WORD, marks)

    def _fence_opening(self, start: int, end: int) -> regex.Match[str] | None:
        match = _FENCE.match(self.text, start, end)
        return None if match is None or (match["run"][0] == "`" and "`" in match["info"]) else match

    def _open_fence(self, opening: regex.Match[str], start: int, end: int) -> None:
        if not self.text[end:].strip():
            self._hold(start, NO_MARKS)
        language = (opening["info"].split() or [""])[0]
        self.marks = Marks(fence=opening["run"][:16] + language[:40])
        self._in_table, self._fence_is_empty = False, True

    def _read_fenced_line(self, start: int, end: int) -> None:
        run, line = self.marks.fence_run, self.text[start:end].strip()
        if line and not line.strip(run[0]):  # nothing but the fence's own character
            if len(line) >= len(run):
                self.marks = NO_MARKS
                self._cut(end, CutRank.BLOCK, NO_MARKS)
                return
            if self._unfinished(end):
                self._hold(start, self.marks)
        if not self._fence_is_empty:
            self._cut(start, CutRank.LINE, self.marks)
        self._fence_is_empty = False
        self._read_literal(start, end)

    def _read_literal(self, start: int, end: int) -> None:
        for match in regex.finditer(r"\S+", self.text, pos=start, endpos=end):
            if match.end() < end:
                self._cut(match.end(), CutRank.WORD, self.marks)

    def _read_line(self, start: int, end: int) -> None:
        line = self.text[start:end]
        if not line.strip():
            if start > 0 and not self._unfinished(end):  # at 0 it is the rest of a line of the page before
                self.marks, self._in_table = NO_MARKS, False
            return
        if _TABLE_ROW.match(line):
            self._read_row(start, end)
            return
        self._in_table = False
        if self._unfinished(end) and start > 0 and _HALF_LINE_START.fullmatch(line):
            self._hold(start, self.marks)
        quote = _QUOTE.match(line)
        kept = self.marks.quote if start == 0 else ""
        self.marks = replace(self.marks, quote=quote[0] if quote else kept)
        self._read_inline(start + (quote.end() if quote else 0), end)
        self._end_line(line, end)

    def _end_line(self, line: str, end: int) -> None:
        """A page may end with a line, but not within a mark: reopened before a list's or a heading's
        own sign it would break that. It had better not end with what leads to the next line."""
        following = self.text[end + 1 : end + 80]
        block = following.startswith("\n") or _BLOCK_START.match(following) is not None
        self.marks = replace(self.marks, quote="", inline=() if block else self.marks.inline)
        if following and not self.marks.inline:
            rank = CutRank.BLOCK if block else CutRank.LINE
            self._cut(end, CutRank.WORD if _LEADING_LINE.match(line) else rank, self.marks)

    def _read_row(self, start: int, end: int) -> None:
        """A row is one piece; the first is shown once the line after it says whether this is a table."""
        following = self.text[end + 1 :]
        undecided = "\n" not in following and _TABLE_RULE.fullmatch(following, partial=True) is not None
        if self._unfinished(end) or (not self._in_table and undecided):
            self._hold(start, self.marks)
        self._in_table = True
        self.atoms.append((start, end))
        self._cut(end, CutRank.ROW if _TABLE_ROW.match(following) else CutRank.LINE, self.marks)

    def _read_inline(self, start: int, end: int) -> None:
        at = start
        while at < end:
            token = _TOKEN.match(self.text, at, end)
            assert token is not None  # noqa: S101 - the last alternative takes any character
            at = self._read_token(token, end)

    def _read_token(self, token: regex.Match[str], end: int) -> int:
        """Take one token in, and return where the next one begins."""
        kind, start, after = token.lastgroup, token.start(), token.end()
        last = after == end and self._unfinished(end)
        code = bool(self.marks.inline) and self.marks.inline[-1][0] == "`"
        if kind == "space":
            if after == end:  # a mark reopened there would come before the next line's own sign
                return after
            rank = CutRank.SENTENCE if ends_sentence(self.text[max(0, start - 8) : start]) else CutRank.WORD
            self._cut(start, rank, self.marks)
        elif kind == "ticks":
            self._read_ticks(token, last=last, code=code)
        elif kind == "bracket":
            return self._read_bracket(start, after, end, code=code)
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

    def _cut_ideographic(self, token: regex.Match[str]) -> None:
        """Scripts written without spaces: cut after their own punctuation."""
        for stop in _IDEOGRAPHIC_STOP.finditer(self.text, token.start(), token.end() - 1):
            rank = CutRank.SENTENCE if stop[0] in "。！？" else CutRank.WORD
            self._cut(stop.end(), rank, self.marks)

    def _read_ticks(self, token: regex.Match[str], *, last: bool, code: bool) -> None:
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
            self._hold(start, self.marks)
            return after
        self.atoms.append((start, link.end()))
        return link.end()

    def _read_delimiter(self, token: regex.Match[str], *, last: bool) -> None:
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

    def _open(self, mark: str, token: regex.Match[str]) -> None:
        if len(self.marks.inline) < MAX_OPEN_MARKS:
            self.marks = replace(self.marks, inline=(*self.marks.inline, mark))
            self.atoms.append((token.start(), token.end() + 1))

    def _close(self, mark: str, token: regex.Match[str]) -> None:
        """Close `mark` and forget what was opened inside of it: those were literal."""
        last = len(self.marks.inline) - 1 - self.marks.inline[::-1].index(mark)
        self.marks = replace(self.marks, inline=self.marks.inline[:last])
        self.atoms.append((token.start() - 1, token.end()))


def is_row(line: str) -> bool:
    """Whether a line belongs to a table, where it stands in one."""
    return _TABLE_ROW.match(line) is not None


def _is_word(character: str) -> bool:
    return bool(character) and (character.isalnum() or not character.isascii()) and not character.isspace()
