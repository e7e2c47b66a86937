"""Formulas as a chat shows them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.latex import MAX_DEPTH, read_latex


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"x^2 + y^2 = r^2", "x² + y² = r²"),
        (r"\frac{-b \pm \sqrt{b^2 - 4ac}}{2a}", "(-b ± √(b² - 4ac))/(2a)"),
        (r"\sum_{i=1}^{n} i = \frac{n(n+1)}{2}", "∑ᵢ₌₁ⁿ i = n(n+1)/2"),
        (r"\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2}", "∫₀^∞ e^(-x²) dx = √π/2"),
        (r"\lim_{x \to 0} \frac{\sin x}{x} = 1", "lim_(x → 0) (sin x)/x = 1"),
        (r"x_{n+1} = x_n - \frac{f(x_n)}{f'(x_n)}", "xₙ₊₁ = xₙ - f(xₙ)/f'(xₙ)"),
        (r"\frac{\partial f}{\partial x} = \dfrac{1}{3}", "∂f/∂x = ⅓"),
        (r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}", "(a, b; c, d)"),
        (
            r"|x| = \begin{cases} x & x > 0 \\ -x & \text{otherwise} \end{cases}",
            "|x| = {x, x > 0; -x, otherwise}",
        ),
        (r"\begin{align*} a &= b + c \\ &= d \end{align*}", "a = b + c\n= d"),
        (r"\left\{ x \in \mathbb{R} \,\middle|\, x > 0 \right\}", "{x ∈ ℝ | x > 0}"),
        (r"\vec{F} = m\vec{a}", "F⃗ = ma⃗"),
        (r"E = mc^2 \tag{1}", "E = mc² (1)"),
        (r"\sqrt[3]{27} \neq \sqrt{x}", "∛27 ≠ √x"),
        (r"90^\circ \text{ to } 10\%", "90° to 10%"),
    ],
)
def test_formulas_that_models_write(latex: str, text: str) -> None:
    assert read_latex(latex) == text


@pytest.mark.parametrize("latex", ["", "  ", r"\unknown{x}", r"\frac{1}{2} + \foo", "{" * (MAX_DEPTH + 1)])
def test_what_cannot_be_read_wholly_is_not_read(latex: str) -> None:
    assert read_latex(latex) is None


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    "\\frac",
                    "\\sqrt",
                    "[",
                    "]",
                    "{",
                    "}",
                    "^",
                    "_",
                    "\\begin{cases}",
                    "\\end{cases}",
                    "\\left",
                    "&",
                ),
                *(
                    "\\\\",
                    "\\",
                    "x",
                    "1",
                    " ",
                    "\n",
                    "\\not",
                    "\\hat",
                    "\\begin",
                    "\\text",
                    "水",
                    "\\begin{matrix}",
                ),
            ]
        ),
        max_size=30,
    ).map("".join)
)
def test_any_latex_is_read_or_refused(latex: str) -> None:
    text = read_latex(latex)
    assert text is None or (text.strip() and "\\begin" not in text)
