"""What the heart asks of a platform's renderer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Rendered:
    """One page in the platform's own form.

    `fill` is the share of the page's limits that it uses (of the tightest one,
    where there are several): a page with `fill` above 1.0 must not be sent. `plain` is what is sent where
    the entities are refused: the text, or another one where it would then mean something else.
    """

    text: str
    entities: tuple[object, ...] = ()
    fill: float = 0.0
    plain: str | None = None  # None: the text itself


Above = Callable[[Rendered, str], Rendered]
"""Puts a line of plain text, set apart from it, above a page that is not blank; `fill` counts it too.
Pure and total, as rendering is."""


class Renderer(Protocol):
    """Markdown of one page to the platform's payload. Pure, total and deterministic.

    `render` is given balanced Markdown (marks and fences closed), trims outer white
    space, and must not raise for any string. Blank Markdown gives an empty `text`.
    """

    page_units: int
    """The text limit of a page, in the platform's own unit: where a search for a cut starts."""

    formatted: bool
    """False where Markdown is shown as it is (a terminal): nothing is repaired or held back."""

    def render(self, markdown: str) -> Rendered: ...

    def maths(self, latex: str) -> str | None:
        """One formula in LaTeX, without its delimiters, as plain text of one line or several.

        None where it cannot be read, or where the platform draws it: then it is shown as it is.
        """


@runtime_checkable
class GrowingRenderer(Protocol):
    """A renderer that can go on from what it has rendered of a page."""

    def page(self) -> Callable[[str], Rendered]:
        """For one page while it grows: the same as `render`, but what can no longer change is kept. Its
        Markdown need not begin like the one before, but costs less if it does."""
        ...


def page_renderer(renderer: Renderer) -> Callable[[str], Rendered]:
    """What renders one page, to be called with each of its states."""
    return renderer.page() if isinstance(renderer, GrowingRenderer) else renderer.render
