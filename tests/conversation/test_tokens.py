"""Budgets in a provider's tokens, from estimates that its counts correct."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.configuration import ModelChoice
from core.conversation.tokens import LEAST_PROMPT, LEAST_RATIO, MOST_RATIO, Budgets, Ratio

M, ANOTHER = (ModelChoice(name, prompt_tokens=8_000) for name in ("m", "another"))


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(-5, 10**7))))
def test_a_ratio_stays_within_its_bounds(turns: list[tuple[int, int]]) -> None:
    ratio = Ratio()
    for estimated, counted in turns:
        ratio = ratio.after(estimated=estimated, counted=counted)
        assert LEAST_RATIO <= ratio.value <= MOST_RATIO


@given(st.floats(LEAST_RATIO, MOST_RATIO), st.lists(st.integers(100, 100_000), min_size=1, max_size=40))
def test_a_steady_model_is_known_after_its_first_turn(true: float, estimates: list[int]) -> None:
    budgets = Budgets()
    for estimated in estimates:
        budgets.learn("m", "c", estimated=estimated, counted=round(estimated * true))
        assert abs(budgets.ratio("m", "c") - true) < 0.02
    assert abs(budgets.of(M, "c") * true - 8_000) <= 200
    assert budgets.of(ANOTHER, "c") == budgets.of(M, "another") == 8_000


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
    budgets = Budgets()
    budgets.learn("m", "c", estimated=1_000, counted=round(1_000 * ratio))
    before = budgets.of(M, "c")
    told = budgets.refused(M, "c", estimated=estimated)
    assert told >= LEAST_PROMPT
    assert budgets.of(M, "c") <= max(before, LEAST_PROMPT / LEAST_RATIO)
    assert budgets.refused(M, "c", estimated=30_000) <= told


def test_a_refusal_is_of_one_budget_and_one_that_is_changed_counts() -> None:
    budgets = Budgets()
    budgets.refused(M, "c", estimated=6_000)
    assert budgets.of(M, "another") == 3_000
    assert budgets.of(ModelChoice("m", prompt_tokens=4_000), "c") == 4_000
    assert budgets.of(ANOTHER, "c") == 8_000
