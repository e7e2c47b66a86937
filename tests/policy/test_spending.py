"""How much a text is, and what tokens cost."""

from __future__ import annotations

from decimal import Decimal

from core.configuration import Configuration, ModelEntry, Price
from core.policy.spending import Rate, Rates, estimate_tokens, size_within, tokens_in


def model(name: str, *prices: str, fallback: tuple[str, ...] = ()) -> ModelEntry:
    price = Price(Decimal(prices[0]), Decimal(prices[1])) if prices else None
    return ModelEntry(name, "test", name, name, price=price, fallback=fallback)


def configured(*models: ModelEntry) -> Configuration:
    return Configuration(None, {}, {one.id: one for one in models}, models[0].id)


def test_an_estimate_counts_bytes() -> None:
    texts = ("", "a", "abcd", "abcde", "水水水水", "\ud800")
    assert [estimate_tokens(text) for text in texts] == [0, 1, 1, 2, 3, 1]
    assert all(tokens_in(size_within(tokens)) == tokens for tokens in range(50))


def test_what_a_token_costs_is_never_counted_as_less() -> None:
    assert Rate.of(model("m", "0.25", "2")) == Rate(250, 2_000)
    assert Rate.of(model("m", "0.0001", "0")) == Rate(1, 0)
    assert Rate.of(model("m")) == Rate.of(None) == Rate(0, 0)
    assert Rate(250, 2_000).cost(1_000_000, 0) == 250_000_000  # billionths: a quarter


def test_what_is_set_aside_suffices_for_whoever_answers_instead() -> None:
    small, dear, odd = (
        model("small", "1", "2", fallback=("dear", "odd")),
        model("dear", "5", "3"),
        model("odd", "0", "4"),
    )
    rates = Rates(configured(small, dear, odd), "small")
    assert (rates.prompt, rates.more) == (5_000, 5_000)
    for answering in ("small", "dear", "odd", "somebody else"):
        assert rates.cost(answering, 100, 50) <= 100 * rates.prompt + 50 * rates.more
    assert rates.cost("small", 100, 50) == 200_000
