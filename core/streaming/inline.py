"""Prose between blocks, made readable where platforms would show it as no one meant it."""

from __future__ import annotations

from collections import deque
from typing import Final

import regex

from core.streaming.code import code_spans
from core.streaming.maths import FORMULA_START, Formula, ReadMaths, formula_at

BREAK: Final = regex.compile(r"<br[ \t]*/?>", regex.IGNORECASE)
TRIGGERS: Final = ("![", "[](", "$", "\\(", "\\[", "||", "<br", "<BR")
"""A text with none of these is readable as it is."""

_SPECIAL = regex.compile(r"[\\`*_~|\[\]<>#]")
_WANTED = regex.compile(
    rf"\\[^\s\w(\[]|(?P<image>!\[|\[\]\()|(?P<formula>{FORMULA_START})|(?P<bars>\|\|+)"
    r"|(?P<break><br[ \t]*/?>[ \t]*\n?)",
    regex.IGNORECASE,
)
_IMAGE = regex.compile(
    r"!?(?P<link>\[(?P<name>(?:[^\[\]\\\n]|\\.)*+)\]"
    r"\((?P<url>(?:[^\s()<>]|\([^\s()<>]*\))++)(?:[ \t]+\"[^\"\n]*\")?\))"
)
_SIGN = regex.compile(r"[0-9]{1,9}(?=[.)](?:\s|$))|(?=(?:[-+*]|#{1,6})(?:\s|$)|>|[-=]+$)")
_SPOILER = regex.compile(
    r"\|\|(?=[^\s|])(?:(?!\|\||\n[ \t]*\n).){1,2000}?(?<=[^\s|])\|\|(?![A-Za-z0-9|])", regex.DOTALL
)
_LINE_SIGN = regex.compile(
    r"(?P<quote>(?:[ \t]*>)+[ \t]?)?(?P<item>[ \t]*(?:[-*+]|[0-9]{1,9}[.)])[ \t]+)?(?P<heading>#{1,6}[ \t])?"
)


def escaped(text: str) -> str:
    """Markdown that shows exactly `text`, within a line."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def signs_escaped(markdown: str) -> str:
    """So that no list, heading or quote begins with the line `markdown`."""
    sign = _SIGN.match(markdown)
    return markdown if sign is None else f"{markdown[: sign.end()]}\\{markdown[sign.end() :]}"


def escaped_line(text: str) -> str:
    """Markdown that shows exactly the line `text`, also where a line begins."""
    return signs_escaped(escaped(text))


def linked(markdown: str) -> str:
    """Images as links, for a message with text shows none; and links without a name as their address."""
    return _IMAGE.sub(_link, markdown) if "](" in markdown else markdown


def _link(image: regex.Match[str]) -> str:
    return str(image["link"] if image["name"].strip() else image["url"])


def readable_prose(text: str, maths: ReadMaths) -> str:
    """Formulas read, images linked, line breaks in HTML broken, bars that hide nothing (`a || b`) literal.

    A spoiler is `||…||` whose bars touch what they hide, and nothing else that is a letter or a digit.
    """
    if not any(trigger in text for trigger in TRIGGERS):
        return text
    parts: list[str] = []
    done = at = 0
    code = deque(code_spans(text))
    while match := _WANTED.search(text, at):
        start, at = match.span()
        while code and code[0][1] <= start:
            code.popleft()
        if code and code[0][0] <= start:
            at = code[0][1]
            continue
        shown = None
        if match["formula"]:
            formula = formula_at(text, start, whole=True)
            if isinstance(formula, Formula):
                shown, at = _formula(text, start, formula, maths), formula.end
        elif match["image"] and (image := _IMAGE.match(text, start)):
            shown, at = _link(image), image.end()
        elif match["bars"]:
            shown, at = _bars(text, start, at, maths)
        elif match["break"]:
            shown = _on_lines(text, start, ["", ""])
        if shown is not None:
            parts += [text[done:start], shown]
            done = at
    return "".join(parts) + text[done:]


def _bars(text: str, start: int, end: int, maths: ReadMaths) -> tuple[str, int]:
    spoiler = (
        None if end - start > 2 or _is_word(text[max(0, start - 1) : start]) else _SPOILER.match(text, start)
    )
    if spoiler is None:
        return escaped(text[start:end]), end
    return f"||{readable_prose(text[start + 2 : spoiler.end() - 2], maths)}||", spoiler.end()


def _formula(text: str, start: int, formula: Formula, maths: ReadMaths) -> str:
    plain = maths(formula.latex)
    if plain is None:
        plain = text[start : formula.end]
    first, *others = plain.split("\n")
    alone = not text[text.rfind("\n", 0, start) + 1 : start].strip(" \t>")
    lines = [escaped_line(first) if alone else escaped(first), *map(escaped_line, others)]
    return _on_lines(text, start, lines)


def _on_lines(text: str, start: int, lines: list[str]) -> str:
    """Several lines in place of one: each within the quote or the item in which the first stands."""
    if len(lines) == 1:
        return lines[0]
    sign = _LINE_SIGN.match(text, text.rfind("\n", 0, start) + 1)
    assert sign is not None  # noqa: S101 - all of it is optional
    if sign["heading"]:
        return " ".join(filter(None, lines)) or " "
    indent = "\n" + (sign["quote"] or "") + " " * len(sign["item"] or "")
    return indent.join(lines)


def _is_word(character: str) -> bool:
    return character.isascii() and character.isalnum()
