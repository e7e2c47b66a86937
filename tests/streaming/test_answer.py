"""When which text came, what of that is forgotten, and what an answer knows of its model's pace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.streaming.answer import Answer

_steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 5)),
        st.tuples(st.just("first reader"), st.integers(0, 30)),
        st.tuples(st.just("second reader"), st.integers(0, 30)),
    ),
    max_size=300,
)


@given(_steps)
def test_the_time_of_what_somebody_does_not_show_yet_is_known(steps: list[tuple[str, int]]) -> None:
    """Whatever was forgotten with what all readers show."""
    answer = Answer()
    shown = {"first reader": 0, "second reader": 0}
    came: list[float] = []  # of each character
    for reader in shown:
        answer.shown(reader, 0)
    for now, (what, much) in enumerate(steps):
        if what == "append":
            answer.append("x" * much, float(now))
            came += [float(now)] * much
        else:
            shown[what] = min(shown[what] + much, answer.length)
            answer.shown(what, shown[what])
        for offset in range(min(shown.values()), answer.length):
            assert answer.produced_at(offset) == came[offset]
        assert answer.produced_at(answer.length) is None


def test_the_times_of_what_is_shown_are_let_go_of() -> None:
    """Else an hour of deltas would be kept for nobody."""
    answer = Answer(max_chars=10**9)
    answer.shown("reader", 0)
    for now in range(100_000):
        answer.append("xyz", float(now))
        answer.shown("reader", answer.length - 30)
    assert len(answer._times) == len(answer._lengths) < 200


def told(*gaps_s: float) -> tuple[Answer, float]:
    answer, now = Answer(), 0.0
    answer.append("a ", now)
    for gap_s in gaps_s:
        now += gap_s
        answer.append("word ", now)
    return answer, now


@pytest.mark.parametrize("gap_s", [0.02, 0.1, 0.3, 1.0, 2.5])
def test_a_slow_model_does_not_pause_between_its_words(gap_s: float) -> None:
    """However slow: else every word would be worth an edit at once, and a window be spent in no time."""
    answer, now = told(*[gap_s] * 30)
    assert answer.quiet_at is not None
    assert answer.quiet_at > now + 1.5 * gap_s


def test_a_fast_model_that_falls_silent_pauses_soon() -> None:
    answer, now = told(*[0.03] * 50)
    assert answer.quiet_at is not None
    assert answer.quiet_at <= now + 0.21


def test_nothing_is_known_before_the_first_word() -> None:
    assert Answer().quiet_at is None


def test_the_next_delta_is_worth_waiting_for_until_it_is_overdue() -> None:
    answer = Answer()
    assert answer.fuller_at(0.5) == 0.5
    for number in range(60):
        answer.append("word ", number / 10)
    assert answer.fuller_at(5.91) == 5.91  # one came just now
    assert answer.fuller_at(5.95) == pytest.approx(5.9 + 0.2)
    assert answer.fuller_at(6.3) == 6.3


@pytest.mark.parametrize("at_once", [2, 5, 10])
def test_a_model_whose_deltas_come_several_at_a_time_does_not_pause_between_them(at_once: int) -> None:
    answer, now = told(*[*[0.0] * (at_once - 1), 0.15] * 30)
    for _ in range(at_once - 1):
        answer.append("word ", now)
    assert answer.quiet_at is not None
    assert answer.quiet_at > now + 0.15
