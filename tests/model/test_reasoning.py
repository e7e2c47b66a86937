"""Reasoning in tags: parted from the text the same way, however it comes."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.adapters.completion_decoder import CompletionDecoder
from core.adapters.reasoning import ReasoningSplitter
from core.ports.completions import ModelError, ModelErrorKind, ReasoningDelta, TextDelta
from tests.model.chunking import cuts
from tests.model.transcripts import chunk, sse


def parted(deltas: list[str]) -> tuple[str, str]:
    """The reasoning and the text of an answer that comes in these deltas."""
    splitter = ReasoningSplitter()
    events = [event for delta in deltas if delta for event in splitter.feed(delta)]
    events += splitter.end()
    assert all(event.text for event in events if isinstance(event, ReasoningDelta | TextDelta))
    return (
        "".join(event.text for event in events if isinstance(event, ReasoningDelta)),
        "".join(event.text for event in events if isinstance(event, TextDelta)),
    )


@pytest.mark.parametrize(
    ("whole", "reasoning", "text"),
    [
        ("<think>why not</think>Because.", "why not", "Because."),
        ("\n<think>\nwhy\n</think>\n\nBecause.\n", "\nwhy\n", "Because.\n"),
        ("<thinking>a </think> b</thinking> c", "a </think> b", "c"),
        ("<think></think>\n\nAt once.", "", "At once."),
        ("<think>all of it", "all of it", ""),
        ("<think>all of it</thi", "all of it</thi", ""),
        ("<think>a</think><think>b</think>", "a", "<think>b</think>"),
        ("It writes <think>a</think>.", "", "It writes <think>a</think>."),
        ("`<think>` opens it.", "", "`<think>` opens it."),
        ("```xml\n<think>a</think>\n```", "", "```xml\n<think>a</think>\n```"),
        ("<thin", "", "<thin"),
        ("<thinker>a", "", "<thinker>a"),
        ("  \n indented", "", "  \n indented"),
        ("", "", ""),
    ],
)
def test_only_a_tag_at_the_very_start_is_reasoning(whole: str, reasoning: str, text: str) -> None:
    assert parted([whole]) == (reasoning, text)
    assert parted(list(whole)) == (reasoning, text)


_TAGS = ["<think>", "</think>", "<thinking>", "</thinking>", "<", "</", "think", ">"]
pieces = st.sampled_from([*_TAGS, " ", "\n", "word", "```", " " * 120])


@given(st.lists(pieces, max_size=12).map("".join), st.data())
@example("<think></thi</think>x", None)
def test_any_chunking_gives_the_same(whole: str, data: st.DataObject | None) -> None:
    places = [0, *(data.draw(cuts(len(whole))) if data else range(len(whole))), len(whole)]
    assert parted([whole[a:b] for a, b in pairwise(places)]) == parted([whole])


@given(st.lists(pieces, max_size=12).map("".join))
def test_nothing_but_the_tags_and_white_space_is_lost(whole: str) -> None:
    reasoning, text = parted([whole])

    def bare(kept: str) -> str:
        return re.sub(r"\s+", "", kept)

    if text == whole:
        assert reasoning == ""
    else:
        opening = re.match(r"\s*<(think|thinking)>", whole)
        assert opening is not None
        closing = f"</{opening[1]}>" if f"</{opening[1]}>" in whole else ""
        assert bare(opening[0]) + bare(reasoning) + closing + bare(text) == bare(whole)


def test_what_is_held_back_stays_small() -> None:
    splitter = ReasoningSplitter()
    events = [event for _ in range(1_000) for event in splitter.feed(" ")]
    assert splitter.begun
    assert len(events) > 800


def test_tags_and_fields_are_the_same_to_the_decoder() -> None:
    body = sse(
        *(chunk({"content": piece}) for piece in ["<thi", "nk>Hm", "</think>\n", "\n", "Ja"]),
        chunk({}, "stop"),
    )
    decoder = CompletionDecoder()
    events = [*decoder.feed(body), *decoder.end()]
    assert events[:2] == [ReasoningDelta("Hm"), TextDelta("Ja")]


def test_reasoning_alone_is_no_answer() -> None:
    decoder = CompletionDecoder()
    events = list(decoder.feed(sse(chunk({"content": "<think>Hm, </t"}), chunk({}, "length"))))
    with pytest.raises(ModelError) as raised:
        events += decoder.end()
    assert raised.value.kind is ModelErrorKind.EMPTY
    assert events == [ReasoningDelta("Hm, "), ReasoningDelta("</t")]
