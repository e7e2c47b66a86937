"""Every prefix of every construct, and storms of marks, as both platforms show them while they stream."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.discord.markdown import DiscordRenderer
from bots.telegram.entities import Entity, utf16_length
from bots.telegram.markdown import TelegramRenderer
from core.streaming.answer import Answer, Ending
from core.streaming.pages import Frame, Pages
from core.streaming.rendering import Rendered, Renderer
from tests.promise import broken_promise
from tests.streaming.constructs import CONSTRUCTS

RENDERERS: dict[str, Renderer] = {"discord": DiscordRenderer(), "telegram": TelegramRenderer()}
both = pytest.mark.parametrize("platform", RENDERERS)


def assert_valid(body: Rendered, platform: str) -> None:
    """What the platform takes: within its limits, entities on characters' boundaries and not empty."""
    assert body.fill <= 1.0
    body.text.encode()
    if platform == "discord":
        assert len(body.text) <= 2_000
        assert not body.entities
        return
    assert utf16_length(body.text) <= 4_096
    assert len(body.entities) <= 100
    raw = body.text.encode("utf-16-le")
    for entity in body.entities:
        assert isinstance(entity, Entity)
        assert 0 <= entity.offset < entity.offset + entity.length <= len(raw) // 2
        raw[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le")


def streamed(text: str, platform: str, step: int = 1) -> list[Frame]:
    """All frames of `text`, which comes in deltas of `step` characters, each looked at; all laws checked."""
    answer, pages = Answer(max_chars=10**9), Pages(RENDERERS[platform])
    frames: list[Frame] = []

    def look() -> bool:
        frames.append(pages.frame(answer))
        pages.accept(frames[-1])
        assert_valid(frames[-1].body, platform)
        return frames[-1].closed and not frames[-1].last

    for at in range(0, len(text), step):
        answer.append(text[at : at + step], 0.0)
        while look():
            pass
    answer.end(Ending.COMPLETE, 1.0)
    while look():
        pass
    closed = [frame for frame in frames if frame.closed]
    assert [frame.start for frame in closed] == [0, *(frame.end for frame in closed[:-1])]
    assert closed[-1].end == len(text)
    assert all(len(text[: earlier.end].rstrip()) <= later.end for earlier, later in pairwise(frames))
    assert all(earlier.page <= later.page for earlier, later in pairwise(frames))
    return frames


@both
@pytest.mark.parametrize("section", CONSTRUCTS)
def test_every_prefix_of_a_construct(section: str, platform: str) -> None:
    for source in CONSTRUCTS[section]:
        frames = streamed(source, platform)
        pages = [frame.body.text for frame in frames if frame.closed and frame.body.text]
        if pages and "\ud83d" not in source:  # Telegram has no lone surrogates
            assert broken_promise(source, pages, RENDERERS[platform]) is None


@both
def test_constructs_side_by_side(platform: str) -> None:
    """One long answer of all of them: pages end within and between them."""
    source = "\n\n".join(text for texts in CONSTRUCTS.values() for text in texts) * 2
    pages = {frame.page for frame in streamed(source, platform, 61)}
    assert len(pages) >= 2


@both
@settings(max_examples=25, deadline=None)
@given(
    texts=st.lists(
        st.sampled_from([t for texts in CONSTRUCTS.values() for t in texts]), min_size=2, max_size=12
    ),
    between=st.sampled_from(["\n\n", "\n", " ", ""]),
    times=st.integers(1, 12),
    step=st.integers(1, 200),
)
def test_constructs_in_any_order(
    platform: str, texts: list[str], between: str, times: int, step: int
) -> None:
    streamed(between.join(texts * times)[:6_000], platform, max(step, 1 + len(texts) * times))


STORMS = {
    "emoji": "👩‍👩‍👧‍👦" * 1_000,
    "right to left": "\u202eשלום " * 1_500,
    "combining": "e" + "\u0301" * 1_000 + " **" + "o\u0308" * 3_000,
    "stars": "*" * 9_000,
    "marks": "_*[]" * 3_000,
    "brackets": "[" * 9_000,
    "links": "[a](" * 3_000,
    "fences": "".join("`" * n + "\n" for n in range(3, 90)),
    "nested fences": "````md\n```py\n~~~\n" * 400,
    "nested lists": "1. " * 4_000,
    "nested quotes": "> " * 4_000,
    "ticks": " ".join("`" * n for n in range(1, 130)),
    "dollars": "$" * 9_000,
    "half formulas": "$x \\(y \\[z $$w " * 700,
    "tildes": "~a~~b " * 1_500,
    "bars": "||a" * 3_000,
    "tables": "|a|b|\n|-|-|\n" * 800,
    "wide tables": ("| abc | " + "d " * 200 + "|\n|---|---|\n") * 20,
    "mentions": "@a `x` " * 1_500,
    "html": "<a><br>" * 1_500,
    "fences with words": ("``` " + "a " * 4_000 + "`\n") * 2,
    "images": "![a](b ![](" * 1_000,
    "headings": "#### #### -\n" * 1_000,
    "rules": "- - - " * 1_500 + "a",
    "broken quotes": "> > <br>$$" * 1_000,
    "escapes": "\\" * 8_000,
    "dashes": "\n-\n=" * 2_000,
}


@both
@pytest.mark.parametrize("storm", STORMS)
def test_storms(storm: str, platform: str) -> None:
    streamed(STORMS[storm], platform, 997)


@pytest.mark.parametrize("storm", STORMS)
def test_the_work_for_a_storm_grows_with_its_length(storm: str) -> None:
    """Counted in calls, not in time: what the converter is given, and what it makes of it, stays bounded."""
    renderer = TelegramRenderer()
    whole = STORMS[storm]
    half = whole[: len(whole) // 2]
    few, many = (calls(partial(renderer.render, source)) for source in (half, whole))
    assert many <= 2.5 * few + 1_000
    assert len(renderer.render(whole).text) <= 3 * len(whole)


def calls(work: Callable[[], object]) -> int:
    """How many functions `work` calls, those of C included."""
    counted = 0

    def count(frame: FrameType, event: str, arg: object) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted


@both
def test_one_line_of_a_million_characters(platform: str) -> None:
    """Its pages are as good as those of any other: nothing looks at more of it than a page may show."""
    answer, pages = Answer(max_chars=10**9), Pages(RENDERERS[platform])
    answer.append("word *and* " * 95_000, 0.0)
    for _ in range(40):
        frame = pages.frame(answer)
        pages.accept(frame)
        assert_valid(frame.body, platform)
        assert frame.closed
        assert frame.body.fill > 0.7
