"""What an answer knows of its model's pace."""

from __future__ import annotations

import pytest

from core.streaming.answer import Answer


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
    assert answer.paused_share < 0.2


def test_a_fast_model_that_falls_silent_pauses_soon() -> None:
    answer, now = told(*[0.03] * 50)
    assert answer.quiet_at is not None
    assert answer.quiet_at <= now + 0.21


def test_the_share_of_pauses_is_that_of_lately() -> None:
    speaking, _ = told(*[*[0.05] * 20, 2.0] * 6)
    assert 0.5 < speaking.paused_share < 0.9
    again, _ = told(*[*[0.05] * 20, 2.0] * 6, *[0.05] * 400)
    assert again.paused_share < 0.25


def test_nothing_is_known_before_the_first_word() -> None:
    assert Answer().quiet_at is None
    assert Answer().paused_share == 0.0
