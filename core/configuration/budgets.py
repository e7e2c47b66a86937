"""Reading `[budgets]`, and whether every model has the price that a budget of money needs."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from core.configuration.entries import EMBEDDED_PROVIDER, ModelEntry
from core.configuration.limits import CURRENCY, ENDLESS, LIMITS, MONEY, PACE, Budgets, Limits
from core.configuration.problems import Report, Section, add_table, written
from core.settings import role_in, shown

_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_UNLIMITED: Final = "unlimited"
_DEAREST: Final = 1e6
_PRICED: Final = "prompt_price and completion_price, 0 where it costs nothing."
_NO_MONEY: Final = "Else take out what counts money."


def read_budgets(section: Section, daily_tokens: int | None) -> Budgets:
    """`daily_tokens`: what `.env` lets everybody have together; of it and the file's, the smaller holds."""
    currency = read_currency(section)
    everybody = _limits(section.table("everybody"))
    user = _limits(section.table("user"))
    chat, server = (_limits(section.table(name), no_pace=True) for name in ("chat", "server"))
    roles: dict[str, Limits] = {}
    table = section.table("roles")
    for name, limits in table.each():
        role = role_in(name)
        if role is None:
            table.problem(name, "is no role", 'Write its id: [budgets.roles."discord:role:123"].')
        elif role in roles:
            table.problem(name, "stands there twice, with and without role:", "Take one of them out.")
        roles[role or name] = _limits(limits, may_be_endless=True)
    section.close(dict.fromkeys(LIMITS, "[budgets.everybody], [budgets.user] or another of its tables"))
    given = [one for one in (everybody.tokens_per_day, daily_tokens) if one is not None]
    everybody = replace(everybody, tokens_per_day=min(given, default=None))
    return Budgets(everybody, user, chat, server, MappingProxyType(roles), currency or CURRENCY)


def read_currency(section: Section) -> str | None:
    currency = section.text("currency")
    if currency is not None and not _CURRENCY.fullmatch(currency):
        section.problem("currency", f"is {shown(currency)}", "Write its three letters, such as USD or EUR.")
        return None
    return currency


def check_prices(
    budgets: Budgets, models: Mapping[str, ModelEntry], in_file: Collection[str], report: Report
) -> None:
    """Report every model whose cost cannot be counted. What runs within Sluice costs nothing.

    `in_file`: the models with a table of their own. Any other is the one that OPENAI_MODEL names.
    """
    wants = [
        ("budgets", *table, name)
        for table, limits in budgets.tables()
        for name in MONEY
        if (limit := getattr(limits, name)) is not None and limit < ENDLESS
    ]
    for id_, model in models.items() if wants else ():
        if model.provider == EMBEDDED_PROVIDER:
            continue
        at = ("models", id_)
        if model.price is None and id_ not in in_file:
            found = (
                f"counts money, and the model {shown(model.model)}, which OPENAI_MODEL names, has no price"
            )
            remedy = f"{add_table('models', id_)} with {_PRICED} {_NO_MONEY}"
            report.problem(wants[0], found, remedy)
        elif model.price is None:
            found = f"has no price, and {written(wants[0])} counts money"
            report.problem(at, found, f"Write {_PRICED} {_NO_MONEY}")
        elif model.price.currency != budgets.currency:
            found = f"costs {model.price.currency}, and {written(wants[0])} counts {budgets.currency}"
            report.problem(at, found, f'Write the price in {budgets.currency}, or [budgets] currency = "…".')


def _limits(table: Section, *, no_pace: bool = False, may_be_endless: bool = False) -> Limits:
    read: dict[str, int | Decimal | None] = {}
    for name in LIMITS:
        if no_pace and name in PACE:
            if name in table:
                table.refuse(
                    name, "is not counted here", "It belongs into [budgets.user] or [budgets.everybody]."
                )
        elif may_be_endless and table.says(name, _UNLIMITED):
            read[name] = Decimal(ENDLESS) if name in MONEY else ENDLESS
        elif name in MONEY:
            amount = table.number(name, least=0.0, most=_DEAREST)
            read[name] = None if amount is None else Decimal(repr(amount))
        else:
            read[name] = table.whole(name, least=0)
    table.close()
    return Limits(**read)  # type: ignore[arg-type]  # each by its own name
