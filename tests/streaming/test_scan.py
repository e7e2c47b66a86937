"""Reading on from where an earlier look had settled is reading all of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.streaming.markdown import scan
from core.streaming.marks import NO_MARKS, Marks, Settled
from tests.streaming.constructs import CONSTRUCTS
from tests.streaming.texts import anything, split

OPEN = [NO_MARKS, Marks(fence="```py"), Marks(inline=("**", "_")), Marks(quote="> ", inline=("`",))]
constructs = st.lists(st.sampled_from([one for group in CONSTRUCTS.values() for one in group]), max_size=6)


@settings(max_examples=200, deadline=None)
@given(st.one_of(split(anything), split(constructs.map("\n".join))), st.sampled_from(OPEN))
def test_any_state_of_a_text_is_read_alike_from_its_start_and_from_what_was_settled(
    deltas: list[str], marks: Marks
) -> None:
    since: Settled | None = None
    text = ""
    for delta in deltas:
        text += delta
        found, whole = scan(text, marks, since=since), scan(text, marks)
        assert (found.cuts, found.atoms, found.hold, found.end) == (
            whole.cuts,
            whole.atoms,
            whole.hold,
            whole.end,
        )
        since = found.settled


@pytest.mark.parametrize("formatted", [True, False])
def test_of_a_long_page_only_the_last_lines_are_read_again(formatted: bool) -> None:
    text = "".join(f"Line {n} says **something** about `it`.\n" for n in range(100))
    settled = scan(text, NO_MARKS, formatted=formatted).settled
    assert settled is not None
    assert len(text) - settled.at < 200
