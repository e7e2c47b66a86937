"""Which budgets a question draws from: of whoever asks, of the chat, of the server and of everybody, each by
UTC day and month.

All that are configured count, and each question needs room in all of them. A person has one wherever they
ask; what a role says changes how far it goes, not what was spent of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from core.configuration import Budgets, Limits
from core.configuration.limits import ENDLESS
from core.messages import Person, Place, PlaceKind
from core.ports.ledger import BILLIONTHS, Line

_DAY: Final = timedelta(days=1)


class Scope(StrEnum):
    USER = "user"
    CHAT = "chat"
    SERVER = "server"
    EVERYBODY = "everybody"


class Span(StrEnum):
    DAY = "day"
    MONTH = "month"


class Why(StrEnum):
    """What there is not enough of."""

    TOKENS = "tokens"
    MONEY = "money"
    REQUESTS = "requests"  # a minute
    STREAMS = "streams"  # at once
    UNKNOWN = "unknown"  # what was spent cannot be counted now


@dataclass(frozen=True, slots=True)
class Budget:
    scope: Scope
    span: Span
    line: Line
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """`limit`: in tokens, BILLIONTHS of `currency`, or times. `wait_s`: until there is room again; it is no
    use to wait where `never`, since this needs more than the whole limit."""

    why: Why
    scope: Scope = Scope.EVERYBODY
    span: Span = Span.DAY
    limit: int = 0
    wait_s: float = 0.0
    currency: str = ""
    never: bool = False


def budgets_for(budgets: Budgets, person: Person, place: Place, now: float) -> tuple[Budget, ...]:
    """`now`: seconds since the epoch."""
    found = []
    for scope, of, limits, tables in _scopes(budgets, person, place):
        for span in Span:
            if not any(_is_limited(table, span) for table in tables):
                continue
            tokens, money = _caps(limits, span)
            line = Line(
                of,
                span_name(span, now),
                None if tokens is None or tokens >= ENDLESS else tokens,
                None if money is None or money >= ENDLESS else int(money * BILLIONTHS),
            )
            found.append(Budget(scope, span, line, budgets.currency))
    return tuple(found)


def span_name(span: Span, now: float) -> str:
    """As a line of the ledger has it."""
    return _at(now).strftime("%Y-%m-%d" if span is Span.DAY else "%Y-%m")


def resets_in_s(span: Span, now: float) -> float:
    """Seconds until the next UTC day or month."""
    return (_begin_after(span, _at(now)) - _at(now)).total_seconds()


def oldest_kept(now: float) -> str:
    """Spans that sort before this one are over for as long as a month: no clock that is wrong by less has a
    budget begin anew."""
    return span_name(Span.MONTH, (_at(now).replace(day=1) - _DAY).timestamp())


def _scopes(
    budgets: Budgets, person: Person, place: Place
) -> Iterator[tuple[Scope, str, Limits, tuple[Limits, ...]]]:
    """Each with whose it is, how far it goes here, and every table that limits it for anybody."""
    roles = frozenset(f"{person.platform}:{role}" for role in person.role_ids)
    of_users = (budgets.user, *budgets.roles.values())
    yield Scope.USER, f"user:{person}", budgets.of_member(roles), of_users
    chat = place.parent_id or place.chat_id  # a thread is of its channel: opening one gives nobody more
    yield Scope.CHAT, f"chat:{place.platform}:{chat}", budgets.chat, (budgets.chat,)
    if place.kind is not PlaceKind.PRIVATE:
        server = place.guild_id or place.chat_id
        yield Scope.SERVER, f"server:{place.platform}:{server}", budgets.server, (budgets.server,)
    yield Scope.EVERYBODY, EVERYBODY, budgets.everybody, (budgets.everybody,)


EVERYBODY: Final = "everybody"
"""Whose the line of all together is."""


def _caps(limits: Limits, span: Span) -> tuple[int | None, Decimal | None]:
    if span is Span.DAY:
        return limits.tokens_per_day, limits.money_per_day
    return limits.tokens_per_month, limits.money_per_month


def _is_limited(limits: Limits, span: Span) -> bool:
    return any(cap is not None for cap in _caps(limits, span))


def _at(now: float) -> datetime:
    return datetime.fromtimestamp(now, UTC)


def _begin_after(span: Span, at: datetime) -> datetime:
    today = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if span is Span.DAY:
        return today + _DAY
    return (today.replace(day=1) + 32 * _DAY).replace(day=1)
