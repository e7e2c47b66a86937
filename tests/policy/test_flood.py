"""When somebody sends faster than anybody can ask."""

from __future__ import annotations

from core.policy.flood import MOST, QUIET_S, WITHIN_S, Floods, Flow


def test_ten_at_once_are_no_flood_and_more_are_until_nothing_came_for_a_while() -> None:
    floods = Floods()
    assert [floods.came("ada", 0.0) for _ in range(MOST)] == [Flow.CALM] * MOST
    assert floods.came("ada", 0.1) is Flow.BEGINS
    now = 0.1
    for _ in range(20):
        now += QUIET_S - 0.1
        assert floods.came("ada", now) is Flow.GOES_ON
    assert floods.came("ben", now) is Flow.CALM
    assert floods.came("ada", now + QUIET_S) is Flow.CALM


def test_who_asks_steadily_is_never_held_up() -> None:
    floods = Floods()
    step = WITHIN_S / MOST + 0.001
    assert {floods.came("ada", number * step) for number in range(1_000)} == {Flow.CALM}


def test_strangers_cannot_fill_the_memory() -> None:
    floods = Floods()
    for stranger in range(12_000):
        for _ in range(MOST + 1):
            floods.came(stranger, 0.0)
    assert len(floods._flooding) == len(floods._came._taken) == 10_000
