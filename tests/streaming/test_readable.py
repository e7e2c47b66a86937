"""Prose made readable, the same for every platform: formulas, spoilers, images, line breaks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.latex import read_latex
from core.streaming.answer import Answer
from core.streaming.markdown import scan
from core.streaming.marks import NO_MARKS
from core.streaming.maths import MAX_DISPLAYED, MAX_INLINE
from core.streaming.pages import Pages, compose
from tests.fakes.surface import FakeRenderer


class MathsRenderer(FakeRenderer):
    def maths(self, latex: str) -> str | None:
        return read_latex(latex)


def page(markdown: str) -> str:
    return compose(markdown, NO_MARKS, NO_MARKS, read_latex)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("so $$x^2 + y^2$$ it is", "so x² + y² it is"),
        ("$$\n\\frac{a+b}{2}\n$$", "(a+b)/2"),
        ("\\[ E = mc^2 \\]", "E = mc²"),
        ("with \\( n \\to \\infty \\).", "with n → ∞."),
        ("where $x$, $a_{ij}$ and $O(n \\log n)$", "where x, aᵢⱼ and O(n log n)"),
        ("**$\\alpha$**", "**α**"),
        ("$a * b * c = d$", "a \\* b \\* c = d"),
        ("> $$\n> a = b\n> $$\n> more", "> a = b\n> more"),
        ("- \\[\n  \\begin{aligned} a &= b \\\\ &= - c \\end{aligned}\n  \\]", "- a = b\n  = - c"),
        ("$$\\begin{aligned} a & \\\\ - b & \\end{aligned}$$", "a\n\\- b"),
        ("$\\unknown{x} * y$ and *z*", "$\\\\unknown{x} \\* y$ and *z*"),
    ],
)
def test_formulas_become_text(source: str, shown: str) -> None:
    """What cannot be read is shown as it is, to the last sign."""
    assert page(source) == shown


@pytest.mark.parametrize(
    "source",
    [
        "$5 and $6",
        "between $10-20 and $30",
        "costs $5, or US$7; $9.",
        "a $5k-$10k house for $1,000",
        "$HOME/bin:$PATH and ${x} or $1",
        "`$x^2$` and ``\\(a\\)``",
        "```\n$$x^2$$\n```",
        "```tex\n\\[ x^2 \\]\n```",
        "$$ is cheap, $$$ is not, $$",
        "as \\[1\\] and \\(see below\\) say",
        "- \\[x\\] done",
        "\\$x^2\\$",
        "$x^2\n\n+ y^2$",
        "$$x^2",
    ],
)
def test_what_is_no_formula(source: str) -> None:
    """Prices, variables of a shell, code, escaped brackets, halves."""
    assert page(source) == source


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("the killer is ||the butler||.", "the killer is ||the butler||."),
        ("||a *b* `c`||", "||a *b* `c`||"),
        ("if a || b || c", "if a \\|\\| b \\|\\| c"),
        ("(a||b||c)", "(a\\|\\|b\\|\\|c)"),
        ("`a || b` ||c||", "`a || b` ||c||"),
        ("||never closed", "\\|\\|never closed"),
        ("||||", "\\|\\|\\|\\|"),
        ("你好||剧透||。", "你好||剧透||。"),
        ("||two\nlines||", "||two\nlines||"),
        ("||not\n\nthis||", "\\|\\|not\n\nthis\\|\\|"),
        ("||$x^2$||", "||x²||"),
    ],
)
def test_only_what_is_clearly_a_spoiler_hides(source: str, shown: str) -> None:
    assert page(source) == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("> one<br>two", "> one\n> two"),
        ("- one<br />two", "- one\n  two"),
        ("# one<br>two", "# one two"),
        ("`<br>`", "`<br>`"),
        ("![a chart](https://a.b/c.png)", "[a chart](https://a.b/c.png)"),
        ('![a](https://a.b "t") ![](https://c.d)', '[a](https://a.b "t") https://c.d'),
        ("[](https://a.b) [a](https://c.d)", "https://a.b [a](https://c.d)"),
        ("`![a](https://a.b)`", "`![a](https://a.b)`"),
        ("wow! [a](https://a.b)", "wow! [a](https://a.b)"),
    ],
)
def test_line_breaks_and_images(source: str, shown: str) -> None:
    assert page(source) == shown


def test_a_condition_in_prose_is_not_held_back() -> None:
    for text in ("if a || b then", "use `a | b` here"):
        assert scan(text, NO_MARKS).hold.at == len(text)


def test_half_a_formula_is_held_back_for_a_while() -> None:
    """And a price no longer than to the next word."""
    answer, pages = Answer(), Pages(MathsRenderer())

    def preview(delta: str) -> str:
        answer.append(delta, 0.0)
        frame = pages.frame(answer)
        pages.accept(frame)
        return frame.body.text

    assert preview("It is $\\frac{1}") == "It is"
    assert preview("{2}$ of ") == "It is ½ of"
    assert preview("$5 a") == "It is ½ of"
    assert preview(" day, then\n\\[ x^2") == "It is ½ of $5 a day, then"
    assert preview("\n\\] and \\(y") == "It is ½ of $5 a day, then\nx² and"
    assert preview("_1\\)") == "It is ½ of $5 a day, then\nx² and y₁"


@pytest.mark.parametrize(
    ("opening", "most"),
    [("$$", MAX_DISPLAYED), ("\\[", MAX_DISPLAYED), ("\\(", MAX_INLINE), ("$", MAX_INLINE)],
)
def test_a_formula_that_never_closes_is_shown_before_long(opening: str, most: int) -> None:
    for length in range(0, most + 50, 25):
        text = "So " + opening + ("x^2+" * most)[:length]
        held = len(text) - scan(text, NO_MARKS).hold.at
        assert held <= most + 3
    assert held == 0


def test_a_page_does_not_end_within_a_formula() -> None:
    formulas = [f"$a_{{{n}}} + b_{{{n}}} = c_{{{n}}}$" for n in range(10, 200)]
    answer, pages = Answer(), Pages(MathsRenderer(700))
    answer.append(" and then ".join(formulas), 0.0)
    seen = 0
    while (frame := pages.frame(answer)).closed:
        pages.accept(frame)
        assert "$" not in frame.body.text
        seen += 1
    assert seen >= 3


pieces = st.sampled_from(
    [
        *(
            "$",
            "$$",
            "\\(",
            "\\)",
            "\\[",
            "\\]",
            "||",
            "`",
            "``",
            "\\",
            "|",
            "![",
            "](",
            ")",
            "<br>",
            "x^2",
            "a",
        ),
        *(" ", "\n", "\n\n", "5", "\\frac{1}{2}", "\\x", "{", "}", "> ", "- ", "**", "~~~\n", "```\n", "水"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, max_size=40).map("".join))
def test_no_letter_is_lost(text: str) -> None:
    """Every letter of the source that is no mark is there still, in order."""
    shown = compose(text, NO_MARKS, NO_MARKS, lambda latex: None)
    kept = [char for char in text.replace("<br>", "") if char in "a水5"]
    assert [char for char in shown.replace("<br>", "") if char in "a水5"] == kept
