"""What a model is shown of a channel, and that its citations lead where they should, and nowhere else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.conversation.catchup import Citations, transcript
from core.messages import MessageRef, Person
from core.ports.reading import Seen

LINKS = {1: "https://chat.example/1", 12: "https://chat.example/12"}


def seen(text: str, name: str = "Ada", *, number: int = 1, by_us: bool = False) -> Seen:
    link = f"https://chat.example/{number}"
    return Seen(MessageRef("30", str(number)), Person("discord", "1", name), text, 0.0, link, by_us=by_us)


def cited(*deltas: str) -> str:
    citations = Citations(LINKS)
    return "".join([citations.feed(delta) for delta in deltas]) + citations.end()


def test_messages_are_numbered_oldest_first_and_ours_and_blank_ones_left_out() -> None:
    told = transcript([seen("a"), seen("mine", by_us=True), seen(" \n"), seen("b", number=4)], tokens=1_000)
    assert told.lines == "> [1] 01 00:00 Ada: a\n> [2] 01 00:00 Ada: b"
    assert told.links == {1: "https://chat.example/1", 2: "https://chat.example/4"}


def test_the_newest_are_kept_and_what_has_no_room_is_counted() -> None:
    told = transcript([seen("word " * 40, number=number) for number in range(1, 11)], tokens=200)
    assert (told.shown, told.left_out) == (3, 7)
    assert set(told.links) == {8, 9, 10}


@given(st.text(), st.text())
def test_a_message_is_one_quoted_line_whatever_it_says(text: str, name: str) -> None:
    lines = transcript([seen(text, name)], tokens=10_000).lines
    assert lines == "" or (lines.startswith("> [1] ") and len(lines.splitlines()) == 1)


def test_a_citation_becomes_a_link_and_an_unknown_number_none() -> None:
    assert cited("Ada left [1], [12] and [7].") == (
        r"Ada left [\[1\]](https://chat.example/1), [\[12\]](https://chat.example/12) and [7]."
    )


def test_a_link_of_the_models_own_stays_its_own() -> None:
    assert cited("see [1]", "(https://evil.example)") == "see [1](https://evil.example)"


@given(st.lists(st.sampled_from(["[1]", "[", "1", "]", "(", "x", "[12]", " ", "[0001]", "٣"]), max_size=20))
def test_however_the_text_is_cut_the_links_are_the_same(parts: list[str]) -> None:
    assert cited(*parts) == cited("".join(parts))


@given(st.text(st.characters(exclude_characters="[")))
def test_what_cites_nothing_goes_through_unchanged(text: str) -> None:
    assert cited(text) == text
