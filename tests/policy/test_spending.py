"""Tokens of a day: reserved, covered, settled, kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.policy.spending import Reservation, Spending, estimate_tokens
from tests.fakes.clock import FakeClock

DAY = 86_400.0
DATE = 20_833  # days since the epoch on which the fake clock begins
NOON = 4 * 3_600.0  # on the fake clock


def test_an_estimate_counts_bytes() -> None:
    assert [estimate_tokens(text) for text in ("", "a", "abcd", "abcde", "水水水水", "\ud800")] == [
        0,
        1,
        1,
        2,
        3,
        1,
    ]


def test_none_means_no_limit_and_zero_means_nothing() -> None:
    clock = FakeClock(NOON)
    assert Spending(None, clock=clock).reserve(prompt=10**9, answer=10**9)
    assert Spending(None, clock=clock).left is None
    assert Spending(0, clock=clock).reserve(prompt=0, answer=0) is None


def test_a_reservation_shrinks_to_what_is_left_and_is_refused_when_that_helps_nobody() -> None:
    spending = Spending(1_000, clock=FakeClock(NOON))
    first = spending.reserve(prompt=100, answer=600)
    assert first
    second = spending.reserve(prompt=100, answer=600)
    assert second
    assert spending.left == 0
    assert second.covers(300)
    assert not second.covers(301)
    assert spending.reserve(prompt=1, answer=1) is None
    first.settle(120)
    first.settle(0)  # once only
    assert spending.left == 580
    assert second.covers(301)
    second.settle(301)
    assert spending.counted == 421
    assert spending.reserve(prompt=560, answer=1_000) is None


def test_what_a_provider_counts_beyond_the_limit_is_still_counted() -> None:
    spending = Spending(100, clock=FakeClock(NOON))
    held = spending.reserve(prompt=10, answer=50)
    assert held
    held.settle(500)
    assert spending.counted == 500
    assert spending.left == 0


def test_the_day_ends_at_midnight_utc() -> None:
    clock = FakeClock(NOON)
    spending = Spending(1_000, clock=clock)
    held = spending.reserve(prompt=100, answer=500)
    assert held
    assert spending.resets_in_s() == DAY / 2
    clock.now += DAY / 2
    assert spending.left == 1_000
    assert held.covers(700)  # 100 more than yesterday covers, in today's name
    held.settle(650)
    assert spending.counted == 50


def test_a_restart_counts_what_was_settled_and_what_was_reserved(tmp_path: Path) -> None:
    clock, file = FakeClock(NOON), tmp_path / "data" / "tokens.json"
    spending = Spending(1_000, clock=clock, file=file)
    done = spending.reserve(prompt=100, answer=200)
    assert done
    done.settle(150)
    assert spending.reserve(prompt=100, answer=200)
    assert Spending(1_000, clock=clock, file=file).counted == 450
    clock.now += DAY
    assert Spending(1_000, clock=clock, file=file).counted == 0


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"day": 1}', '{"day": 20833, "tokens": -5}', '{"day": "x", "tokens": 1}']
)
def test_a_broken_file_counts_as_used_up_and_says_so(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "tokens.json"
    file.write_text(content)
    spending = Spending(1_000, clock=FakeClock(NOON), file=file)
    assert spending.left == 0
    assert "Delete it" in caplog.text


def test_a_file_that_cannot_be_written_is_said_once_and_the_count_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "folder" / "tokens.json"
    spending = Spending(1_000, clock=FakeClock(NOON), file=file)
    (tmp_path / "folder").write_text("in the way")
    for _ in range(2):
        held = spending.reserve(prompt=100, answer=100)
        assert held
        held.settle(100)
    assert spending.counted == 200
    assert caplog.text.count("cannot be written") == 1


def test_the_file_holds_the_day_and_the_count_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    assert Spending(1_000, clock=FakeClock(NOON), file=file).reserve(prompt=7, answer=93)
    assert json.loads(file.read_text()) == {"day": DATE, "tokens": 100}


class Days(RuleBasedStateMachine):
    """Any order of turns, over midnights: the limit holds unless a provider counts more than was reserved."""

    LIMIT = 2_000

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock(NOON)
        self.spending = Spending(self.LIMIT, clock=self.clock)
        self.turns: list[tuple[Reservation, int]] = []

    @rule(prompt=st.integers(0, 900), answer=st.integers(0, 1_500))
    def begin(self, prompt: int, answer: int) -> None:
        reservation = self.spending.reserve(prompt=prompt, answer=answer)
        if reservation:
            self.turns.append((reservation, prompt))

    @rule(more=st.integers(0, 800))
    def grow(self, more: int) -> None:
        if self.turns:
            reservation, used = self.turns.pop(0)
            if reservation.covers(used + more):
                self.turns.append((reservation, used + more))
            else:
                reservation.settle(used)

    @rule()
    def end(self) -> None:
        if self.turns:
            reservation, used = self.turns.pop()
            reservation.settle(used)

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        self.clock.now += hours * 3_600.0

    @invariant()
    def within_the_limit(self) -> None:
        assert 0 <= self.spending.counted <= self.LIMIT


TestDays = Days.TestCase
