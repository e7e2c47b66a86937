"""The laws of pages, for any text in any deltas looked at at any time."""

from __future__ import annotations

import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.streaming.answer import Answer, Ending
from core.streaming.markdown import scan
from core.streaming.marks import NO_MARKS
from core.streaming.pages import Frame, Pages
from core.streaming.text import graphemes
from tests.fakes.surface import FakeRenderer
from tests.promise import broken_promise
from tests.streaming.texts import anything, markdown, split


def closed_pages(
    deltas: list[str], looks: list[bool], page_units: int
) -> tuple[str, list[Frame], list[Frame]]:
    """Stream `deltas`, looking after those where `looks` says so; the text, all frames, the closed ones."""
    answer, pages = Answer(max_chars=10**9), Pages(FakeRenderer(page_units))
    shown: list[Frame] = []
    closed: list[Frame] = []

    def look() -> bool:
        frame = pages.frame(answer)
        pages.accept(frame)
        shown.append(frame)
        if frame.closed:
            closed.append(frame)
        return frame.closed and not frame.last

    for number, delta in enumerate(deltas):
        answer.append(delta, float(number))
        if looks[number % len(looks)]:
            look()
    answer.end(Ending.COMPLETE, float(len(deltas)))
    while look():
        pass
    return answer.text, shown, closed


streams = given(
    deltas=split(),
    looks=st.lists(st.booleans(), min_size=1, max_size=8),
    page_units=st.sampled_from([300, 700, 2_000]),
)


@settings(max_examples=150, deadline=None)
@streams
@example(deltas=["# ", "Title\n\n", "**bold text " * 60, "**\n"], looks=[True], page_units=300)
@example(deltas=["```python\n" + "x = 1\n" * 200 + "```\nafter"], looks=[True], page_units=300)
def test_page_spans_tile_the_source_and_fit(deltas: list[str], looks: list[bool], page_units: int) -> None:
    text, shown, closed = closed_pages(deltas, looks, page_units)
    assert [frame.start for frame in closed] == [0, *(frame.end for frame in closed[:-1])]
    assert closed[-1].end == len(text)
    assert all(frame.body.fill <= 1.0 for frame in shown)


@settings(max_examples=150, deadline=None)
@streams
@example(deltas=["word " * 80 + "so on. ", "More words " * 60], looks=[True], page_units=700)
def test_what_was_shown_is_never_taken_back(deltas: list[str], looks: list[bool], page_units: int) -> None:
    """White space aside, which is not seen at a page's end."""
    text, shown, _ = closed_pages(deltas, looks, page_units)
    ends = [len(text[: frame.end].rstrip()) for frame in shown]
    assert ends == sorted(ends)


@settings(max_examples=100, deadline=None)
@given(deltas=split(markdown, most=20), looks=st.lists(st.booleans(), min_size=1, max_size=4))
def test_the_pages_are_the_models_text(deltas: list[str], looks: list[bool]) -> None:
    text, _, closed = closed_pages(deltas, looks, 700)
    pages = [frame.body.text for frame in closed if frame.body.text]
    assert broken_promise(text, pages, FakeRenderer(700)) is None


@settings(max_examples=150, deadline=None)
@given(deltas=split(markdown), looks=st.lists(st.booleans(), min_size=1, max_size=8))
def test_nothing_whole_is_cut(deltas: list[str], looks: list[bool]) -> None:
    """None of these alone exceeds a page here, so none may be cut."""
    text, _, closed = closed_pages(deltas, looks, 700)
    pieces = r"\[a link\]\(https\S+?\)|<https\S+?>|\$\\frac.*?\$|(?m:^\|(?!\|).*$)"
    whole = [match.span() for match in regex.finditer(pieces, text)]
    ends = set(graphemes(text))
    for frame in closed[:-1]:
        assert frame.end in ends
        assert not [span for span in whole if span[0] < frame.end < span[1]], text[
            frame.end - 40 : frame.end + 40
        ]


@settings(max_examples=100, deadline=None)
@given(language=st.sampled_from(["", "python", "c++"]), lines=st.integers(60, 300))
def test_a_fence_reopens_with_its_language(language: str, lines: int) -> None:
    code = [f"    line {n} of the code" for n in range(lines)]
    text = f"Look:\n\n```{language}\n" + "\n".join(code) + "\n```\n\nThat was it."
    _, _, closed = closed_pages([text], [True], 700)
    within = [frame for frame in closed if frame.start > text.index("```") and frame.end < text.rindex("```")]
    assert within
    for frame in within:
        assert frame.body.text.startswith(f"```{language}\n    line ")
        assert frame.body.text.endswith("\n```")
    shown = [line for frame in closed for line in frame.body.text.split("\n") if line.startswith("    line")]
    assert shown == code


@settings(max_examples=200, deadline=None)
@given(text=anything, at=st.floats(0, 1))
def test_marks_at_a_cut_do_not_depend_on_what_follows(text: str, at: float) -> None:
    cuts = scan(text, NO_MARKS).cuts
    if cuts:
        cut = cuts[int(at * (len(cuts) - 1))]
        later = [one for one in scan(text + "x **y** `z`\n\nw", NO_MARKS).cuts if one.at == cut.at]
        assert [one.marks for one in later] == [cut.marks]


@settings(max_examples=150, deadline=None)
@given(text=anything, page_units=st.sampled_from([300, 2_000]))
def test_every_prefix_has_a_preview(text: str, page_units: int) -> None:
    for end in range(0, len(text), max(1, len(text) // 40)):
        answer, pages = Answer(), Pages(FakeRenderer(page_units))
        answer.append(text[:end], 0.0)
        assert pages.frame(answer).body.fill <= 1.0


def test_a_preview_closes_what_is_open_and_holds_back_what_is_half() -> None:
    answer, pages = Answer(), Pages(FakeRenderer())

    def preview(delta: str) -> str:
        answer.append(delta, 0.0)
        frame = pages.frame(answer)
        pages.accept(frame)
        return frame.body.text

    assert preview("See **bo") == "See **bo**"
    assert preview("ld** and [") == "See **bold** and"
    assert preview("a li") == "See **bold** and a li"
    assert (
        preview("nk](https://example.org) and `co")
        == "See **bold** and [a link](https://example.org) and `co`"
    )
    assert preview("de`\n\n| a | b |\n").endswith("`code`")
    assert preview("|---|--:|\n| 1 | 2 |\n| 3 | 4 |\n| 5 | 6").endswith("`code`")
    assert preview(" |\n| 7 | 60").endswith("`code`\n\n```\na  b\n-  -\n1  2\n3  4\n5  6\n```")
    assert preview("0 |\n\n```python\nx =").endswith("7 600\n```\n\n```python\nx =\n```")
    assert preview(" 1\n``").endswith("```python\nx = 1\n```")


def test_an_ending_mark_stands_under_the_text() -> None:
    answer, pages = Answer(), Pages(FakeRenderer())
    answer.append("Half an **answ", 0.0)
    answer.end(Ending.STOPPED, 1.0, mark="⏹ stopped")
    frame = pages.frame(answer)
    assert frame.last
    assert frame.body.text == "Half an **answ**\n\n*⏹ stopped*"
