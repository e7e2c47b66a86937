"""The benchmark of growth compares right, and plays the same operations every time."""

from __future__ import annotations

import json

import pytest

from benchmarks import growth
from benchmarks.swallowing import discord_channel, discord_interaction


def test_linear_growth_has_the_exponent_one_and_doubles() -> None:
    measured = [(n, n / 1_000, n, None) for n in (10, 20, 40, 100)]
    rows = growth.rows_of("x", measured, by_stream=False)
    assert [row.times for row in rows] == [None, 2.0, 2.0, None]
    assert {round(row.exponent or 0, 9) for row in rows} == {1.0}


def test_quadratic_growth_is_seen() -> None:
    rows = growth.rows_of("x", [(n, float(n * n), n, None) for n in (10, 20, 40)], by_stream=False)
    assert rows[-1].times == 4.0
    assert rows[-1].exponent == pytest.approx(2.0)
    assert growth.exponent([(1, 1.0)]) is None


def test_memory_of_many_is_counted_by_stream() -> None:
    assert growth.rows_of("x", [(10, 1.0, 1, 5_000)], by_stream=True)[0].beyond_text == 500
    assert growth.rows_of("x", [(10, 1.0, 1, 5_000)], by_stream=False)[0].beyond_text == 5_000


def test_sizes_take_turns_and_the_least_time_of_each_counts() -> None:
    seconds = iter([1.0, 9.0, 4.0, 2.0])
    order: list[int] = []

    def play(n: int, *, memory: bool = False) -> growth.Played:
        if memory:
            return growth.Played(0.0, 5, 300)
        order.append(n)
        return growth.Played(next(seconds), 5, 0)

    size = growth.Size(lengths=(), streams=(), rounds=2, memory_up_to=10)
    rows = growth.played_rows("x", play, (10, 20), size, lambda _: None, memory_up_to=10)
    assert order == [10, 20, 10, 20]
    assert [(row.seconds, row.times, row.beyond_text) for row in rows] == [(1.0, None, 300), (2.0, 2.0, None)]


def test_the_same_answer_takes_the_same_operations() -> None:
    played = [growth.one_answer(4_000) for _ in range(2)]
    assert played[0].operations == played[1].operations >= 5
    assert growth.one_answer(1_000, memory=True).beyond_text > 0


@pytest.mark.parametrize("place", [discord_channel, discord_interaction])
def test_many_answers_are_all_shown(place: growth.Place) -> None:
    assert growth.many_answers(place, 3).operations >= 3 * 5


def test_rows_are_for_people_and_for_machines() -> None:
    rows = growth.rows_of("one answer", [(10, 1.0, 7, None), (20, 3.0, 9, 2_500)], by_stream=False)
    assert "3.00" in growth.table(rows)
    assert "2.5 kB" in growth.table(rows)
    assert json.loads(json.dumps(growth.as_dicts(rows)))[1]["times"] == 3.0
