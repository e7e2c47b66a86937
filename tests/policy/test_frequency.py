"""How often something may happen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.policy.frequency import Frequency


@given(st.integers(1, 4), st.lists(st.floats(0, 20), max_size=40))
def test_no_window_holds_more_than_the_count(count: int, gaps: list[float]) -> None:
    frequency, now, taken = Frequency(count, 60.0), 0.0, []
    for gap in gaps:
        now += gap
        if frequency.take("key", now):
            taken.append(now)
        else:
            assert len([at for at in taken if at > now - 60.0]) == count
    for at in taken:
        assert len([other for other in taken if at <= other < at + 60.0]) <= count


def test_keys_do_not_touch_each_other_and_old_ones_are_forgotten() -> None:
    frequency = Frequency(1, 60.0, remembered=2)
    assert [frequency.take(key, 0.0) for key in ("a", "b", "a", "b")] == [True, True, False, False]
    assert frequency.take("c", 0.0)
    assert frequency.take("a", 0.0)  # forgotten
    assert not frequency.take("c", 0.0)
