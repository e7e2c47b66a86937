"""A budget that is used up, in words for people: which one, how large it is, and when there is more."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.catalogue import money, say
from core.policy.budgets import Refused, Scope, Span, Why
from core.ports.ledger import BILLIONTHS

_HOUR_MIN: Final = 60
_DAY_MIN: Final = 24 * 60


def words_of(refused: Refused, locale: str | None, *, goes_on: bool = False) -> str:
    """For whoever is not answered. `goes_on`: a new conversation would be shorter."""
    match refused.why:
        case Why.TOKENS | Why.MONEY:
            limit = tokens_or_money(refused.why, refused.limit, refused.currency, locale)
            budget = name_of(refused.scope, refused.span, locale)
            if refused.never:
                key = "spent.never.conversation" if goes_on and refused.limit else "spent.never"
                return say(key, locale, budget=budget, limit=limit)
            return say("spent", locale, budget=budget, limit=limit, span=time_span(refused.wait_s, locale))
        case Why.REQUESTS:
            seconds = -(-int(refused.wait_s * 1_000) // 1_000)
            return say(f"paced.{refused.scope}", locale, requests=refused.limit, seconds=seconds)
        case Why.STREAMS:
            return say(f"streams.{refused.scope}", locale, streams=refused.limit)
        case Why.UNKNOWN:
            return say("spent.unknown", locale)


def mark_of(refused: Refused, locale: str | None) -> str:
    """Below an answer that ends for it."""
    if refused.why is Why.UNKNOWN:
        return say("ending.uncounted", locale)
    return say("ending.spent", locale, budget=name_of(refused.scope, refused.span, locale))


def name_of(scope: Scope, span: Span, locale: str | None) -> str:
    """A budget, in the middle of a sentence."""
    return say(f"budget.{scope}.{span}", locale)


def tokens_or_money(why: Why, amount: int, currency: str, locale: str | None) -> str:
    if why is Why.MONEY:
        return money(Decimal(amount) / BILLIONTHS, currency, locale)
    return say("budget.tokens", locale, tokens=amount)


def time_span(seconds: float, locale: str | None) -> str:
    """To the minute, rounded up; of more than two days to the hour."""
    minutes = -(-int(seconds) // 60)
    if minutes < 2 * _DAY_MIN:
        return say("span.hours", locale, hours=minutes // _HOUR_MIN, minutes=minutes % _HOUR_MIN)
    hours = -(-minutes // _HOUR_MIN)
    return say("span.days", locale, days=hours // 24, hours=hours % 24)
