"""What people may spend, and how fast: the values of `[budgets]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Final

ENDLESS: Final = 2**62
"""A limit that is none: what a role says to free its members of what holds for everybody else."""
CURRENCY: Final = "USD"


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one scope. None: not limited; 0: none at all. Days and months are those of UTC."""

    tokens_per_day: int | None = None
    tokens_per_month: int | None = None
    money_per_day: Decimal | None = None
    money_per_month: Decimal | None = None
    requests_per_minute: int | None = None
    streams: int | None = None  # answers that grow at once


LIMITS: Final = tuple(one.name for one in fields(Limits))
MONEY: Final = ("money_per_day", "money_per_month")
PACE: Final = ("requests_per_minute", "streams")


@dataclass(frozen=True, slots=True)
class Budgets:
    """`everybody`: all together; `user`, `chat`, `server`: each one. `roles`: by entry, as `discord:1`, what
    holds for a member in place of `user`. `currency`: of all money, ISO 4217."""

    everybody: Limits = Limits()
    user: Limits = Limits()
    chat: Limits = Limits()
    server: Limits = Limits()
    roles: Mapping[str, Limits] = field(default_factory=lambda: MappingProxyType({}))
    currency: str = CURRENCY

    def of_member(self, roles: frozenset[str]) -> Limits:
        """Of a person with these roles: for each limit the highest that one of them names, else that of
        `user`."""
        theirs = [self.roles[role] for role in roles & self.roles.keys()]
        named = {
            name: max(values)
            for name in LIMITS
            if (values := [value for one in theirs if (value := getattr(one, name)) is not None])
        }
        return replace(self.user, **named)

    def tables(self) -> Iterator[tuple[tuple[str, ...], Limits]]:
        """Each with the keys that lead to it from `[budgets]`."""
        yield from ((("everybody",), self.everybody), (("user",), self.user))
        yield from ((("chat",), self.chat), (("server",), self.server))
        yield from ((("roles", role), limits) for role, limits in self.roles.items())
