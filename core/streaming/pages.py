"""Pages: spans of an answer's source that tile it exactly, in order, each within a platform's limit.

The laws:
1. A page is `source[start:end]`, rendered with the marks that are open at its start reopened and
   those open at its end closed. Where one page ends the next begins.
2. What was shown is never taken back: a page ends nowhere before what it has shown, white space aside.
3. A preview shows all that is certain, and a page that is nearly full ends with the first sentence or line
   that does: to wait whether the next one fits, too, would hide it. Of a half link a preview shows what the
   link will read: not a part of its span yet, so that the page may still end before the link. Until then
   that stays.
4. A page once left never changes.
5. The rest of a long block is a file, and a span like the others (files.py).
6. Where only so many messages may be sent, the last carries the rest, as a file where it has to; where it
   may carry none, the answer ends there with a mark.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from typing import Final

from core.streaming.answer import Answer
from core.streaming.files import PAGES_SHOWN, Block, Files, FileSpan, RestSpan, block_at
from core.streaming.markdown import scan
from core.streaming.marks import NO_MARKS, Cut, CutRank, HalfLink, Marks, Scan, Settled
from core.streaming.maths import ReadMaths
from core.streaming.operations import FileContent
from core.streaming.readable import Readable
from core.streaming.rendering import Rendered, Renderer, page_renderer
from core.streaming.tables import may_become_rule
from core.streaming.text import graphemes

NEARLY_FULL_UNITS: Final = 150
NEARLY_FULL_SHARE: Final = 0.1
"""A page is nearly full within so many units of its end, no more than this share of it. Most sentences are
shorter: of prose, nine pages of ten end with one; with 120 units eight would, 200 leave an eighth empty."""
LINK_UNITS: Final = 160
"""So much of a page is left free where a half link is shown, for its address may have to go there, too. Where
that is longer, the link goes to the next page, and what was shown of it with it."""
MARK_UNITS: Final = 120
"""Room on every page for the mark that may have to say how the answer ended."""
WINDOW_PAGES: Final = 4
"""How much source is looked at for one page: markup that renders to nothing (the addresses of
links) may take this many times a page's text."""
MOST_HELD: Final = 1_000
"""What may still become something else is shown as it is when it is longer than this, or than half a page.
Whatever is decided by its own length (formulas, a table's first rows) is decided before that."""
_PREFERENCES: Final = (
    (CutRank.BLOCK, 0.5),
    (CutRank.LINE, 0.6),
    (CutRank.SENTENCE, 0.7),
    (CutRank.WORD, 0.8),
)
"""The best kind of cut that leaves no more than the rest of a page empty is taken, the latest of its kind."""

_TEXT = re.compile(r"[^\s*_~`#>|+-]")  # what is no white space and no sign of Markdown's
_LETTER = re.compile(r"[^\W_]")  # or digit
_ITEM_START = re.compile(r"[ \t]*(?:[-*+]|[0-9]{1,9}[.)])[ \t]")


@dataclass(frozen=True, slots=True)
class Frame:
    """A page as it shall stand now: `source[start:end]`, rendered."""

    page: int
    start: int
    end: int
    body: Rendered
    marks: Marks  # open at `end`
    closed: bool = False  # the page ends here; the next one begins at `end`
    last: bool = False  # the answer ends here
    block: Block | None = None  # in which a closed page ends
    file: FileContent | None = None  # the span is this file, and `body` the words beside it
    cut: bool = False  # the last one, though the answer goes on
    ahead: int = (
        0  # so much of the source behind `end` hides nothing: a half link that is shown, or signs alone
    )


@dataclass(frozen=True, slots=True)
class MessageLimit:
    """At most `count` messages, one at least. `mark`: says under the last that more was not shown."""

    count: int
    mark: str


def compose(span: str, opened: Marks, closed: Marks, maths: ReadMaths, page: Readable | None = None) -> str:
    """The Markdown of one page: balanced, readable, without outer white space; empty without text.

    `page`: what was read of an earlier state of it.
    """
    body = span.rstrip()
    if not opened.fence and not opened.table:
        if "\n" in body[: len(body) - len(body.lstrip())]:
            opened = opened._replace(quote="")  # the quoted line had ended with the page before
        body = _outdented(body)
    if not body.strip():
        return ""
    page = page or Readable(opened.table, maths)
    markdown = page.read(opened.opened() + body + closed.closed())
    return _outdented(markdown) if opened.table else markdown


