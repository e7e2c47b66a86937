r"""Formulas in LaTeX: `$$…$$`, `\[…\]`, `\(…\)`, and `$…$` where it is clearly one.

Money, shell variables and escaped brackets are none. What a formula shows as is the renderer's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import regex

from core.streaming.text import Undecided

ReadMaths = Callable[[str], "str | None"]
"""LaTeX of one formula to plain text; None where it cannot be read. See `Renderer.maths`."""

FORMULA_START: Final = r"\$\$?|\\[\[(]"
MAX_DISPLAYED: Final = 900
MAX_INLINE: Final = 300
"""Characters of LaTeX. What is longer is text, so that a formula which never closes is soon shown."""

_CLOSING: Final = {"$$": "$$", "$": "$", "\\[": "\\]", "\\(": "\\)"}
_BLANK_LINE = regex.compile(r"\n[ \t]*\n")
_QUOTE_SIGN = regex.compile(r"\n(?:[ \t]*>)+[ \t]?")
_LATEX = regex.compile(r"\\[A-Za-z]|\\\\|[\^_]\{")
_SCRIPT = regex.compile(r"[\^_](?:\{[^{}]*\}|\w)")
_WORD = regex.compile(r"[^\W\d_]{3,}")
_NAMES: Final = frozenset(
    {
        *("sin", "cos", "tan", "cot", "sec", "csc", "log", "exp", "max", "min", "lim", "sup", "inf", "mod"),
        *("gcd", "lcm", "det", "dim", "arg", "deg"),
    }
)
_PAIR = regex.compile(r"[^\W\d_]{2}")
_OPERATOR = regex.compile(r"[=<>+*/^_≤≥≠±×·→∈-]")
_LETTER = regex.compile(r"[^\W\d_]")
_PRICE = regex.compile(r"[\d.,\s–-]*[kKmMbB]?")


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that ends at `end`. `displayed`: it stands for itself, not in a line of text."""

    latex: str
    end: int
    displayed: bool


def formula_at(text: str, at: int, *, whole: bool = False) -> Formula | Undecided | None:
    """What begins at one of FORMULA_START. `whole`: nothing will follow the text."""
    opening = text[at : at + 2] if text.startswith(("$$", "\\"), at) else "$"
    displayed = opening in {"$$", "\\["}
    begin = at + len(opening)
    if opening[0] == "$" and not _may_open(text, at, begin):
        return None
    stop = begin + (MAX_DISPLAYED if displayed else MAX_INLINE)
    end = text.find(_CLOSING[opening], begin, stop)
    while opening == "$" and end > 0 and text[end - 1] == "\\":
        end = text.find("$", end + 1, stop)
    if end < 0 and (whole or len(text) >= stop):  # most signs open nothing, and a text may have thousands
        return None
    latex = text[begin : end if end >= 0 else stop]
    if "`" in latex or "~~~" in latex or _BLANK_LINE.search(latex) or (not displayed and "\n" in latex):
        return None
    if end < 0:
        return Undecided.UNDECIDED if _may_become(opening, latex) else None
    after = end + len(opening)
    closes = opening[0] != "$" or _may_close(opening, text, end, after)
    if not closes or not _is_maths(opening, latex):
        return None
    if "\n" in latex and text[text.rfind("\n", 0, at) + 1 : at].lstrip().startswith(">"):
        latex = _QUOTE_SIGN.sub("\n", latex)
    return Formula(latex.strip(), after, displayed)


def _may_open(text: str, at: int, begin: int) -> bool:
    before, after = text[max(0, at - 1) : at], text[begin : begin + 1]
    if before == "$" or after == "$":
        return False
    return begin - at == 2 or not (before.isalnum() or after.isspace())


def _may_close(opening: str, text: str, end: int, after: int) -> bool:
    following = text[after : after + 1]
    if following == "$":
        return False
    return opening == "$$" or not (text[end - 1].isspace() or following.isalnum() or following == "_")


def _may_become(opening: str, latex: str) -> bool:
    return opening in {"$$", "\\["} or bool(_LATEX.search(latex)) or not _words(latex)


def _is_maths(opening: str, latex: str) -> bool:
    latex = latex.strip()
    if not latex:
        return False
    if _LATEX.search(latex):
        return True
    has_letter, has_operator = bool(_LETTER.search(latex)), bool(_OPERATOR.search(latex))
    if opening == "\\(":
        return not _words(latex)
    if opening in {"$$", "\\["}:
        return has_operator and (has_letter or "=" in latex) and len(latex) > 1
    if _words(latex) or not has_letter or _PRICE.fullmatch(latex):
        return False
    return has_operator or not _PAIR.search(latex) or bool(_names(latex))


def _words(latex: str) -> list[str]:
    """Words of a language, which a formula has only inside of LaTeX's commands."""
    return [word for word in _WORD.findall(_SCRIPT.sub("", latex)) if word not in _NAMES]


def _names(latex: str) -> list[str]:
    return [word for word in _WORD.findall(latex) if word in _NAMES]
