"""Where the pages of a growing answer end, how they begin, and what looking for it costs."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bots.telegram.markdown import TelegramRenderer
from core.streaming.answer import Answer, Ending
from core.streaming.markdown import scan
from core.streaming.marks import NO_MARKS
from core.streaming.pages import Frame, MessageLimit, Pages, compose
from core.streaming.rendering import Rendered, Renderer
from core.streaming.text import ends_sentence
from tests.fakes.surface import FakeRenderer
from tests.promise import broken_promise


class CountingRenderer(FakeRenderer):
    rendered = 0

    def render(self, markdown: str) -> Rendered:
        self.rendered += len(markdown)
        return super().render(markdown)


@pytest.mark.parametrize("text", ["word " * 10_000, "x" * 50_000, "| a | b |\n" * 5_000, "`\n" * 25_000])
def test_closing_a_page_renders_little_in_vain(text: str) -> None:
    """Converters take a time that grows faster than their text."""
    renderer = CountingRenderer()
    pages, answer = Pages(renderer), Answer(max_chars=10**9)
    answer.append(text, 0.0)
    assert pages.frame(answer).closed
    assert renderer.rendered <= 15 * renderer.page_units


def streamed(text: str, renderer: Renderer, delta: int = 7) -> list[Frame]:
    """The closed pages of a text that comes in small deltas and is looked at after each."""
    pages, answer = Pages(renderer), Answer(max_chars=10**9)
    closed: list[Frame] = []

    def look() -> bool:
        frame = pages.frame(answer)
        pages.accept(frame)
        closed.extend([frame] if frame.closed else [])
        return frame.closed and not frame.last

    for at in range(0, len(text), delta):
        answer.append(text[at : at + delta], 0.0)
        while look():
            pass
    answer.end(Ending.COMPLETE, 0.0)
    while look():
        pass
    return closed


SENTENCE = "The gate opens slowly over the water and then it closes once more. "
STEPS = "\n".join(
    f"{n}. **Step {n}:** {SENTENCE}\n    - detail\n        - deeper, about `x_{n}`" for n in range(1, 60)
)
SECTIONS = "\n\n".join(f"## Section {n}\n\n{SENTENCE * (1 + n * n % 7)}" for n in range(30))


@pytest.mark.parametrize("text", [SENTENCE * 60, STEPS, SECTIONS])
def test_a_page_of_a_streamed_answer_ends_with_a_sentence_or_line_that_leads_nowhere(text: str) -> None:
    closed = streamed(text, FakeRenderer(1_000))
    assert len(closed) >= 4
    for frame in closed[:-1]:
        last_line = frame.body.text.rsplit("\n", 1)[-1]
        assert text[frame.end] in " \n"
        assert last_line.endswith((".", "`", "detail"))
        assert not last_line.rstrip(".").isdigit()
        assert not last_line.startswith("#")
        assert frame.body.fill > 0.7


@pytest.mark.parametrize("limit", [None, MessageLimit(2, "cut off")])
def test_nothing_is_hidden_to_wait_for_a_good_place_to_end_at(limit: MessageLimit | None) -> None:
    """Prose is seen to its last word at every moment, on a page that is nearly full, too."""
    pages, answer = Pages(FakeRenderer(1_000), limit=limit), Answer()
    for word in (SENTENCE * 25).split(" "):
        answer.append(f"{word} ", 0.0)
        while (frame := pages.frame(answer)).closed and not frame.last:
            pages.accept(frame)
        pages.accept(frame)
        assert frame.cut or answer.slice(pages.visible, answer.length).strip() == ""
    assert pages.page == (1 if limit else 2)


@pytest.mark.parametrize("signs", ["**", "\n\n---", "\n\n- **", "\n\n> ", "\n\n##"])
@pytest.mark.parametrize("mark", ["", "stopped"])
def test_signs_alone_are_no_page(signs: str, mark: str) -> None:
    """An answer that is cut behind them would end with a message of nothing else."""
    pages, answer = Pages(FakeRenderer(1_000)), Answer()
    for delta in (SENTENCE * 12, signs):
        answer.append(delta, 0.0)
        frame = pages.frame(answer)
        assert not frame.closed
        pages.accept(frame)
        assert pages.visible <= answer.length
        assert not answer.slice(pages.visible, answer.length).strip()
    answer.end(Ending.COMPLETE, 0.0, mark=mark)
    frame = pages.frame(answer)
    assert frame.last
    assert broken_promise(answer.text, [frame.body.text], FakeRenderer(1_000), mark=mark) is None


@pytest.mark.parametrize("rest", ["👍", "🎉 🎉🎉", "😀\n\n", ")", "…", "\n\n(✓", "━" * 60, "→ ∑ = " * 10])
def test_what_has_no_letter_is_no_page_either(rest: str) -> None:
    """Many answers end with an emoji, which alone in a message reads like a message of its own."""
    pages, answer = Pages(FakeRenderer(1_000)), Answer()
    for delta in (SENTENCE * 12, rest):
        answer.append(delta, 0.0)
        frame = pages.frame(answer)
        assert not frame.closed
        pages.accept(frame)
        assert not answer.slice(pages.visible, answer.length).strip()
    answer.end(Ending.COMPLETE, 0.0)
    frame = pages.frame(answer)
    assert frame.last
    assert frame.body.text.endswith(rest.strip())
    assert pages.page == 0


def test_code_on_a_page_that_is_nearly_full_is_shown_line_by_line() -> None:
    """A line that began on the page would have to end on the next one."""
    text = "```python\n" + "".join(f"level[{n}] = gate.read({n}, unit='mm')  # measured\n" for n in range(60))
    closed = streamed(f"{text}```\n", FakeRenderer(1_000), 3)
    assert len(closed) >= 3
    assert all(text[frame.end - 1] == "\n" or text[frame.end] == "\n" for frame in closed[:-1])


def test_a_lists_number_ends_no_sentence() -> None:
    assert [ends_sentence(text) for text in ("Yes.", "1.", "Done!\n\n12. ", "v2?")] == [
        True, False, False, True,
    ]  # fmt: skip


def test_a_nested_item_at_a_pages_start_is_no_code() -> None:
    text = "- item\n" + "".join(f"        - deeper {n} {SENTENCE}\n" for n in range(120))
    for frame in streamed(text, TelegramRenderer(), 97):
        assert not [entity for entity in frame.body.entities if getattr(entity, "type", "") == "pre"]


@pytest.mark.parametrize("before", range(840, 900, 3))
@pytest.mark.parametrize("delta", [1, 5])
def test_a_quote_that_goes_on_is_a_quote_on_the_next_page_too(before: int, delta: int) -> None:
    """Also where the page had shown the beginning of the quoted line before more of it came."""
    renderer = FakeRenderer(1_000)
    quoted = "> " + "and said to all of them, again and again, " * 12
    source = f"{'x' * before}\n\n{quoted}\n\nBut that is another story."
    closed = streamed(source, renderer, delta)
    assert broken_promise(source, [frame.body.text for frame in closed], renderer) is None
    begin, end = source.index("> "), source.index("\n\nBut")
    for left, frame in pairwise(closed):
        goes_on = begin < left.end < end
        assert frame.body.text.startswith(">") == (goes_on or source[left.end :].lstrip().startswith(">"))


def test_what_follows_a_quote_that_ended_with_its_page_is_no_quote() -> None:
    in_quote = scan("> quoted", NO_MARKS).end
    maths = FakeRenderer().maths
    assert compose(" for all", in_quote, NO_MARKS, maths) == "> for all"
    assert compose("\n\nplain", in_quote, NO_MARKS, maths) == "plain"
