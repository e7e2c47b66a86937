"""About how much a text is, and what a token costs: what is known before a provider has counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from core.configuration import Configuration, ModelEntry

_BYTES_PER_TOKEN: Final = 4  # of UTF-8: English has about four characters in a token, Chinese about one
_A_MILLION_TO_BILLIONTHS: Final = 1_000  # a price is per million tokens, money is in billionths


def estimate_tokens(text: str) -> int:
    """About how many tokens a text is."""
    return tokens_in(size_of(text))


def size_of(text: str) -> int:
    """Bytes of UTF-8, to be summed up and given to `tokens_in`."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def tokens_in(size: int) -> int:
    """About how many tokens so many bytes are."""
    return -(-size // _BYTES_PER_TOKEN)


def size_within(tokens: int) -> int:
    """The most bytes of which `tokens_in` makes no more than so many tokens."""
    return tokens * _BYTES_PER_TOKEN


@dataclass(frozen=True, slots=True)
class Rate:
    """What one token costs, in billionths of the currency, rounded up. No price: nothing."""

    prompt: int = 0
    completion: int = 0

    @classmethod
    def of(cls, model: ModelEntry | None) -> Rate:
        if model is None or model.price is None:
            return cls()
        price = model.price
        return cls(
            ceil(price.prompt * _A_MILLION_TO_BILLIONTHS), ceil(price.completion * _A_MILLION_TO_BILLIONTHS)
        )

    def cost(self, prompt_tokens: int, completion_tokens: int) -> int:
        return self.prompt * prompt_tokens + self.completion * completion_tokens


class Rates:
    """Of a model and those that may be asked instead of it, as they were when it was asked."""

    def __init__(self, configuration: Configuration, model: str) -> None:
        models = configuration.models
        asked = (model, *(models[model].fallback if model in models else ()))
        self._rates: Mapping[str, Rate] = {id_: Rate.of(models.get(id_)) for id_ in asked}
        self.prompt = _dearest(rate.prompt for rate in self._rates.values())
        """Of the first prompt, whoever answers."""
        self.more = max(self.prompt, _dearest(rate.completion for rate in self._rates.values()))
        """Of any other token: of an answer, or of the prompt of whoever is asked instead."""

    def cost(self, model: str, prompt_tokens: int, completion_tokens: int) -> int:
        rate = self._rates.get(model) or Rate(self.prompt, self.more)
        return rate.cost(prompt_tokens, completion_tokens)


def _dearest(rates: Iterable[int]) -> int:
    return max(rates, default=0)
