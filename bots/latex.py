"""LaTeX formulas as readable Unicode: `x² + y²`, `√(b² - 4ac)`, `∑ᵢ₌₁ⁿ`. The same for every platform.

telegramify-markdown's converter does it. Here stands what reads better in a line of a chat: brackets around
what a fraction or a root spans, more small letters, matrices and cases in one line.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from telegramify_markdown.latex_escape.helper import LatexToUnicodeHelper

MAX_DEPTH: Final = 16
"""Braces within braces. The converter calls itself for each."""

_NEWLINES = re.compile(r"\s+")
_SAME_AS = {
    "\\dfrac": "\\frac", "\\tfrac": "\\frac", "\\cfrac": "\\frac", "\\lvert": "|", "\\rvert": "|",
    "\\lVert": "‖", "\\rVert": "‖", "\\degree": "°", "\\dbinom": "\\binom", "\\tbinom": "\\binom",
}  # fmt: skip
_ALIAS = re.compile(r"\\(?:[dtc]frac|[lr][vV]ert|degree|[dt]binom)(?![A-Za-z])")
_SIZE = re.compile(
    r"\\(?:[bB]igg?[lrm]?|middle|nonumber|notag|label\{[^{}]*\}|displaystyle|textstyle)(?![A-Za-z])\s*"
)
_TAG = re.compile(r"\\tag\*?\{([^{}]*)\}")
_SPACE = re.compile(r"\\[hv]space\*?\{[^{}]*\}")
_ENVIRONMENT = re.compile(r"\\(begin|end)\{(align|gather|equation|multline|eqnarray)\*?\}(?:\{\d+\})?")
_UNREAD = re.compile(r"\\[A-Za-z]")
_AFTER_OPENING = re.compile(r"([(\[{∂∇])\s+")
_BEFORE_CLOSING = re.compile(r"\s+([,;.)\]}!])")
_SPACES = re.compile(r"[ \u2000-\u200a]{2,}")
_ATOM = re.compile(
    r"√?(?:\w|[^\x00-\x7f])(?:[\u0300-\u036f\u20d0-\u20ff]|[⁰-₟²³¹′'!])*|[A-Za-z]{4,}|\d+(?:\.\d+)?"
    r"|\w'?\([^()]*\)|[d∂]\w[²³ⁿ]?"
)
"""What needs no brackets under a fraction or a root: a letter, a word, a number, `f(x)`, `dx`."""
_TERM = re.compile(r"[+=<>±,;:\-−≤≥≠≈→∈]|\s")
_SMALL = {"n": "ₙ", "k": "ₖ", "m": "ₘ", "p": "ₚ", "s": "ₛ", "t": "ₜ", "h": "ₕ", "l": "ₗ"}


class _Converter(LatexToUnicodeHelper):
    """What differs from the library's own."""

    def read(self, latex: str) -> str:
        return str(LatexToUnicodeHelper.parse(self, latex))

    @staticmethod
    def try_make_subscript(text: str) -> str | None:
        parts = [_SMALL.get(char) or LatexToUnicodeHelper.try_make_subscript(char) for char in text]
        return "".join(part or "" for part in parts) if all(parts) else None

    @staticmethod
    def make_subscript(text: str) -> str:
        text = text.strip()
        small = _Converter.try_make_subscript(text)
        return small if small is not None else f"_{text}" if _ATOM.fullmatch(text) else f"_({text})"

    @staticmethod
    def make_superscript(text: str) -> str:
        text = text.strip()
        small = LatexToUnicodeHelper.try_make_superscript(text)
        return small if small is not None else f"^{text}" if _ATOM.fullmatch(text) else f"^({text})"

    @staticmethod
    def translate_sqrt(command: str, option: str, param: str) -> str:
        signs = {"": "√", "2": "√", "3": "∛", "4": "∜"}
        index, radicand = option.strip(), _tidy(param)
        sign = signs.get(index) or f"{LatexToUnicodeHelper.try_make_superscript(index) or f'({index})'}√"
        return sign + (radicand if _ATOM.fullmatch(radicand) else f"({radicand})")

    @staticmethod
    def make_fraction(numerator: str, denominator: str) -> str:
        over, under = _tidy(numerator), _tidy(denominator)
        if _is_small(over) and _is_small(under):
            return str(LatexToUnicodeHelper.make_fraction(over, under))
        over = f"({over})" if _sums(over) else over
        return f"{over}/{under if _ATOM.fullmatch(under) else f'({under})'}"

    def _render_matrix(self, content: str, left: str, right: str, compact: bool = False) -> str:
        rows = [row.strip() for row in content.split("\\\\") if row.strip()]
        body = "; ".join(", ".join(self.read(cell.strip()) for cell in row.split("&")) for row in rows)
        return f"{left or '['}{body}{right or ']'}"

    def _render_cases(self, content: str) -> str:
        rows = [row.strip() for row in content.split("\\\\") if row.strip()]
        return f"{{{'; '.join(self.read(row.replace('&', ', ', 1)).strip() for row in rows)}}}"


_CONVERTER = _Converter()


@lru_cache(1_024)
def read_latex(latex: str) -> str | None:
    """`latex`, a formula without its delimiters, as Unicode; lines only where it has `\\\\`.

    None where part of it cannot be read.
    """
    if _depth(latex) > MAX_DEPTH:
        return None
    source = _NEWLINES.sub(" ", latex.strip())
    source = _ENVIRONMENT.sub(lambda match: f"\\{match[1]}{{aligned}}", source)
    source = _ALIAS.sub(lambda match: _SAME_AS[match[0]], source)
    source = _TAG.sub(r" (\1)", _SPACE.sub(" ", _SIZE.sub("", source)))
    try:
        text = _CONVERTER.read(source)
    except (IndexError, KeyError, ValueError, RecursionError):
        return None
    lines = [_tidy(line) for line in text.split("\n")]
    text = "\n".join(filter(None, lines))
    return None if not text or _UNREAD.search(text) else text


def _tidy(text: str) -> str:
    text = _SPACES.sub(" ", text.replace("&", " ")).strip()
    return _AFTER_OPENING.sub(r"\1", _BEFORE_CLOSING.sub(r"\1", text))


def _is_small(number: str) -> bool:
    return len(number) == 1 and number.isdigit()


def _sums(text: str) -> bool:
    """Whether `text` is more than one product, outside of brackets."""
    depth = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if depth == 0 and _TERM.match(char):
            return True
    return False


def _depth(latex: str) -> int:
    depth = deepest = 0
    for char in latex:
        depth += (char == "{") - (char == "}")
        deepest = max(deepest, depth)
    return deepest + latex.count("\\begin")
