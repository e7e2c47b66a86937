"""Budgets in a provider's tokens, from estimates that its counts correct."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.conversation.tokens import LEAST_PROMPT, LEAST_RATIO, MOST_RATIO, Budgets, Ratio


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(-5, 10**7))))
def test_a_ratio_stays_within_its_bounds(turns: list[tuple[int, int]]) -> None:
    ratio = Ratio()
    for estimated, counted in turns:
        ratio = ratio.after(estimated=estimated, counted=counted)
        assert LEAST_RATIO <= ratio.value <= MOST_RATIO


@given(st.floats(LEAST_RATIO, MOST_RATIO), st.lists(st.integers(100, 100_000), min_size=1, max_size=40))
def test_a_steady_model_is_known_after_its_first_turn(true: float, estimates: list[int]) -> None:
    budgets = Budgets(8_000)
    for estimated in estimates:
        budgets.learn("m", "c", estimated=estimated, counted=round(estimated * true))
        assert abs(budgets.ratio("m", "c") - true) < 0.02
    assert abs(budgets.of("m", "c") * true - 8_000) <= 200
    assert budgets.of("another", "c") == budgets.of("m", "another") == 8_000


@given(st.lists(st.floats(0.6, 2.9), min_size=1, max_size=30), st.floats(0.6, 2.9))
def test_it_follows_a_change_and_never_passes_it(before: list[float], now: float) -> None:
    ratio = Ratio()
    for seen in before:
        ratio = ratio.after(estimated=1_000, counted=round(1_000 * seen))
    for _ in range(30):
        nearer = ratio.after(estimated=1_000, counted=round(1_000 * now))
        assert abs(nearer.value - now) <= abs(ratio.value - now) + 0.001
        ratio = nearer
    assert abs(ratio.value - now) < 0.01


@given(st.integers(1, 20_000), st.floats(0.5, 3.0))
def test_a_refusal_shrinks_the_budget_and_it_stays_shrunk(estimated: int, ratio: float) -> None:
    budgets = Budgets(8_000)
    budgets.learn("m", "c", estimated=1_000, counted=round(1_000 * ratio))
    before = budgets.of("m", "c")
    told = budgets.refused("m", "c", estimated=estimated)
    assert told >= LEAST_PROMPT
    assert budgets.of("m", "c") <= max(before, LEAST_PROMPT / LEAST_RATIO)
    assert budgets.refused("m", "c", estimated=30_000) <= told
