"""The checker of the promise must be able to say no."""

from __future__ import annotations

import pytest

from core.streaming.operations import FileContent
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


CODE = "\n".join(f"x = {n}" for n in range(9))
LONG = f"```py\n{CODE}\n```\nand\n\n| a |\n|---|\n| 1 |\n| 2 |\n\nthe end."
FIRST, REST = CODE[:18], CODE[18:] + "\n"
FILED: list[str | FileContent] = [
    f"```py\n{FIRST.strip()}\n```",
    FileContent("code.py", REST.encode()),
    "and\n\n| a |\n|---|\n| 1 |",
    FileContent("table.md", b"| a |\n|---|\n| 2 |"),
    "the end.",
]


def test_pages_and_files_that_tile_the_text_keep_the_promise() -> None:
    assert broken_promise(LONG, FILED, FakeRenderer()) is None
    assert broken_promise(LONG.partition("\n```\n")[0] + "\n", FILED[:2], FakeRenderer()) is None


@pytest.mark.parametrize(
    "file",
    [
        "",
        REST[1:],
        REST[:-1],
        REST + "```",
        REST.replace("5", "6"),
        REST * 2,
        f"```py\n{REST}```",
        FIRST + REST,
    ],
)
def test_a_file_that_is_not_the_rest_of_the_code_breaks_it(file: str) -> None:
    pages = [FILED[0], FileContent("code.py", file.encode()), *FILED[2:]]
    assert broken_promise(LONG, pages, FakeRenderer()) is not None


@pytest.mark.parametrize(
    "file",
    ["| a |\n|---|\n| 1 |\n| 2 |", "| b |\n|---|\n| 2 |", "| a |\n|---|\n| 2", "| a |\n|---|", "| 2 |"],
)
def test_a_file_that_is_not_the_rest_of_the_table_breaks_it(file: str) -> None:
    pages = [*FILED[:3], FileContent("table.md", file.encode()), FILED[4]]
    assert broken_promise(LONG, pages, FakeRenderer()) is not None


def test_an_ending_mark_must_be_there_exactly_once() -> None:
    marked = "Half an answer\n\n*⏹ stopped*"
    assert broken_promise("Half an answer", [marked], FakeRenderer(), mark="⏹ stopped") is None
    assert broken_promise("Half an answer", [marked], FakeRenderer()) is not None
    assert broken_promise("Half an answer", ["Half an answer"], FakeRenderer(), mark="⏹ stopped") is not None
