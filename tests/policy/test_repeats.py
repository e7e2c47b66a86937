"""Events that come again are known, for long enough and in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.policy.repeats import KNOWN_FOR_S, KNOWN_MOST, Repeats


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0.0, 2 * KNOWN_FOR_S)), max_size=60))
def test_what_came_lately_is_known_and_what_came_long_ago_is_not(steps: list[tuple[int, float]]) -> None:
    repeats, came, now = Repeats(), dict[int, float](), 0.0
    for event, passes_s in steps:
        now += passes_s
        new = repeats.is_new(event, now)
        if event not in came:
            assert new
        elif now - came[event] < KNOWN_FOR_S:
            assert not new
        came[event] = now


def test_however_many_come_a_bounded_number_is_known() -> None:
    repeats = Repeats()
    for event in range(3 * KNOWN_MOST):
        assert repeats.is_new(event, 0.0)
    known = [event for event in range(3 * KNOWN_MOST) if event in repeats]
    assert KNOWN_MOST // 2 <= len(known) <= KNOWN_MOST
    assert known[-1] == 3 * KNOWN_MOST - 1


def test_what_is_over_is_forgotten() -> None:
    repeats = Repeats()
    repeats.add("first", 0.0)
    for number in range(1, 4):
        repeats.add(f"event {number}", number * KNOWN_FOR_S)
    assert "first" not in repeats
