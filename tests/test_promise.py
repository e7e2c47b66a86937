"""The checker of the promise must be able to say no."""

from __future__ import annotations

import pytest

from tests.fakes.surface import FakeRenderer
from tests.promise import broken_promise

SOURCE = "First the **bold part** and\n\n```py\nx = 1\ny = 2\n```\n\nthen the end of it."
PAGES = ["First the **bold part** and", "```py\nx = 1\n```", "```py\ny = 2\n```\n\nthen the end of it."]


def test_pages_that_tile_the_text_keep_the_promise() -> None:
    assert broken_promise(SOURCE, PAGES, FakeRenderer()) is None
    assert broken_promise(SOURCE, [SOURCE], FakeRenderer()) is None


@pytest.mark.parametrize(
    "pages",
    [
        PAGES[:2],  # the end is missing
        PAGES[1:],  # the beginning is missing
        [PAGES[0], PAGES[0], *PAGES[1:]],  # doubled
        [PAGES[1], PAGES[0], PAGES[2]],  # out of order
        [PAGES[0].replace("bold ", ""), *PAGES[1:]],  # a word is lost
        [PAGES[0], PAGES[1].replace("```py", "```"), PAGES[2]],  # the language is lost
        [*PAGES, "more"],
        [],
    ],
)
def test_anything_else_breaks_it(pages: list[str]) -> None:
    assert broken_promise(SOURCE, pages, FakeRenderer()) is not None


def test_an_ending_mark_must_be_there_exactly_once() -> None:
    marked = "Half an answer\n\n*⏹ stopped*"
    assert broken_promise("Half an answer", [marked], FakeRenderer(), mark="⏹ stopped") is None
    assert broken_promise("Half an answer", [marked], FakeRenderer()) is not None
    assert broken_promise("Half an answer", ["Half an answer"], FakeRenderer(), mark="⏹ stopped") is not None
