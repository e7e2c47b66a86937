"""When which text came, and what of that is forgotten."""

from __future__ import annotations

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
