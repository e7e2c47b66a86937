"""What a reader sees of a link before its address is whole, and of signs that may become something else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.discord.markdown import DiscordRenderer
from bots.telegram.markdown import TelegramRenderer
from core.streaming.answer import Answer, Ending
from core.streaming.pages import LINK_UNITS, Frame, Pages
from core.streaming.rendering import Renderer
from tests.fakes.surface import FakeRenderer
from tests.promise import broken_promise

LINK = "[the old handbook](https://example.org/handbook)"


class Reader:
    """Pages that are looked at after each delta."""

    def __init__(self, renderer: Renderer) -> None:
        self.answer = Answer()
        self.pages = Pages(renderer)
        self.closed: list[Frame] = []

    def sees(self, delta: str) -> Frame:
        self.answer.append(delta, 0.0)
        while True:
            frame = self.pages.frame(self.answer)
            self.pages.accept(frame)
            if not frame.closed:
                return frame
            self.closed.append(frame)
            if frame.last:
                return frame


words = st.text("abcdefg hijk.,é", min_size=1, max_size=30).map(str.strip).filter(bool)


@settings(deadline=None)
@given(
    words,
    st.from_regex(r"([a-z]|`[a-z]+\(\)`)([a-z ,.']|`[a-z.]+` ){0,20}[a-z]", fullmatch=True),
    st.integers(1, 9),
)
def test_what_is_shown_of_a_link_stays_where_it_is(before: str, label: str, delta: int) -> None:
    text = f'{before} [{label}](https://example.org/a(b)c "d e") {before}'
    reader = Reader(TelegramRenderer())
    shown = [reader.sees(text[at : at + delta]).body.text for at in range(0, len(text), delta)]
    reader.answer.end(Ending.COMPLETE, 0.0)
    whole = reader.sees("").body.text
    for earlier, later in zip(shown, [*shown[1:], whole], strict=True):
        assert later.startswith(earlier.rstrip())


@pytest.mark.parametrize("end", range(2, len(LINK)))
def test_a_half_link_reads_as_it_will_and_nothing_of_it_counts_as_hidden(end: int) -> None:
    reader = Reader(DiscordRenderer())
    frame = reader.sees(f"See {LINK[:end]}")
    assert frame.body.text == f"See {LINK[1:end].partition(']')[0]}".rstrip()
    assert (frame.end, reader.pages.shown, reader.pages.visible) == (4, 4, 4 + end)
    assert reader.sees(LINK[end:]).body.text == f"See {LINK} (example.org)"


@pytest.mark.parametrize(
    ("half", "reads"), [("[`gate.re", ""), ("[`gate.read()`", "`gate.read()`"), ("[`a` and `b", "")]
)
def test_code_in_a_half_link_is_shown_once_it_is_whole(half: str, reads: str) -> None:
    assert Reader(DiscordRenderer()).sees(f"See {half}").body.text == f"See {reads}".rstrip()


@pytest.mark.parametrize("half", ["[1", "[1](https://exam", "[ ", "[a *b", "![", "[$x"])
def test_what_may_well_be_no_link_or_reads_otherwise_is_held_back(half: str) -> None:
    assert Reader(DiscordRenderer()).sees(f"See {half}").body.text == "See"


@pytest.mark.parametrize(
    "label", ["the old *handbook* here", "the `code` of it", "see [it] there", "a $x$ b"]
)
def test_words_that_were_shown_of_a_link_stay_when_a_sign_follows_in_it(label: str) -> None:
    reader = Reader(TelegramRenderer())
    shown = ""
    for character in f"See [{label}](https://example.org)":
        body = reader.sees(character).body.text
        assert len(body) >= len(shown.rstrip())
        shown = body
    assert "(example.org)" in shown


def test_words_that_were_shown_of_a_link_stay_while_its_line_may_be_a_tables_head() -> None:
    reader = Reader(DiscordRenderer())
    assert reader.sees("[The old name").body.text == "The old name"
    frame = reader.sees("](https://example.org) | what")
    assert (frame.body.text, reader.pages.visible) == ("The old name", len("[The old name"))
    assert reader.sees(" it is\n\nAnd").body.text.startswith("[The old name](https://example.org)")


@pytest.mark.parametrize("half", ["[https://bank.co", "[https://bank.com]", "[at https://bank.co"])
def test_an_address_in_a_label_is_shown_when_it_is_whole(half: str) -> None:
    """Half of it may lead to another host."""
    assert Reader(DiscordRenderer()).sees(f"See {half}").body.text == "See"


@pytest.mark.parametrize("half", ["- [x", "- [X", "- [x]"])
def test_a_ticked_box_is_no_half_link(half: str) -> None:
    reader = Reader(DiscordRenderer())
    assert reader.sees(f"Done:\n\n{half}").body.text in {"Done:", "Done:\n\n-"}


def test_a_link_that_is_none_after_all_stands_there_as_it_was_written() -> None:
    reader = Reader(DiscordRenderer())
    assert reader.sees("See [note").body.text == "See note"
    assert reader.sees("] and").body.text == "See [note] and"


@pytest.mark.parametrize("half", ["[the old", "[the old](https://exam"])
def test_an_answer_that_was_cut_in_a_link_keeps_the_words_of_it_and_one_that_ends_there_is_the_models(
    half: str,
) -> None:
    for ending, mark, shown in (
        (Ending.STOPPED, "stopped", "See the old\n\n*stopped*"),
        (Ending.COMPLETE, "", f"See {half}"),
    ):
        reader = Reader(FakeRenderer(1_000))
        reader.sees(f"See {half}")
        reader.answer.end(ending, 0.0, mark=mark)
        frame = reader.sees("")
        assert (frame.body.text, frame.ahead) == (shown, 0)
        assert broken_promise(reader.answer.text, [shown], FakeRenderer(1_000), mark=mark) is None


@pytest.mark.parametrize("address", [20, 2 * LINK_UNITS, 700])
def test_a_link_is_never_cut_by_a_pages_end_though_its_words_were_shown(address: int) -> None:
    """Where there is no room for its address, all of it goes to the next page."""
    link = f"[a link](https://example.org/{'x' * address})"
    for before in range(0, 1_000, 50):
        source = f"{'word ' * (before // 5)}{link} and so on. {'More of it. ' * 60}"
        reader = Reader(FakeRenderer(1_000))
        for at in range(0, len(source), 7):
            reader.sees(source[at : at + 7])
        reader.answer.end(Ending.COMPLETE, 0.0)
        reader.sees("")
        shown = [frame.body.text for frame in reader.closed]
        assert any(link in text for text in shown)
        assert sum(text.count("a link") for text in shown) == 1
        assert broken_promise(source, shown, FakeRenderer(1_000)) is None


def test_after_a_message_that_takes_no_edit_any_more_a_link_is_whole() -> None:
    reader = Reader(FakeRenderer(1_000))
    seen = reader.sees(f"See {LINK[:8]}")
    reader.pages.leave(seen)
    assert reader.sees(LINK[8:]).body.text == LINK


@pytest.mark.parametrize("signs", ["**", "*", "\n\n- ", "\n\n## ", "\n> ", "~~", "`"])
def test_signs_that_are_held_back_hide_no_text(signs: str) -> None:
    reader = Reader(DiscordRenderer())
    frame = reader.sees(f"The lower one{signs}")
    assert frame.body.text == "The lower one"
    assert reader.pages.visible == reader.answer.length
    assert reader.sees("x").ahead == 0


def test_words_that_were_shown_of_a_link_stay_near_a_pages_end() -> None:
    """While its label grows, and when it is whole, though its page then waits for a sentence's end."""
    link = f"[the link](https://example.org/{'x' * (LINK_UNITS - 60)})"
    for before in range(640, 880, 10):
        reader = Reader(FakeRenderer(1_000))
        reader.sees("word " * (before // 5))
        seen = [
            reader.sees(link[at : at + 4]).body.text.rpartition("word")[2] for at in range(0, len(link), 4)
        ]
        if not reader.closed:
            labels = [words.strip(" [")[: len("the link")] for words in seen]
            assert labels == sorted(labels)
