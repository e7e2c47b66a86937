"""Markdown of one page to Telegram's plain text and entities.

telegramify-markdown does the conversion. Around it stands what a chat with a language model needs
besides: nothing that the model wrote gets lost, and nobody gets pinged.

Telegram turns every `@username` of a text into a mention by itself, also when entities are passed
("generated automatically server-side", core.telegram.org/api/mentions), and notifies that person; no
parameter prevents it. So a word joiner (U+2060, no width) goes behind the `@` wherever Telegram would
see a mention. Addresses of mail and code stay exact. A code entity would keep the characters, but it
cannot stand inside bold or italic text and would draw on the 100 entities of the page.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from telegramify_markdown import RenderConfig, convert

from bots.latex import read_latex
from bots.telegram.blocks import closed_at, defines_links
from bots.telegram.entities import (
    MONOSPACED,
    Entity,
    apart,
    end_of,
    inserted,
    joined,
    legal,
    overlapping,
    trimmed,
    trimmed_left,
    utf16_length,
)
from core.streaming.code import code_regions
from core.streaming.links import shown_host
from core.streaming.rendering import Rendered
from core.streaming.text import TRICKS

MAX_UNITS: Final = 4096  # UTF-16 units of a text; core.telegram.org/bots/api#sendmessage
MAX_ENTITIES: Final = 100  # further ones are not shown; core.telegram.org/api/entities
_MAX_URL: Final = 2048  # longer links are dropped by TDLib

_KEPT: Final = frozenset(
    {"bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "blockquote", "text_link"}
)
# Telegram sees none behind a letter or number of any script. Which those are changes with Unicode's version,
# so only ASCII's count here.
_MENTION: Final = re.compile(r"(?<![A-Za-z0-9_])@(?=[A-Za-z0-9_])")
_WORD_JOINER: Final = "\u2060"
_OURS: Final = re.compile(r"https://t\.me/c/[0-9]+/[0-9]+")

# What nobody is to see, what Telegram turns to spaces or takes out (TDLib's clean_input_string), and what
# UTF-8 cannot carry. Noncharacters serve as stand-ins below, so none may come from outside.
_STRIPPED: Final = re.compile(f"[{TRICKS}\u0333\u033f\u034a\u2028\u2029\ud800-\udfff\ufdd0-\ufdef]")
_LINE_END: Final = re.compile(r"\r\n?")
_TAB_WIDTH: Final = 4  # Telegram makes one space of a tab: indented code would lose its shape

# Stand-ins, each for one character of the same length, put back after the conversion.
_LESS, _DOLLAR, _BACKSLASH, _BRACKET, _TILDE = "\ufdd1", "\ufdd2", "\ufdd3", "\ufdd4", "\ufdd5"
_PUT_BACK: Final = str.maketrans({_LESS: "<", _DOLLAR: "$", _BACKSLASH: "\\", _BRACKET: "[", _TILDE: "~"})
# The converter drops HTML, also `the <div> tag` in prose. Automatic links, link targets in angle brackets
# and escaped brackets work as they are.
_HTML: Final = re.compile(r"(?<!\\)(?<!\]\()<(?!https?://)")
# It looks for formulas, though those are read already, and reads all again for each that is but a price.
_FORMULA: Final = re.compile(r"(?<!\\)\$")
# So it does for `~5`, which strikes nothing out.
_SINGLE_TILDE: Final = re.compile(r"(?<![\\~])~(?!~)")
# `[1]: https://…` is a definition and not shown; as a list of sources it must be, and a link that uses it
# would not find it on another page anyway.
_DEFINITION: Final = re.compile(r"^([ ]{0,3}(?:>[ ]?)*)\[(?=[^\]\n]+\]:)", re.MULTILINE)
# Lists and quotes within one another on one line: each indents the next, so thousands take a second.
_NESTED_SIGNS: Final = re.compile(
    r"^((?:[ \t]*(?:>|(?:[-*+]|[0-9]{1,9}[.)])(?=[ \t]))){6}[ \t]*[0-9]{0,9})([-*+>.)])", re.MULTILINE
)
_LANGUAGE: Final = re.compile(r"[\w+#.-]{1,40}")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_BLANK: Final = frozenset("\u2800\u3164\ufffc")  # drawn as nothing, whatever their category says


class TelegramRenderer:
    """core.streaming.rendering.Renderer for Telegram; `Rendered.entities` holds `Entity`."""

    page_units = MAX_UNITS
    formatted = True

    def render(self, markdown: str) -> Rendered:
        received = _as_received(markdown)
        try:
            text, entities = _shown(received)
        except Exception:  # noqa: BLE001  a renderer is total: what the converter cannot read is shown as it is
            text, entities = _without_pings(received, [])
        if _is_blank(text):
            return Rendered("")
        return _filled(*trimmed(text, entities))

    def page(self) -> Callable[[str], Rendered]:
        return _Page(self).render

    def maths(self, latex: str) -> str | None:
        return read_latex(latex)


class _Page:
    """A page that grows: its closed blocks are converted once."""

    def __init__(self, renderer: TelegramRenderer) -> None:
        self._renderer = renderer
        self._begin()

    def _begin(self) -> None:
        self._closed = self._text = ""
        self._entities: list[Entity] = []

    def render(self, markdown: str) -> Rendered:
        if not markdown.startswith(self._closed):
            self._begin()
        if defines_links(markdown):
            return self._renderer.render(markdown)
        try:
            self._close(markdown)
            text, entities = _shown(_as_received(markdown[len(self._closed) :]))
        except Exception:  # noqa: BLE001  what the converter cannot read is shown as it is, and all with it
            return self._renderer.render(markdown)
        if not self._closed:
            return Rendered("") if _is_blank(text) else _filled(*trimmed(text, entities))
        if _is_blank(text) or text[0] == "\n":
            return self._renderer.render(markdown)
        return _filled(*trimmed(*joined(self._text, self._entities, text, entities)))

    def _close(self, markdown: str) -> None:
        """Convert what is closed by now, unless the blocks around it would change that."""
        rest = markdown[len(self._closed) :]
        closed = rest[: closed_at(rest)]
        if not closed or _as_received(closed) != closed.expandtabs(_TAB_WIDTH):
            return
        text, entities = _shown(_as_received(closed))
        if _is_blank(text) or (self._closed and text[0] == "\n"):
            return
        self._text, self._entities = (
            joined(self._text, self._entities, text, entities)
            if self._closed
            else trimmed_left(text, entities)
        )
        self._closed += closed


def reasoning_above(page: Rendered, line: str) -> Rendered:
    """As a quote of three lines that can be opened."""
    text = _STRIPPED.sub("", line).strip()
    if _is_blank(text):
        return page
    text, quote = _without_pings(text, [Entity("expandable_blockquote", 0, utf16_length(text))])
    before = utf16_length(text) + 1
    moved = [
        replace(entity, offset=entity.offset + before)
        for entity in page.entities
        if isinstance(entity, Entity)
    ]
    return _filled(f"{text}\n{page.text}", (*quote, *moved))


def _filled(text: str, entities: Sequence[Entity]) -> Rendered:
    fill = max(utf16_length(text) / MAX_UNITS, len(entities) / MAX_ENTITIES)
    plain, _ = _without_pings(text, [])  # a mention in code is none only while it is code
    return Rendered(text, tuple(entities), fill, None if plain == text else plain)


def _config() -> RenderConfig:
    """The converter's settings: no pictures that the model did not write, nothing folded away."""
    config = RenderConfig.isolated()
    symbols = config.markdown_symbol
    symbols.heading_level_1 = symbols.heading_level_2 = ""
    symbols.heading_level_3 = symbols.heading_level_4 = ""
    symbols.unordered_list_item = "•"
    symbols.task_completed, symbols.task_uncompleted = "☑", "☐"
    config.cite_expandable = False
    return config


