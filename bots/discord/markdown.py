"""A page of Markdown as Discord's clients draw it.

They draw most of it themselves, and the limit counts the source. Mended is what they would show as signs:
headings deeper than three, rules, task lists, `+` lists, and fences other than three backticks.
"""

from __future__ import annotations

import dataclasses
import re
from bisect import bisect_right
from collections.abc import Callable
from typing import Final

import discord

from bots.latex import read_latex
from core.streaming.code import closed_at, code_regions
from core.streaming.inline import escaped
from core.streaming.links import shown_host
from core.streaming.rendering import Rendered
from core.streaming.text import TRICKS

CONTENT_LIMIT: Final = 2_000
"""Code points of a message's content (docs: "Create Message")."""

_TRICKS = re.compile(f"[{TRICKS}]")
# A lone surrogate has no UTF-8 form.
_SURROGATE = re.compile(r"[\ud800-\udfff]")

_RULE: Final = "─" * 12  # fits a phone
_MENDED = re.compile(
    r"^(?P<before>(?:[ ]{0,3}>)*[ ]{0,3})\#{4,6}[ \t]+(?P<heading>[^\n]*\w[^\n]*)$"
    r"|^[ ]{0,3}(?P<rule>-(?:[ \t]*-){2,}|\*(?:[ \t]*\*){2,}|_(?:[ \t]*_){2,})[ \t]*$"
    r"|^(?P<item>(?:[ \t]*>)*[ \t]*)(?P<sign>[-*+]|[0-9]{1,9}[.)])[ \t]+\[(?P<done>[ xX])\](?=[ \t])"
    r"|^(?P<plus>(?:[ \t]*>)*[ \t]*)\+(?=[ \t])",
    re.MULTILINE | re.VERBOSE,
)
# As its clients read the target of a link (perhaps in angle brackets, perhaps with a title behind it), but on
# one line. They go on behind line ends, where a page's blocks, read one by one, would not see the whole link:
# such a one has no `url` and is made none.
_TARGET = re.compile(
    r"\]\((?:[ \t]*<?(?P<url>https?:(?:\([^)\s]*\)|[^\s\\)]|\\.)*?)>?"
    r"(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'))?[ \t]*\)|(?=[ \t]*(?:\n|\Z|<?https?:)))",
    re.IGNORECASE,
)
_LONGEST_LABEL: Final = 300  # characters: a longer one is no address
_OURS = re.compile(r"https://discord\.com/channels/[0-9]+/[0-9]+/[0-9]+")
_CLOSING_SIGNS = re.compile(r"[ \t]+#+[ \t]*$")
_ODD_FENCE = re.compile(r"^[ \t]*(?:~~~|````|```[^\n`\s]*[ \t]+[^\n`\s][^\n`]*$)", re.MULTILINE)


class DiscordRenderer:
    """core.streaming.rendering.Renderer for Discord."""

    page_units: int = CONTENT_LIMIT
    formatted: bool = True

    def render(self, markdown: str) -> Rendered:
        return _filled(_mended(_harmless(markdown)).strip())

    def page(self) -> Callable[[str], Rendered]:
        return _Page().render

    def maths(self, latex: str) -> str | None:
        return read_latex(latex)


class _Page:
    """A page that grows: its closed blocks are mended once."""

    def __init__(self) -> None:
        self._closed = self._mended = ""

    def render(self, markdown: str) -> Rendered:
        if not markdown.startswith(self._closed):
            self._closed = self._mended = ""
        rest = markdown[len(self._closed) :]
        harmless = _harmless(rest)
        if len(harmless) == len(rest) and (end := closed_at(rest)):
            self._closed += rest[:end]
            self._mended += _mended(harmless[:end])
            harmless = harmless[end:]
        return _filled((self._mended + _mended(harmless)).strip())


def _filled(text: str) -> Rendered:
    return Rendered(text, fill=len(text) / CONTENT_LIMIT)


def reasoning_above(page: Rendered, line: str) -> Rendered:
    """As subtext: small and grey, which reads better than the black boxes of a spoiler."""
    quiet = discord.utils.escape_markdown(_harmless(line).strip())
    text = f"-# {quiet}\n{page.text}" if quiet else page.text
    return dataclasses.replace(page, text=text, fill=len(text) / CONTENT_LIMIT)


def _harmless(text: str) -> str:
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", _TRICKS.sub("", text))


def _mended(markdown: str) -> str:
    if _ODD_FENCE.search(markdown):
        markdown = _with_plain_fences(markdown)
    return _outside_code(_TARGET, _with_host, _outside_code(_MENDED, _mend, markdown))


def _outside_code(pattern: re.Pattern[str], change: Callable[[re.Match[str]], str], markdown: str) -> str:
    if not pattern.search(markdown):
        return markdown
    regions = code_regions(markdown)
    starts = [start for start, _ in regions]

    def changed(match: re.Match[str]) -> str:
        before = bisect_right(starts, match.start()) - 1
        return match[0] if before >= 0 and match.start() < regions[before][1] else change(match)

    return pattern.sub(changed, markdown)


def _with_host(target: re.Match[str]) -> str:
    if target["url"] is None:
        return "]\\("
    host = shown_host(_label_before(target), target["url"], ours=_OURS)
    shown = f" ({escaped(host)})" if host else ""
    return target[0] if target.string.startswith(shown, target.end()) else target[0] + shown


def _label_before(target: re.Match[str]) -> str:
    """The link's text, without its outer marks. No text reaches across a blank line: so a page's blocks can
    be read one by one."""
    end = target.start()
    before = target.string[max(0, end - _LONGEST_LABEL) : end].rpartition("\n\n")[2]
    depth = 0
    for at in range(len(before) - 1, -1, -1):
        if before[at] in "[]" and (len(before[:at]) - len(before[:at].rstrip("\\"))) % 2 == 0:
            if before[at] == "[" and depth == 0:
                return before[at + 1 :].strip("*_~|` ")
            depth += 1 if before[at] == "]" else -1
    return before


def _mend(match: re.Match[str]) -> str:
    if match["heading"]:
        text = _CLOSING_SIGNS.sub("", match["heading"]).replace("**", "").strip()
        return f"{match['before']}**{text}**"
    if match["rule"]:
        return _RULE
    if match["done"]:
        sign = "-" if match["sign"] == "+" else match["sign"]
        return f"{match['item']}{sign} {'☐' if match['done'] == ' ' else '☑'}"
    return f"{match['plus']}-"


def _with_plain_fences(markdown: str) -> str:
    """Fences of three backticks and a language. Those within, which would end them, come apart."""
    parts: list[str] = []
    done = 0
    for start, end in code_regions(markdown):
        code = markdown[start:end]
        sign = code.lstrip()[:1]
        if code.lstrip()[:3] not in {"```", "~~~"} or "\n" not in code:
            continue
        opening, *lines = code.split("\n")
        info = opening.strip().lstrip(sign).split()
        run = len(opening.strip()) - len(opening.strip().lstrip(sign))
        closed = bool(lines) and not lines[-1].strip().strip(sign) and len(lines[-1].strip()) >= run
        content = "\n".join(lines[:-1] if closed else lines).replace("```", "`\u2060`\u2060`")
        parts += [markdown[done:start], f"```{info[0] if info else ''}\n{content}"]
        parts += ["\n```"] if closed else []
        done = end
    return "".join(parts) + markdown[done:]
