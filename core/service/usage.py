"""What was used: booked at the end of each turn, and summed up for whoever may see it.

The law: whatever became of a turn, what it used is booked once, to the models that counted it; a store that
fails loses a figure and never an answer. Days are those of UTC. A cost is what the model's price says on that
day; what has no price costs 0, and a report names it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from core.configuration import Configuration
from core.configuration.entries import EMBEDDED_PROVIDER
from core.messages import Person, Place
from core.ports.clock import Clock
from core.ports.store import Store, StoreError, Used

log = logging.getLogger(__name__)

CHART_DAYS: Final = 30
_DAY_S: Final = 86_400
_MILLIONTHS: Final = 1_000_000
_CURRENCY: Final = "USD"  # of a cost whose model has lost its price, where no other model has one


@dataclass(frozen=True, slots=True)
class Counted:
    """What one model used for one turn, in tokens: the provider's count, else an estimate."""

    model: str
    prompt_tokens: int
    completion_tokens: int


Book = Callable[[Person, Place, Sequence[Counted]], Awaitable[None]]
"""Called once for each turn that used anything; never raises."""


@dataclass(frozen=True, slots=True)
class Sum:
    """`costs`: by currency (ISO 4217), only those that are not 0."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    costs: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OfModel:
    """`label`: as people read it. `priced`: whether its price is known now."""

    label: str
    priced: bool
    sum: Sum


@dataclass(frozen=True, slots=True)
class Report:
    """`models`: of this month, the one with most tokens first. `days`: (day of the month, prompt tokens,
    completion tokens) of the last 30 days, today's last."""

    today: Sum
    month: Sum
    models: tuple[OfModel, ...]
    days: tuple[tuple[int, int, int], ...]


class UsageBook:
    """One for the whole bot."""

    def __init__(self, store: Store, clock: Clock, configuration: Callable[[], Configuration]) -> None:
        self._store = store
        self._clock = clock
        self._configuration = configuration

    async def book(self, person: Person, place: Place, counted: Sequence[Counted]) -> None:
        """See `Book`."""
        models = self._configuration().models
        try:
            for one in counted:
                entry = models.get(one.model)
                price = entry.price if entry else None
                cost = price.cost(one.prompt_tokens, one.completion_tokens) if price else Decimal(0)
                await self._store.use(
                    Used(
                        self._today(),
                        str(person),
                        booked_place(place),
                        one.model,
                        requests=1,
                        prompt_tokens=one.prompt_tokens,
                        completion_tokens=one.completion_tokens,
                        cost=round(cost * _MILLIONTHS),
                    )
                )
        except StoreError as error:
            log.error("what %s used in %s cannot be booked: %s", person, place, error)

    async def report(self, *, person: str = "", place: str = "") -> Report:
        """Of one person, of one place, or of all where both are empty. Raises StoreError."""
        today = self._today()
        month = today - datetime.fromtimestamp(today * _DAY_S, UTC).day + 1
        first = today - CHART_DAYS + 1
        rows = await self._store.used(since_day=min(first, month), person=person, place=place)
        of_month = [row for row in rows if row.day >= month]
        by_model = {row.model: [one for one in of_month if one.model == row.model] for row in of_month}
        models = [self._of_model(model, own) for model, own in by_model.items()]
        models.sort(key=lambda one: (-one.sum.prompt_tokens - one.sum.completion_tokens, one.label))
        return Report(
            self._sum(row for row in rows if row.day == today),
            self._sum(of_month),
            tuple(models),
            tuple(_of_day(day, rows) for day in range(first, today + 1)),
        )

    def _of_model(self, model: str, rows: Sequence[Used]) -> OfModel:
        entry = self._configuration().models.get(model)
        return OfModel(
            entry.label if entry else model, entry is not None and entry.price is not None, self._sum(rows)
        )

    def _sum(self, rows: Iterable[Used]) -> Sum:
        costs: dict[str, Decimal] = {}
        requests = prompt = completion = 0
        for row in rows:
            requests += row.requests
            prompt += row.prompt_tokens
            completion += row.completion_tokens
            if row.cost:
                currency = self._currency(row.model)
                costs[currency] = costs.get(currency, Decimal(0)) + Decimal(row.cost) / _MILLIONTHS
        return Sum(requests, prompt, completion, costs)

    def _currency(self, model: str) -> str:
        """What a model's costs are in; those of one that has no price any more are read as another's."""
        models = self._configuration().models
        own = [models[model]] if model in models else []
        others = (one for one in models.values() if one.provider != EMBEDDED_PROVIDER)  # it costs nothing
        prices = (entry.price for entry in (*own, *others))
        return next((price.currency for price in prices if price is not None), _CURRENCY)

    def _today(self) -> int:
        return int(self._clock.wall() // _DAY_S)


def booked_place(place: Place) -> str:
    """What usage in a place is booked to: the guild, else the chat."""
    return f"{place.platform}:{place.guild_id or place.chat_id}"


def _of_day(day: int, rows: Iterable[Used]) -> tuple[int, int, int]:
    own = [row for row in rows if row.day == day]
    return (
        datetime.fromtimestamp(day * _DAY_S, UTC).day,
        sum(row.prompt_tokens for row in own),
        sum(row.completion_tokens for row in own),
    )
