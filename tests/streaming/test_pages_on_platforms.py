"""The laws of pages with the platforms' own renderers, each in its platform's own unit."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.discord.markdown import DiscordRenderer
from bots.telegram.entities import utf16_length
from bots.telegram.markdown import MAX_ENTITIES, TelegramRenderer
from core.streaming.answer import Answer, Ending
from core.streaming.pages import Frame, Pages
from core.streaming.rendering import Renderer
from tests.promise import broken_promise
from tests.streaming.texts import anything, markdown, split, well_formed

RENDERERS: dict[str, Renderer] = {"discord": DiscordRenderer(), "telegram": TelegramRenderer()}


def stream(deltas: list[str], renderer: Renderer, every: int) -> tuple[str, list[Frame]]:
    """Stream `deltas`, looking after every so many of them; the text and all frames, to the last."""
    answer, pages = Answer(max_chars=10**9), Pages(renderer)
    frames: list[Frame] = []

    def look() -> Frame:
        frames.append(pages.frame(answer))
        pages.accept(frames[-1])
        return frames[-1]

    for number, delta in enumerate(deltas):
        answer.append(delta, float(number))
        if number % every == 0:
            look()
    answer.end(Ending.COMPLETE, float(len(deltas)))
    while not look().last:
        pass
    return answer.text, frames


def within_limits(platform: str, frame: Frame) -> bool:
    if platform == "discord":
        return len(frame.body.text) <= 2_000
    return utf16_length(frame.body.text) <= 4_096 and len(frame.body.entities) <= MAX_ENTITIES


@pytest.mark.parametrize("platform", RENDERERS)
@settings(max_examples=40, deadline=None)
@given(deltas=split(anything, most=12), every=st.integers(1, 6))
def test_no_page_exceeds_the_platforms_limit(platform: str, deltas: list[str], every: int) -> None:
    text, frames = stream(deltas, RENDERERS[platform], every)
    assert all(within_limits(platform, frame) for frame in frames)
    assert all(earlier.end <= later.end for earlier, later in pairwise(frames))
    closed = [frame for frame in frames if frame.closed]
    assert [frame.start for frame in closed] == [0, *(frame.end for frame in closed[:-1])]
    assert closed[-1].end == len(text)


@pytest.mark.parametrize("platform", RENDERERS)
@settings(max_examples=25, deadline=None)
@given(deltas=split(st.lists(markdown, min_size=2, max_size=4).map("\n\n".join), most=12))
def test_what_a_platform_shows_is_the_models_text(platform: str, deltas: list[str]) -> None:
    text, frames = stream(deltas, RENDERERS[platform], 3)
    pages = [frame.body.text for frame in frames if frame.closed and frame.body.text]
    assert broken_promise(text, pages, RENDERERS[platform]) is None


@pytest.mark.parametrize("platform", RENDERERS)
@settings(max_examples=40, deadline=None)
@given(text=well_formed, step=st.integers(3, 60))
def test_nothing_flickers(platform: str, text: str, step: int) -> None:
    """What stands above the last lines of a preview stays there as it is."""
    deltas = [text[at : at + step] for at in range(0, len(text), step)]
    shown: dict[int, list[str]] = {}
    for frame in stream(deltas, RENDERERS[platform], 1)[1]:
        settled = shown.get(frame.page, [])[:-4]
        lines = frame.body.text.split("\n")
        assert lines[: len(settled)] == settled
        shown[frame.page] = lines