_CONFIG: Final = _config()


def _as_received(markdown: str) -> str:
    return _STRIPPED.sub("", _LINE_END.sub("\n", markdown).expandtabs(_TAB_WIDTH))


def _shown(markdown: str) -> tuple[str, list[Entity]]:
    text, entities = _converted(markdown)
    return _without_pings(*_with_hosts(text, legal(entities)))


def _converted(markdown: str) -> tuple[str, list[Entity]]:
    text, found = convert(_outside_code(markdown, _guarded), latex_escape=False, config=_CONFIG)
    entities = [
        Entity(item.type, item.offset, item.length, _url(item.url), _language(item.language))
        for item in found
        if item.type in _KEPT and (item.type != "text_link" or _url(item.url))
    ]
    return text.translate(_PUT_BACK), entities


def _outside_code(markdown: str, change: Callable[[str], str]) -> str:
    parts: list[str] = []
    done = 0
    for start, end in code_regions(markdown):
        parts += [change(markdown[done:start]), markdown[start:end]]
        done = end
    return "".join(parts) + change(markdown[done:])


def _guarded(prose: str) -> str:
    prose = _FORMULA.sub(_DOLLAR, _HTML.sub(_LESS, prose))
    prose = _SINGLE_TILDE.sub(_TILDE, prose) if "~" in prose else prose
    prose = _DEFINITION.sub(rf"\1{_BRACKET}", prose) if "]:" in prose else prose
    return _NESTED_SIGNS.sub(r"\1\\\2", prose)


def _url(url: str | None) -> str | None:
    """A link target that Telegram opens, else None. `tg://user?id=…` would be a mention."""
    if not url or len(url) > _MAX_URL:
        return None
    url = url.translate(_PUT_BACK)
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in {"http", "https"} and parts.hostname else None


def _language(info: str | None) -> str | None:
    match = _LANGUAGE.match(info.translate(_PUT_BACK)) if info else None
    return match.group() if match else None


def _is_blank(text: str) -> bool:
    """Whether Telegram would refuse the text as empty."""
    return all(character in _BLANK or unicodedata.category(character) in _INVISIBLE for character in text)


def _without_pings(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    if "@" not in text:
        return text, entities
    exact = apart([entity for entity in entities if entity.type in MONOSPACED])
    added: list[tuple[int, str]] = []
    done = units = 0
    for match in _MENTION.finditer(text):
        units += utf16_length(text[done : match.end()])
        done = match.end()
        if not overlapping(Entity("", units - 1, 1), exact):
            added.append((units, _WORD_JOINER))
    return inserted(added, text, entities)


def _with_hosts(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Behind the text of each link the host that it opens, unless that is the text."""
    encoded = text.encode("utf-16-le")
    added = []
    for link in entities:
        label = encoded[2 * link.offset : 2 * end_of(link)].decode("utf-16-le")
        if link.type == "text_link" and (host := shown_host(label, link.url or "", ours=_OURS)):
            added.append((end_of(link) - len(label) + len(label.rstrip()), f" ({host})"))
    return inserted(sorted(added), text, entities)
