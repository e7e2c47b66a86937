"""Reading on from where an earlier look had settled is reading all of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.streaming.markdown import _TOKEN, scan
from core.streaming.marks import NO_MARKS, Cut, Marks, Scan, Settled
from tests.streaming.constructs import CONSTRUCTS
from tests.streaming.texts import anything, split

OPEN = [NO_MARKS, Marks(fence="```py"), Marks(inline=("**", "_")), Marks(quote="> ", inline=("`",))]
WORDS = """
word |a b. |**b** c |*it |_x_ |`co de` |`|or `x y` d |$x y$ |$|\\[ a\n b \\] |\\[|[l k](http://a.b) |[|](
|- |1. |> |# |
``` |
~~ |\n|\n\n|  |https://x.y |<a |水门。打开！ |! |\\|It. Is! |:
""".strip("\n").split("|")
ONE_LONG_LINE = st.builds(
    lambda before, words: [before, *words],
    st.sampled_from(["p\n\n", "```\nc\n\n", "a|b\n-|-\n1|2\n\n"]),
    st.lists(st.sampled_from([*WORDS, "word ", "a | b", "||", "\n-|-\n"]), min_size=3, max_size=40),
)
constructs = st.lists(st.sampled_from([one for group in CONSTRUCTS.values() for one in group]), max_size=6)


def _found(scanned: Scan) -> tuple[Scan, tuple[Cut, ...]]:
    return replace(scanned, settled=None), scanned.cuts


@settings(max_examples=200, deadline=None)
@given(st.one_of(split(anything), split(constructs.map("\n".join)), ONE_LONG_LINE), st.sampled_from(OPEN))
def test_any_state_of_a_text_is_read_alike_from_its_start_and_from_what_was_settled(
    deltas: list[str], marks: Marks
) -> None:
    since: Settled | None = None
    text = ""
    for delta in deltas:
        text += delta
        found, whole = scan(text, marks, since=since), scan(text, marks)
        assert _found(found) == _found(whole)
        since = found.settled


@pytest.mark.parametrize(
    "text",
    [
        "a `$$x =\n1\n+ 2\n+ 3\n+ 4$$",
        "a `\\[x =\n# 1\n+ 2\n\\] b",
        "a `\\[x =\n| a | b |\n|---|---|\n| 1 | 2 |\nc d\n\\] b",
    ],
    ids=["lines", "heading", "table"],
)
def test_a_formula_of_many_lines_may_begin_in_code_that_never_closes(text: str) -> None:
    """Whatever blocks its lines had seemed to begin."""
    since: Settled | None = None
    for end in range(len(text) + 1):
        found, whole = scan(text[:end], NO_MARKS, since=since), scan(text[:end], NO_MARKS)
        assert _found(found) == _found(whole)
        since = found.settled


def test_no_table_is_held_for_long_that_a_formula_may_reach_into() -> None:
    text = "a `$$x =\n| a"
    assert scan(text, NO_MARKS).holds_to == 0
    assert scan(f"{text}$$", NO_MARKS).hold.at > len(text)


@pytest.mark.parametrize("formatted", [True, False])
def test_of_a_long_page_only_the_last_lines_are_read_again(formatted: bool) -> None:
    text = "".join(f"Line {n} says **something** about `it`.\n" for n in range(100))
    settled = scan(text, NO_MARKS, formatted=formatted).settled
    assert settled is not None
    assert len(text) - settled.at < 200


def test_of_a_long_line_only_the_last_words_are_read_again() -> None:
    text = "Before it.\n\n" + "It says **something** about `it` and more. " * 50
    settled = scan(text, NO_MARKS).settled
    assert settled is not None
    assert settled.line is not None
    assert len(text) - settled.line.at < 20


@pytest.mark.parametrize("part", ["!", "a!", "x=!y;", "!!!wow", "h!", "a;b!"])
def test_a_long_run_without_spaces_is_read_once(part: str) -> None:
    """A token that reads on to the end of the line and gives back what it read would make that square."""
    line, at, tokens = part * 500, 0, 0
    while at < len(line):
        token = _TOKEN.match(line, at)
        assert token is not None
        at, tokens = token.end(), tokens + 1
    assert tokens <= 2
