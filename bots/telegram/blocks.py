"""Where a page's Markdown can be parted so that each part is converted for itself.

A place counts where whatever comes behind it cannot change what stands before, by CommonMark's rules and by
ours: behind a blank line outside of code, where the next line surely begins a block of its own, also if it
follows a list. What reaches across blocks (spoilers, HTML, link definitions) ends the search.
"""

from __future__ import annotations

from typing import Final

import regex

from core.streaming.code import MAX_FENCE_RUN, closes_fence, fence_opening

_REACHING: Final = regex.compile(r"\|\||tg-spoiler|^[ \t>]*<", regex.IGNORECASE)
_DEFINITION: Final = regex.compile(
    r"^[ \t>*+\-0-9.)]*+\[(?:[^\[\]\\]|\\.)*+\]:", regex.MULTILINE | regex.DOTALL
)
_BEGINS_BLOCK: Final = regex.compile(r"[^\s\d*+\->=<]|\*\*[^\s*]")


def defines_links(markdown: str) -> bool:
    """Whether there may be a definition, which a link before or behind it could use."""
    return "]:" in markdown and _DEFINITION.search(markdown) is not None


def closed_at(markdown: str) -> int:
    """The last such place, or 0. `markdown` defines no links."""
    closed, run, start = 0, "", 0
    while (end := markdown.find("\n", start)) >= 0:
        line = markdown[start:end]
        if run:
            if closes_fence(line, run):
                if len(line) - len(line.lstrip(" ")) > 3 or line.strip(" \t") != line.strip():
                    break  # by CommonMark's rules it does not
                run = ""
        elif opening := fence_opening(markdown, start, end):
            run = opening[0]
            if line[0] != run[0] or len(run) == MAX_FENCE_RUN:
                break  # it may be an item's, or longer than we count
        elif _REACHING.search(line):
            break
        elif not line and "\n" in markdown[end + 1 :] and _BEGINS_BLOCK.match(markdown, end + 1):
            closed = end + 1
        start = end + 1
    return closed
