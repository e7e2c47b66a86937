"""What is kept of a page's closed blocks: the page is rendered as if nothing were."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.discord.markdown import DiscordRenderer
from bots.latex import read_latex
from bots.telegram.markdown import TelegramRenderer
from core.streaming.answer import Answer
from core.streaming.markdown import scan
from core.streaming.marks import NO_MARKS
from core.streaming.pages import Pages, compose
from core.streaming.readable import Readable
from core.streaming.rendering import Renderer, page_renderer
from core.streaming.tables import Table
from tests.streaming.constructs import CONSTRUCTS
from tests.streaming.texts import anything, split, well_formed

RENDERERS: dict[str, Renderer] = {"discord": DiscordRenderer(), "telegram": TelegramRenderer()}
TABLES = (None, Table("| a | b |", "|---|---|", ("| 1 | 2 |",) * 3), Table("a | b", "-|-", None, column=1))

_one = st.sampled_from([one for group in CONSTRUCTS.values() for one in group])
constructs = st.lists(
    st.tuples(_one, st.sampled_from(["\n", "\n\n", "\n\n", "\n\n\n", " \n\t\n"])), max_size=8
)
texts = st.one_of(
    split(anything),
    split(well_formed),
    split(constructs.map(lambda parts: "".join(one + end for one, end in parts))),
)


@settings(max_examples=150, deadline=None)
@given(texts, st.sampled_from(TABLES))
def test_a_page_that_grows_reads_as_one_that_is_new(deltas: list[str], table: Table | None) -> None:
    page, text = Readable(table, read_latex), ""
    for delta in deltas:
        text += delta
        assert page.read(text) == Readable(table, read_latex).read(text)


@pytest.mark.parametrize("platform", RENDERERS)
@settings(max_examples=150, deadline=None)
@given(texts, st.integers(0, 60))
def test_a_page_that_grows_is_rendered_as_one_that_is_new(
    platform: str, deltas: list[str], back: int
) -> None:
    """Also while a place to cut at is looked for, where it is longer and shorter in turn."""
    render, text = page_renderer(RENDERERS[platform]), ""
    for delta in deltas:
        text += delta
        assert render(text) == RENDERERS[platform].render(text)
        shorter = text[: max(0, len(text) - back)]
        assert render(shorter) == RENDERERS[platform].render(shorter)


@pytest.mark.parametrize("platform", RENDERERS)
@settings(max_examples=60, deadline=None)
@given(texts)
def test_every_frame_is_its_span_rendered(platform: str, deltas: list[str]) -> None:
    renderer = RENDERERS[platform]
    answer, pages = Answer(max_chars=10**9), Pages(renderer)
    opened = NO_MARKS
    for number, delta in enumerate(deltas):
        answer.append(delta, float(number))
        while True:
            frame = pages.frame(answer)
            rest = answer.slice(frame.start, answer.length)
            link = scan(rest, opened).half_link if frame.ahead else None
            span = rest[: link.start] + link.label if link else rest[: frame.end - frame.start]
            assert frame.body == renderer.render(compose(span, opened, frame.marks, renderer.maths))
            pages.accept(frame)
            if not frame.closed:
                break
            opened = frame.marks


TABLE_WORDS = (
    "|",
    "| a ",
    "| bb |",
    "-",
    "| --- ",
    "|-|-|",
    "\n",
    "\n",
    "word ",
    "x" * 30,
    "||",
    "\\|",
    "`",
    "# ",
    "[l",
)
tables = st.lists(st.sampled_from(TABLE_WORDS), max_size=60).map(
    lambda words: ["| a | b |\n|---|---|\n", *words]
)


@settings(max_examples=200, deadline=None)
@given(st.one_of(texts, tables, tables.map(lambda deltas: deltas[1:])))
def test_while_a_page_holds_no_look_at_it_shows_more(deltas: list[str]) -> None:
    answer, pages, looked_at = Answer(max_chars=10**9), Pages(DiscordRenderer()), Pages(DiscordRenderer())
    shown, seen = pages.frame(answer), 0
    for number, delta in enumerate(deltas):
        answer.append(delta, float(number))
        holds = pages.holds(answer, seen)
        while True:
            look = looked_at.frame(answer)
            if not holds:
                shown, seen = pages.frame(answer), answer.length
                pages.accept(shown)
            looked_at.accept(look)
            assert (look.end, look.body) == (shown.end, shown.body)
            if not look.closed:
                break


def test_a_held_table_is_looked_at_when_a_line_of_it_ends() -> None:
    answer, pages = Answer(), Pages(DiscordRenderer())
    looks = []
    for character in "Like this:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n":
        answer.append(character, 0.0)
        if not pages.holds(answer, answer.length - 1):
            looks.append(character)
            pages.accept(pages.frame(answer))
    assert "".join(looks) == "Like this:\n\n| \n\n|\n|\n"
