"""Where code is in a Markdown text: nothing in it is a mark."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Final

_FENCE = re.compile(r"[ \t]*(?P<run>`{3,}|~{3,})(?P<info>[^\n]*)")
_TICKS = re.compile(r"`+")
_BLANK_LINE = re.compile(r"\n[ \t]*(?=\n)")
MAX_FENCE_RUN: Final = 16
MAX_LANGUAGE: Final = 40


def fence_opening(text: str, start: int, end: int) -> tuple[str, str] | None:
    """The run and the language of the fence that the line `text[start:end]` opens."""
    if text.find("```", start, end) < 0 and text.find("~~~", start, end) < 0:  # as in most lines
        return None
    match = _FENCE.match(text, start, end)
    if match is None or (match["run"][0] == "`" and "`" in match["info"]):
        return None
    return match["run"][:MAX_FENCE_RUN], (match["info"].split() or [""])[0][:MAX_LANGUAGE]


def closes_fence(line: str, run: str) -> bool:
    line = line.strip()
    return len(line) >= len(run) and not line.strip(run[0])


def closed_at(text: str) -> int:
    """Where the open block begins: behind the last blank line outside of fences, or at 0. No fence, no code
    and no paragraph reaches across that place, whatever follows."""
    closed, run, start = 0, "", 0
    while (end := text.find("\n", start)) >= 0:
        if run:
            run = "" if closes_fence(text[start:end], run) else run
        elif opening := fence_opening(text, start, end):
            run = opening[0]
        elif start == end:
            closed = end + 1
        start = end + 1
    return closed


def code_spans(text: str) -> list[tuple[int, int]]:
    """The spans of inline code, ticks included, in a text without fences. Takes O(length)."""
    runs = [match.span() for match in _TICKS.finditer(text)]
    blanks = [match.start() for match in _BLANK_LINE.finditer(text)]
    closing: dict[int, int] = {}  # index of a run to the next one that is as long, in the same block
    latest: dict[int, int] = {}  # length to index
    for index in range(len(runs) - 1, -1, -1):
        start, end = runs[index]
        follower = latest.get(end - start)
        if follower is not None and bisect_left(blanks, start) == bisect_left(blanks, runs[follower][0]):
            closing[index] = follower
        latest[end - start] = index
    spans: list[tuple[int, int]] = []
    index = 0
    while index < len(runs):
        start, end = runs[index]
        if index in closing and not _escaped(text, start):
            spans.append((start, runs[closing[index]][1]))
            index = closing[index]
        index += 1
    return spans


def code_regions(markdown: str) -> list[tuple[int, int]]:
    """The spans of all code, fenced (whole lines) and inline, in order."""
    if "`" not in markdown and "~~~" not in markdown:
        return []
    regions: list[tuple[int, int]] = []
    run, began = "", 0  # the open fence, and where it or the prose before began
    start = 0
    while start <= len(markdown):
        end = markdown.find("\n", start)
        end = len(markdown) if end < 0 else end
        if run:
            if closes_fence(markdown[start:end], run):
                regions.append((began, end))
                run, began = "", end
        elif opening := fence_opening(markdown, start, end):
            regions += [(began + a, began + b) for a, b in code_spans(markdown[began:start])]
            run, began = opening[0], start
        start = end + 1
    if run:
        return [*regions, (began, len(markdown))]
    return regions + [(began + a, began + b) for a, b in code_spans(markdown[began:])]


def _escaped(text: str, at: int) -> bool:
    before = text[:at] if at < 64 else text[at - 64 : at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1
