"""What the model thought, above its answer: settled with the first text, and no part of any span."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.discord.capabilities import CHANNEL
from bots.telegram.capabilities import TELEGRAM
from bots.telegram.entities import Entity, utf16_length
from bots.telegram.markdown import MAX_ENTITIES
from core.ports.surface import Capabilities
from core.streaming.answer import MAX_REASONING_CHARS, Answer, Ending
from core.streaming.pages import Frame, Pages
from core.streaming.reasoning import LONGEST, ShownReasoning
from core.streaming.rendering import Rendered
from tests.promise import broken_promise
from tests.streaming.texts import anything, markdown, split

PLATFORMS: dict[str, Capabilities] = {"discord": CHANNEL, "telegram": TELEGRAM}


def shown(capabilities: Capabilities) -> ShownReasoning:
    assert capabilities.reasoning_above is not None
    return ShownReasoning("💭 {}".format, capabilities.reasoning_above)


def test_a_long_thought_is_cut_at_a_word() -> None:
    line = shown(CHANNEL).line("so much to\n\nthink about " * 100, 4_096)
    assert line.startswith("💭 so much to think about so much")
    assert line.endswith((" about …", " think …", " to …", " much …", " so …"))
    assert 0.9 * LONGEST < len(line) <= LONGEST + 2
    assert shown(CHANNEL).line(" short\n", 2_000) == "💭 short"
    assert shown(CHANNEL).line(" \n", 2_000) == ""
    assert len(shown(CHANNEL).line("x" * 5_000, 4_096)) == LONGEST + 2
    assert len(shown(CHANNEL).line("x" * 5_000, 2_000)) == 302


def test_only_the_beginning_of_the_reasoning_is_kept() -> None:
    answer = Answer()
    for _ in range(10_000):
        answer.append_reasoning("word ")
    assert answer.reasoning == ("word " * 10_000)[:MAX_REASONING_CHARS]
    assert len(answer._reasoning) <= MAX_REASONING_CHARS


@pytest.mark.parametrize("platform", PLATFORMS)
@settings(max_examples=150, deadline=None)
@given(thought=anything, text=anything)
def test_any_thought_above_any_page_keeps_both_and_counts_them(
    platform: str, thought: str, text: str
) -> None:
    capabilities = PLATFORMS[platform]
    page = capabilities.renderer.render(text[:2_000])
    line = shown(capabilities).line(thought, capabilities.renderer.page_units)
    if not (page.text and line):
        return
    both = shown(capabilities).above(page, line)
    assert both.text.endswith(f"\n{page.text}")
    if platform == "discord":
        first, _, rest = both.text.partition("\n")
        assert first.startswith("-# 💭 ")
        assert rest == page.text
        assert both.fill == len(both.text) / 2_000
        assert both.fill - page.fill < 0.35
    else:
        entities = [entity for entity in both.entities if isinstance(entity, Entity)]
        assert entities[0].type == "expandable_blockquote"
        before = utf16_length(both.text) - utf16_length(page.text)
        assert entities[0].offset + entities[0].length == before - 1
        assert all(before <= e.offset < e.offset + e.length <= utf16_length(both.text) for e in entities[1:])
        assert both.fill == max(utf16_length(both.text) / 4_096, len(entities) / MAX_ENTITIES)
        assert both.fill - page.fill < 0.35


def test_a_thought_cannot_leave_its_line_on_discord() -> None:
    line = shown(CHANNEL).line("```\nx\n``` **bold** ||hidden|| # no [link](https://x.org) - `code", 2_000)
    body = shown(CHANNEL).above(Rendered("Text.", fill=0.0), line)
    assert body.text.count("\n") == 1
    assert "\\`\\`\\`" in body.text
    assert "\\*\\*bold" in body.text
    assert "\\|\\|hidden" in body.text


@pytest.mark.parametrize("platform", PLATFORMS)
@settings(max_examples=15, deadline=None)
@given(
    deltas=split(st.lists(markdown, min_size=1, max_size=4).map("\n\n".join), most=20),
    thought=st.text(min_size=1, max_size=900),
)
def test_pages_still_fit_and_tile(platform: str, deltas: list[str], thought: str) -> None:
    capabilities = PLATFORMS[platform]
    line = shown(capabilities).line(thought, capabilities.renderer.page_units)

    def above(page: Rendered) -> Rendered:
        return shown(capabilities).above(page, line) if line else page

    answer, pages = Answer(max_chars=10**9), Pages(capabilities.renderer)
    pages.above = above
    frames: list[Frame] = []

    def look() -> Frame:
        frames.append(pages.frame(answer))
        pages.accept(frames[-1])
        return frames[-1]

    for number, delta in enumerate(deltas):
        answer.append(delta, float(number))
        look()
    answer.end(Ending.COMPLETE, float(len(deltas)))
    while not look().last:
        pass
    assert all(frame.body.fill <= 1.0 for frame in frames)
    assert all(earlier.end <= later.end for earlier, later in pairwise(frames))
    visible = [frame.body.text for frame in frames if frame.closed and frame.body.text]
    assert broken_promise(answer.text, visible, capabilities.renderer, above=above) is None
