"""What is a table, what it becomes, and that nothing of it moves while it grows."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from core.streaming.answer import Answer, Ending
from core.streaming.marks import NO_MARKS
from core.streaming.pages import Frame, Pages, compose
from core.streaming.tables import Table, table_at
from tests.fakes.surface import FakeRenderer
from tests.promise import broken_promise


def page(markdown: str) -> str:
    return compose(markdown, NO_MARKS, NO_MARKS, FakeRenderer().maths)


def aligned(*lines: str) -> str:
    return "\n".join(("```", *lines, "```"))


def test_a_table_is_aligned_by_its_rule() -> None:
    source = "| Name | Qty | Note |\n|:-----|----:|:----:|\n| Ann | 3 | ok |\n| Bobby | 12 | fine |"
    assert page(source) == aligned(
        "Name   Qty  Note",
        "-----  ---  ----",
        "Ann      3   ok",
        "Bobby   12  fine",
    )  # fmt: skip


@pytest.mark.parametrize(
    "source",
    [
        "Name | Age\n--- | ---\nAnn | 3",  # without outer pipes
        "  | Name | Age |\n  |---|---|\n  | Ann | 3 |",  # indented, as within a list
        "| Name | Age\n|-|-\n| Ann | 3",
        "|Name|Age|\n|:-|:-|\n|Ann|3|",
    ],
)
def test_the_forms_of_a_pipe_table(source: str) -> None:
    assert page(source) == aligned("Name  Age", "----  ---", "Ann   3")


@pytest.mark.parametrize(
    "source",
    [
        "| Name | Age |",  # no rule
        "| Name | Age |\n|---|",  # of another length
        "a | b\nc | d",
        "Title\n---",
        "||a|| and ||b||\nmore",
        "> | a | b |\n> |---|---|\n> | 1 | 2 |",
        "```\n| a | b |\n|---|---|\n```",
        "~~~\n| a | b |\n|---|---|\n~~~",
        "- a | b\n--- | ---",
        "a \\| b\n--- | ---",
        "a `|` b\n--- | ---",
    ],
)
def test_what_is_no_table(source: str) -> None:
    assert page(source) == source


def test_bars_in_prose_are_no_table_and_a_line_without_a_pipe_ends_one() -> None:
    source = "if a | b then\n\n| a | b |\n|---|---|\n| 1 | 2 |\nThe end | no row.\n||hidden||"
    shown = page(source)
    assert shown.startswith("if a | b then\n\n```\na  b\n")
    assert shown.endswith("1  2\n```\n\nThe end | no row.\n||hidden||")


def test_marks_go_where_nothing_draws_them() -> None:
    cells = ["**`x`** *y*", "a \\| b", "`c|d`", "~~e~~ f_g_h", "\\*i\\*", "j<br>k", "2*3*4", "<https://a.b>"]
    rows = "\n".join(f"| {cell} | 1 |" for cell in cells)
    lines = page(f"| h | n |\n|---|---|\n{rows}").split("\n")[3:-1]
    assert [line.rsplit(maxsplit=1)[0] for line in lines] == [
        "x y", "a | b", "c|d", "e f_g_h", "*i*", "j · k", "234", "https://a.b",
    ]  # fmt: skip


def test_a_fence_within_a_cell_does_not_end_the_block() -> None:
    shown = page("| a | b |\n|---|---|\n| \\`\\`\\`py | 2 |")
    assert shown.count("```") == 2


@pytest.mark.parametrize("text", ["水门", "👩‍👩‍👧‍👦", "e\u0301a\u0308", "👍🏽", "ｗｉｄ", "عربى", "🇧🇷"])
def test_columns_are_as_wide_as_they_are_drawn(text: str) -> None:
    shown = page(f"| a | b |\n|---|---|\n| {text} | x |\n| longer | y |").split("\n")
    assert {cell_len(line[: line.index(mark)]) for line, mark in zip(shown[3:5], "xy", strict=True)} == {8}


def test_a_wide_table_becomes_a_list() -> None:
    source = (
        "| Sort | When it is a *good* choice | [Watch](https://a.b) out |\n|---|---|---|\n"
        "| **Quick** | Large arrays of `int`<br>in memory | Bad pivots: see [docs](https://c.d) |\n"
        "| # Radix | | - none |\n"
        "| `heap` | | `a || b` |\n"
        "| | nothing | \\| bar |\n"
    )
    assert page(source) == (
        "*Sort · When it is a good choice · Watch (https://a.b) out*\n\n"
        "**Quick**\n"
        "- When it is a good choice: Large arrays of `int` · in memory\n"
        "- Watch (https://a.b) out: Bad pivots: see [docs](https://c.d)\n\n"
        "**\\# Radix**\n"
        "- Watch (https://a.b) out: - none\n\n"
        "**`heap`**\n"
        "- Watch (https://a.b) out: `a || b`\n\n"
        "**—**\n"
        "- When it is a good choice: nothing\n"
        "- Watch (https://a.b) out: \\| bar"
    )


def test_a_list_keeps_apart_from_its_neighbours() -> None:
    source = f"Before:\n| a | b |\n|---|---|\n| {'x ' * 30}| 2 |\nAfter."
    assert page(source) == f"Before:\n\n*a · b*\n\n**{('x ' * 30).strip()}**\n- b: 2\n\nAfter."


def test_cells_without_a_column_are_shown() -> None:
    assert page("| a | b |\n|---|---|\n| 1 | 2 | 3 |").endswith("**1**\n- b: 2\n- 3")
    later = page("| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n| 5 | 6 |\n| 7 | 8 | 9 |")
    assert later.endswith("7  8  9\n```")


def test_forty_columns_are_aligned_and_forty_one_are_not() -> None:
    for width, is_list in ((37, False), (38, True)):
        shown = page(f"| a | b |\n|---|---|\n| {'x' * width} | yz |")
        assert shown.startswith("*a · b*") is is_list


CELLS = [
    *(
        "",
        "x",
        "12",
        "**bold**",
        "`a|b`",
        "`c`",
        "水门",
        "👩‍👩‍👧‍👦",
        "a \\| b",
        "*it* and more",
        "$x^2$",
        "||s||",
    ),
    *("[l](https://a.b)", "a<br>b", "-", "# h", "1. x", ":--", "> q", "\\", "`", "**", "word " * 9),
]
cell = st.sampled_from(CELLS) | st.text("ab *_`\\~[]", max_size=12)


@st.composite
def tables(draw: st.DrawFn, most_rows: int = 12) -> str:
    columns = draw(st.integers(1, 5))
    outer = draw(st.booleans()) or columns == 1
    row = st.lists(cell, min_size=columns, max_size=columns).map(
        lambda cells: f"| {' | '.join(cells)} |" if outer else " | ".join(c.strip() or "x" for c in cells)
    )
    rule = st.lists(st.sampled_from(["---", ":--", "--:", ":-:"]), min_size=columns, max_size=columns)
    rows = draw(st.lists(row, min_size=1, max_size=most_rows))
    table = "\n".join([rows[0], f"|{'|'.join(draw(rule))}|", *rows[1:]])
    found = table_at(table, 0, len(rows[0]), whole=True)
    assume(isinstance(found, Table) and all(map(found.is_row, rows[1:])))
    return table


def previews(text: str, step: int, page_units: int = 2_000) -> list[Frame]:
    """The frames of `text`, which comes in deltas of `step` characters and is looked at after each."""
    answer, pages = Answer(max_chars=10**9), Pages(FakeRenderer(page_units))
    frames: list[Frame] = []

    def look() -> bool:
        frames.append(pages.frame(answer))
        pages.accept(frames[-1])
        return frames[-1].closed and not frames[-1].last

    for at in range(0, len(text), step):
        answer.append(text[at : at + step], 0.0)
        while look():
            pass
    answer.end(Ending.COMPLETE, 1.0)
    while look():
        pass
    return frames


def without_end(text: str) -> str:
    """The block that is open may grow, so that its fence moves on, as may a very long cell in bold."""
    return text.removesuffix("\n```").removesuffix("**")


@settings(max_examples=120, deadline=None)
@given(table=tables(), step=st.integers(1, 9), after=st.sampled_from(["", "\n", "\n\nDone.", "\nDone."]))
@example(table="a | b\n|---|---|\nx | y", step=1, after="\nDone.")
@example(table=f"| a | b |\n|---|---|\n| 1 | 2 |\n| {'x ' * 600} | 2 |", step=7, after="")
@example(table=f"| a | b |\n|---|---|\n| {'x ' * 600} | 2 |", step=7, after="")
@example(table="| a | b |\n|---|---|\n" + "| | |\n" * 500, step=50, after="")
def test_what_is_shown_of_a_table_never_changes(table: str, step: int, after: str) -> None:
    """Its form and widths least of all: what stands on a page only grows at its end."""
    shown: dict[int, str] = {}
    head_end = table.index("\n")
    for frame in previews(table + after, step):
        if frame.end <= head_end:  # before its first pipe, a head without an outer one is text
            continue
        earlier = shown.get(frame.page, "")
        assert frame.body.text.startswith(without_end(earlier)), (earlier, frame.body.text)
        shown[frame.page] = frame.body.text


@settings(max_examples=60, deadline=None)
@given(table=tables(most_rows=40), page_units=st.sampled_from([400, 700]), step=st.integers(5, 60))
def test_a_table_over_several_pages_keeps_the_promise(table: str, page_units: int, step: int) -> None:
    frames = [frame for frame in previews(table, step, page_units) if frame.closed]
    assert all(frame.body.fill <= 1.0 for frame in frames)
    pages = [frame.body.text for frame in frames if frame.body.text]
    assert broken_promise(table, pages, FakeRenderer(page_units)) is None


def test_a_table_goes_on_with_its_head_and_its_widths() -> None:
    rows = [f"| item {n} | {n} |" for n in range(8, 120)]
    text = "\n".join(["| Name | Qty |", "|---|--:|", *rows, "", "The end."])
    closed = [frame.body.text.split("\n") for frame in previews(text, 23, 700) if frame.closed]
    assert len(closed) >= 3
    for lines in closed:
        assert lines[:3] == ["```", "Name    Qty", "------- ---"] or lines[:3] == [
            "```",
            "Name     Qty",
            "-------  ---",
        ]
    numbers = [int(line.split()[-1]) for lines in closed for line in lines if line.startswith("item")]
    assert numbers == list(range(8, 120))
    assert closed[-1][-1] == "The end."


def test_a_list_goes_on_without_its_caption() -> None:
    rows = [f"| Entry {n} | {'some words that go on ' * 3}| {n} |" for n in range(40)]
    text = "\n".join(["| Name | What it says | Qty |", "|---|---|--:|", *rows])
    closed = [frame.body.text for frame in previews(text, 23, 700) if frame.closed]
    assert len(closed) >= 3
    assert closed[0].startswith("*Name · What it says · Qty*\n\n**Entry 0**\n- What it says: some")
    for later in closed[1:]:
        assert later.startswith("**Entry ")
        assert "*Name" not in later


@pytest.mark.parametrize("step", [1, 40, 10_000])
def test_a_lists_caption_stands_nowhere_alone(step: int) -> None:
    """A head that is too long to wait for a sample waits for a row all the same: else a page could end behind
    it, and its list begin on the next without it."""
    caption = " · ".join(f"A rather long name of column {one}" for one in "abc")
    head = f"| {caption.replace(' · ', ' | ')} |\n|---|---|---|\n"
    rows = "".join(f"| Thing {n} | good for much | liked |\n" for n in range(4))
    for before in range(200, 620, 20 if step == 1 else 7):
        text = f"{'word ' * (before // 5)}{'x' * (before % 5)}.\n\n{head}{rows}\nThe end."
        frames = previews(text, step, 700)
        assert any(caption in frame.body.text for frame in frames)
        assert not any(frame.body.text.endswith(f"*{caption}*") for frame in frames)
    assert previews(head, step)[-1].body.text == f"*{caption}*"  # where no row comes it is all there is


def test_a_row_longer_than_a_page_goes_on_in_its_cell() -> None:
    text = f"| Name | Text |\n|---|---|\n| A | {'word ' * 300}|\n| B | short |"
    closed = [frame.body.text for frame in previews(text, 40, 700) if frame.closed]
    assert len(closed) >= 3
    assert "- Text: word" in closed[1]
    assert closed[-1].endswith("**B**\n- Text: short")
    assert sum(shown.count("w") for shown in closed) == 300
