"""Events that come again are known, in bounded memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.policy import repeats
from core.policy.repeats import KNOWN, Repeats


@given(st.lists(st.integers(0, 30), max_size=100))
def test_the_last_ones_are_known_and_new_ones_are_new(events: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeats, "KNOWN", 5)
        seen, came = Repeats(), list[int]()
        for event in events:
            others = set[int]()  # that came since it did
            for one in reversed(came):
                if one == event:
                    break
                others.add(one)
            new = seen.is_new(event)
            if event not in came:
                assert new
            elif len(others) < 5:
                assert not new
            came.append(event)


def test_however_many_come_a_bounded_number_is_known() -> None:
    seen = Repeats()
    for event in range(5 * KNOWN + 7):
        assert seen.is_new(event)
    known = [event for event in range(5 * KNOWN + 7) if event in seen]
    assert KNOWN <= len(known) <= 2 * KNOWN
    assert known[-1] == 5 * KNOWN + 6