def _outdented(body: str) -> str:
    """The indentation of an item without the items above it would make code of it."""
    indent = len(body) - len(body.lstrip())
    line_start = body.rfind("\n", 0, indent) + 1
    kept = line_start and not _ITEM_START.match(body, line_start)
    return body[line_start:] if kept else body[indent:]


class Pages:
    """The pages of one answer on one surface. `frame` looks, `accept` moves."""

    def __init__(
        self, renderer: Renderer, files: Files | None = None, limit: MessageLimit | None = None
    ) -> None:
        self.page = 0
        self.start = 0
        self.shown = 0
        self.visible = 0
        """Before this nothing is hidden: `shown`, and a half link or signs behind it."""
        self._renderer = renderer
        self._readable = Readable(
            None, renderer.maths
        )  # of the current page, as far as its blocks are closed
        self._render_page = page_renderer(renderer)
        self._marks = NO_MARKS
        self._shown_marks = NO_MARKS
        self._shown_body: Rendered | None = None  # None: not known
        self._shown_ahead: Frame | None = None  # if it shows more than the span
        self._settled: Settled | None = None  # of the current page's text, so that a frame reads what is new
        self._holds_to, self._half_rule = 0, -1  # as in Scan, of the answer's text
        self.above: Callable[[Rendered], Rendered] | None = None
        """Puts something above the first page; to be set before that is shown."""
        self._files = files
        self._files_begun = 0
        self._limit = limit
        self._file: FileSpan | RestSpan | None = None  # what the current page is, instead of a page
        self._block: Block | None = None  # in which the current page begins
        self._most_held = max(renderer.page_units // 2, MOST_HELD)
        self._cap = 1.0 - min(0.5, MARK_UNITS / renderer.page_units)
        self._nearly_full = self._cap - min(NEARLY_FULL_UNITS / renderer.page_units, NEARLY_FULL_SHARE)

    def frame(self, answer: Answer, *, ends: bool = True) -> Frame:
        """The newest state of the current page. Costs a rendering: call it when it can be sent. `ends`: else
        it is as it would be if the answer went on, but for files."""
        self._holds_to, self._half_rule = 0, -1
        if (frame := self._file_frame(answer)) is not None:
            return frame
        text = answer.slice(self.start, self.start + WINDOW_PAGES * self._renderer.page_units)
        whole = self.start + len(text) == answer.length
        found = scan(text, self._marks, formatted=self._renderer.formatted, since=self._settled)
        self._settled = found.settled
        self._holds_to = self.start + found.holds_to if found.holds_to else 0
        self._half_rule = -1 if found.half_rule is None else self.start + found.half_rule
        if answer.ended and whole and ends:
            body = self._final(text, found, answer.mark)
            if body.fill <= 1.0:
                return self._frame(Cut(len(text), CutRank.BLOCK, found.end), body, last=True)
            return self._closed(text, found)
        return self._preview(text, found, whole=whole)

    def holds(self, answer: Answer, since: int) -> bool:
        """Whether the last frame, made when the answer was `since` long, shows all that may be shown yet."""
        if 0 <= self._half_rule <= since:
            return may_become_rule(answer.slice(self._half_rule, answer.length))
        return since <= answer.length <= self._holds_to and "\n" not in answer.slice(since, answer.length)

    def closed_at(self, answer: Answer, end: int) -> Frame:
        """The current page as it ended at `end` when another process showed it."""
        text = answer.slice(self.start, self.start + WINDOW_PAGES * self._renderer.page_units)
        if self._file is not None:
            return Frame(self.page, self.start, end, self._renderer.render(""), NO_MARKS, closed=True)
        found = scan(text, self._marks, formatted=self._renderer.formatted)
        at = end - self.start
        cut = next((cut for cut in found.cuts if cut.at == at), None) or self._forced(text, at)
        block = block_at(text, cut, found.cuts_from(0), self._block)
        return replace(self._frame(cut, self._render(text, cut), closed=True), block=block)

    def shown_to(self, answer: Answer, end: int) -> None:
        """The current page has shown so much in another process."""
        text = answer.slice(self.start, end)
        if self._file is None and end > self.start:
            self.shown, self._shown_marks = end, self._forced(text, end - self.start).marks
            self.visible = end

    def accept(self, frame: Frame) -> None:
        """`frame` is visible now (or may be): never show less."""
        self.shown = frame.end if frame.closed else max(self.shown, frame.end)
        self._shown_marks = frame.marks
        self.visible = self.shown + frame.ahead
        is_page = frame.file is None and self._file is None and frame.end == self.shown
        self._shown_body = frame.body if is_page and not frame.ahead else None
        self._shown_ahead = frame if is_page and frame.ahead else None
        if frame.closed and not frame.last:
            self.page += 1
            self.start, self._marks, self._block = frame.end, frame.marks, frame.block
            self._file = self._settled = self._shown_body = None
            self._readable = Readable(frame.marks.table, self._renderer.maths)
            self._render_page = page_renderer(self._renderer)
            if self._files and self._at_limit:
                self._file = RestSpan(self.start, self._marks.opened())
            elif self._files and frame.block and frame.block.pages >= PAGES_SHOWN:
                self._files_begun += 1
                self._file = FileSpan(frame.end, frame.block, self._files_begun)

    def leave(self, seen: Frame | None) -> None:
        """The current page's message takes no edit any more, and certainly shows `seen`: it ends there. None:
        that is not known, and the page is shown anew rather than a part of it not at all."""
        if seen is not None:
            self.accept(replace(seen, closed=True, last=False, file=None, ahead=0))
        self.shown, self._shown_marks, self._shown_body = self.start, self._marks, None
        self.visible = self.shown

    def marked(self, answer: Answer, mark: str, *, bare: bool) -> Frame:
        """The current page with this mark below what it may have shown. `bare`: the mark alone."""
        end = max(self.start, self.shown)
        span = "" if bare else answer.slice(self.start, end)
        if span and self._renderer.formatted:
            span = self._composed(span, self._shown_marks)
        body = self._marked(span, mark) if span else self._renderer.render(self._signed(mark))
        return Frame(self.page, self.start, end, body, NO_MARKS, closed=True, last=True)

    def one_fewer(self) -> bool:
        """One of the messages that may be sent may be used up. Whether the current one is the last now."""
        before = self._limit
        if before is None or self._at_limit:
            return False
        self._limit = replace(before, count=before.count - 1)
        last = self.page >= before.count - 2
        if last and self._files and self._file is None:
            self._file = RestSpan(self.start, self._marks.opened())
        return last

    def file_grows(self, answer: Answer) -> bool:
        """Whether the current page is a file that is not whole yet: of its text nothing is shown."""
        if self._file is not None:
            self._file.read(answer)
        return self._file is not None and self._file.end is None

    def keep_to_pages(self) -> None:
        """Send no files: the text of the current one goes on in pages."""
        self._files = self._file = None

    def _file_frame(self, answer: Answer) -> Frame | None:
        if self._files is None or self._file is None:
            return None
        grows = self.file_grows(answer)
        rest = isinstance(self._file, RestSpan)
        if rest and self._fits(answer):
            return None
        body = self._renderer.render(self._files.words(self._file.status))
        if grows or self._file.end is None:
            return Frame(self.page, self.start, self.start, body, self._marks)
        file, end = self._file.content(answer), self._file.end
        if len(file.data) > self._files.max_bytes:
            self.keep_to_pages()
            return None
        if rest and answer.mark:
            body = self._renderer.render(f"{self._files.words(self._file.status)}\n\n*{answer.mark}*")
        last = rest or (answer.ended and not answer.mark and not answer.slice(end, answer.length).strip())
        return Frame(
            self.page,
            self.start,
            answer.length if last else end,
            body,
            NO_MARKS,
            closed=True,
            last=last,
            file=file,
        )

    @property
    def _at_limit(self) -> bool:
        """Whether the current page is the last that may be sent."""
        return self._limit is not None and self.page >= self._limit.count - 1

    def _fits(self, answer: Answer) -> bool:
        """Whether the rest of the answer is known to be no more than a page, or nothing at all by now."""
        text = answer.slice(self.start, self.start + WINDOW_PAGES * self._renderer.page_units)
        if not answer.ended:
            return not text.strip()
        found = scan(text, self._marks, formatted=self._renderer.formatted)
        return self.start + len(text) == answer.length and self._final(text, found, answer.mark).fill <= 1.0

    def _frame(self, cut: Cut, body: Rendered, *, closed: bool = False, last: bool = False) -> Frame:
        return Frame(
            self.page, self.start, self.start + cut.at, body, cut.marks, closed=closed or last, last=last
        )

    def _preview(self, text: str, found: Scan, *, whole: bool) -> Frame:
        hold = found.hold
        if not self._renderer.formatted or len(text) - hold.at > self._most_held:
            hold = Cut(len(text), CutRank.GRAPHEME, found.end)
        elif whole and (frame := self._half_linked(text, hold, found.half_link)):
            return frame
        if not whole or (body := self._render(text, hold)).fill > self._cap:
            return self._closed(text, found)
        if body.fill > self._nearly_full and (frame := self._nearly_over(text, found, hold, body)):
            return frame
        return self._up_to(text, hold, body)

    def _up_to(self, text: str, cut: Cut, body: Rendered) -> Frame:
        """No less than was shown. Signs alone behind that hide nothing."""
        frame = self._frame(cut, body) if self.start + cut.at > self.shown else self._as_shown(text)
        signs = 0 if _TEXT.search(text, cut.at) else self.start + len(text) - frame.end
        return replace(frame, ahead=signs) if signs > frame.ahead else frame

    def _half_linked(self, text: str, hold: Cut, link: HalfLink | None) -> Frame | None:
        if link is None or self.start + hold.at < self.shown:
            return None
        body = self._rendered(self._composed(text[: link.start] + link.label, hold.marks))
        if body.fill > self._cap - LINK_UNITS / self._renderer.page_units:
            return None
        return replace(self._frame(hold, body), ahead=len(text) - hold.at)

    def _nearly_over(self, text: str, found: Scan, hold: Cut, held: Rendered) -> Frame | None:
        """Of a page that is nearly full: its end, behind its last sentence or line, or the whole lines of a
        block. None: it goes on."""
        good = (cut for cut in found.cuts_back() if cut.rank >= CutRank.SENTENCE and cut.at <= hold.at)
        if self._at_limit or (last := next(good, None)) is None:
            return None
        shown = self.shown - self.start
        if last.marks.fence or last.marks.table:
            if last.at > shown:
                return self._frame(last, self._render(text, last))
            return self._as_shown(text) if hold.at - shown < NEARLY_FULL_UNITS else None
        rest = text[last.at :]
        goes_on = last.at < len(text[:shown].rstrip()) or not rest.strip()
        # An emoji alone would be a page of its own if nothing more came: it stays on this one.
        if goes_on or (_TEXT.search(rest) and not _LETTER.search(rest)):
            return None
        body = self._render(text, last)
        if body.fill <= self._nearly_full:
            return None
        # What shows nothing, as signs alone, would be one, too.
        shows_more = _TEXT.search(rest) and (hold.at <= last.at or held.text != body.text)
        return self._ending(text, found, last) if shows_more else self._up_to(text, last, body)

    def _as_shown(self, text: str) -> Frame:
        if self._shown_ahead is not None:
            return self._shown_ahead
        cut = Cut(
            self.shown - self.start,
            CutRank.FORCED,
            self._shown_marks if self.shown > self.start else self._marks,
        )
        return self._frame(cut, self._render(text, cut))

    def _render(self, text: str, cut: Cut) -> Rendered:
        is_shown = self.start + cut.at == self.shown and cut.marks == self._shown_marks
        if is_shown and self._shown_body is not None:
            return self._shown_body
        if not self._renderer.formatted:
            return self._rendered(text[: cut.at])
        return self._rendered(self._composed(text[: cut.at], cut.marks))

    def _composed(self, span: str, closed: Marks) -> str:
        return compose(span, self._marks, closed, self._renderer.maths, self._readable)

    def _rendered(self, markdown: str) -> Rendered:
        body = self._render_page(markdown)
        return self.above(body) if self.above and self.page == 0 and body.text else body

    def _final(self, text: str, found: Scan, mark: str) -> Rendered:
        """The model's own text to its end: only what we reopened, and a fence, is closed. Where a `mark` says
        that it was cut, it stays as a preview showed it: all is closed, and half a link is its words."""
        if not self._renderer.formatted:
            return self._marked(text, mark)
        if mark:
            link = found.half_link
            text = text[: link.start] + link.label if link else text
            return self._marked(self._composed(text, found.end), mark)
        pairs = zip(self._marks.inline, found.end.inline, strict=False)
        reopened = tuple(ours for ours, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        return self._rendered(self._composed(text, Marks(fence=found.end.fence, inline=reopened)))

    def _marked(self, markdown: str, mark: str) -> Rendered:
        if mark:
            mark = self._signed(mark)
            markdown = f"{markdown}\n\n{mark}" if markdown else mark
        return self._rendered(markdown)

    def _signed(self, mark: str) -> str:
        return f"*{mark}*" if self._renderer.formatted else mark

    def _closed(self, text: str, found: Scan) -> Frame:
        """The page ends here: at the best place that fits and takes nothing back."""
        shown = self.shown - self.start
        seen = len(text[:shown].rstrip())  # white space at a page's end is not
        cuts = [*found.cuts_from(max(seen, 1))]
        fitting = self._fitting(text, cuts)
        cut = _best(fitting) if fitting else self._between_graphemes(text, found, shown)
        if self._at_limit and self._limit is not None:
            page = text[: cut.at]
            if self._renderer.formatted:
                page = self._composed(page, cut.marks)
            return replace(self._frame(cut, self._marked(page, self._limit.mark), last=True), cut=True)
        return self._ending(text, found, cut)

    def _ending(self, text: str, found: Scan, cut: Cut) -> Frame:
        block = block_at(text, cut, found.cuts_from(0), self._block)
        return replace(self._frame(cut, self._render(text, cut), closed=True), block=block)

    def _fitting(self, text: str, cuts: list[Cut]) -> list[Cut]:
        """Those of `cuts` at which the page fits: searched as if rendered length grew with the source,
        then made certain, since it need not."""
        count = self._count_fitting([cut.at for cut in cuts], lambda n: self._render(text, cuts[n]).fill)
        fitting = cuts[:count]
        while fitting and self._render(text, best := _best(fitting)).fill > self._cap:
            fitting.remove(best)
        return fitting

    def _count_fitting(self, offsets: Sequence[int], fill: Callable[[int], float]) -> int:
        """How many of `offsets` a page reaches, as if `fill` grew with their index.

        Most pages end near a page's length of source: looked for from there, little is rendered in vain.
        """
        low, reach = 0, self._renderer.page_units
        while low < len(offsets):
            high = max(low + 1, bisect_right(offsets, reach))
            if fill(high - 1) > self._cap:
                return bisect_right(range(high - 1), self._cap, lo=low, key=fill)
            low, reach = high, 2 * reach
        return low

    def _between_graphemes(self, text: str, found: Scan, shown: int) -> Cut:
        ends = [end for end in graphemes(text) if end > shown]
        inside = {at for start, after in found.atoms for at in range(start + 1, after)}
        whole = [end for end in ends if end not in inside]
        for offsets in (whole, ends, range(shown + 1, len(text) + 1)):
            if count := self._count_fitting(offsets, partial(self._forced_fill, text, offsets)):
                return self._forced(text, offsets[count - 1])
        if shown > 0:
            return Cut(shown, CutRank.FORCED, self._shown_marks)
        return self._forced(text, 1)

    def _forced_fill(self, text: str, offsets: Sequence[int], index: int) -> float:
        return self._render(text, self._forced(text, offsets[index])).fill

    def _forced(self, text: str, at: int) -> Cut:
        marks = scan(text[:at], self._marks, formatted=self._renderer.formatted).end
        return Cut(at, CutRank.FORCED, marks)


def _best(cuts: list[Cut]) -> Cut:
    furthest = cuts[-1].at
    for rank, least in _PREFERENCES:
        for cut in reversed(cuts):
            if cut.at < least * furthest:
                break
            if cut.rank == rank:
                return cut
    return cuts[-1]
