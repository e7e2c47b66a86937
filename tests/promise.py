"""The promise, checked from outside: visible pages and files are spans that tile the model's text.

Nothing of what Sluice remembers is used: the spans are searched for in the text that the model sent.
Several places may give the same page (white space between pages is trimmed), so the search goes back.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from core.streaming.markdown import scan
from core.streaming.marks import NO_MARKS, Marks
from core.streaming.operations import FileContent
from core.streaming.pages import WINDOW_PAGES, compose
from core.streaming.rendering import Rendered, Renderer

SEARCH = 100


def broken_promise(
    source: str,
    pages: Sequence[str | FileContent],
    renderer: Renderer,
    *,
    mark: str = "",
    above: Callable[[Rendered], Rendered] | None = None,
    until: Sequence[int] = (),
) -> str | None:
    """None if `pages` (as people see them) tile `source` exactly, once, in order; else what is wrong.

    A platform trims the white space around a page, also where a cut within a line of code leaves some.
    A file stands among them in place of the message that carries it. With `mark`, the last page ends with it;
    `above` puts the model's reasoning above the first. With `until`, they tile what stands before one of
    these.
    """
    until = until or (len(source),)
    if not pages:
        return None if not source.strip() and not mark else "nothing is visible"
    furthest = 0
    tried: set[tuple[int, int, Marks]] = set()
    open_ends: list[Iterator[tuple[int, int, Marks]]] = [iter([(0, 0, NO_MARKS)])]
    while open_ends:
        place = next(open_ends[-1], None)
        if place is None:
            open_ends.pop()
            continue
        if place in tried:
            continue
        tried.add(place)
        number, start, marks = place
        furthest = max(furthest, number)
        shown = _Shown(renderer, above if number == 0 else None)
        page = pages[number]
        if isinstance(page, FileContent):
            rests = [source[start:last] for last in until if start <= last]
            if number == len(pages) - 1 and page.data.decode() in [marks.opened() + rest for rest in rests]:
                return None
            found = {last: _file_end(source[:last], start, page.data.decode(), marks) for last in until}
            for last, end in found.items():
                if number == len(pages) - 1 and end is not None and not source[end:last].strip() and not mark:
                    return None
            open_ends.append(iter([(number + 1, end, NO_MARKS) for end in found.values() if end is not None]))
        elif number < len(pages) - 1:
            open_ends.append(_after(place, source, _spans(source[start:], page, marks, shown)))
        elif any(_is_rest(source[start:end], page, marks, shown, mark) for end in until if start <= end):
            return None
    wrong = pages[min(furthest, len(pages) - 1)]
    page = wrong.data.decode() if isinstance(wrong, FileContent) else wrong
    return f"page {furthest} of {len(pages)} is not the text there: {page[:60]!r}…{page[-60:]!r}"


class _Shown:
    """What a page of Markdown looks like, with what stands above it."""

    def __init__(self, renderer: Renderer, above: Callable[[Rendered], Rendered] | None) -> None:
        self.page_units, self.formatted = renderer.page_units, renderer.formatted
        self._render, self._above = renderer.render, above
        self.maths = renderer.maths

    def render(self, markdown: str) -> Rendered:
        body = self._render(markdown)
        return self._above(body) if self._above and body.text else body


def _file_end(source: str, start: int, content: str, marks: Marks) -> int | None:
    """Where the span ends that starts at `start` and is a file with this content; None where none does."""
    rest = source[start:]
    if marks.fence:
        closing = rf"[^\S\n]*{marks.fence[0]}{{{len(marks.fence_run)},}}[^\S\n]*(?=\n|\Z)"
        found = re.compile(closing).match(rest, len(content))
        whole = rest.startswith(content) and (found or len(rest) == len(content))
        return start + (found.end() if found else len(content)) if content and whole else None
    if marks.table is None:
        return None
    head = f"{marks.table.head}\n{marks.table.rule}"
    rows = content.removeprefix(head)
    following = rest[len(rows) :].removeprefix("\n").partition("\n")[0]
    ends = rest.startswith(rows) and not (following.strip() and marks.table.is_row(following))
    return start + len(rows) if content.startswith(head) and rows and ends else None


def _is_rest(rest: str, page: str, marks: Marks, renderer: Renderer, mark: str) -> bool:
    found = scan(rest, marks, formatted=renderer.formatted)
    end = found.end
    if mark and (link := found.half_link):  # which was cut, and has no address
        rest = rest[: link.start] + link.label
    reopened = [marks.inline[:kept] for kept in range(len(marks.inline) + 1)]
    for inline in [end.inline] if mark else reopened:  # which may have been closed by the text itself
        markdown = compose(rest, marks, Marks(fence=end.fence, inline=inline), renderer.maths)
        if mark:
            shown = f"*{mark}*" if renderer.formatted else mark
            markdown = f"{markdown}\n\n{shown}" if markdown else shown
        if renderer.render(markdown).text.strip() == page.strip():
            return True
    return False


def _after(
    place: tuple[int, int, Marks], source: str, spans: Iterator[tuple[int, Marks]]
) -> Iterator[tuple[int, int, Marks]]:
    number, start, _ = place
    return ((number + 1, start + end, after) for end, after in spans)


def _spans(rest: str, page: str, marks: Marks, renderer: Renderer) -> Iterator[tuple[int, Marks]]:
    """Every span at the start of `rest` that renders to `page`, with the marks open after it; the likeliest
    first, as looking for them takes long."""
    rest, page = rest[: WINDOW_PAGES * renderer.page_units], page.strip()

    @cache
    def text(end: int, open_marks: Marks) -> str:
        return renderer.render(compose(rest[:end], marks, open_marks, renderer.maths)).text.strip()

    def marks_at(end: int) -> Marks:
        return scan(rest[:end], marks, formatted=renderer.formatted).end

    # Length grows with the source but for a few characters, so only places near the page's own are tried.
    cuts = scan(rest, marks, formatted=renderer.formatted).cuts
    near = bisect_left(cuts, len(page), key=lambda cut: len(text(cut.at, cut.marks)))
    found = False
    for cut in map(cuts.__getitem__, _around(near, len(cuts))):
        if text(cut.at, cut.marks) == page:
            found = True
            yield cut.at, cut.marks
    if found:
        return
    # A forced cut stands anywhere.
    near = bisect_left(range(len(rest) + 1), len(page), key=lambda end: len(text(end, marks_at(end))))
    for end in _around(near, len(rest) + 1):
        if end and text(end, marks_at(end)) == page:
            yield end, marks_at(end)


def _around(near: int, end: int) -> list[int]:
    """Those below `end` that are not far from `near`, nearest first."""
    return sorted(range(max(0, near - SEARCH), min(near + SEARCH, end)), key=lambda one: abs(one - near))
