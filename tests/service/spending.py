"""Spending with a budget or two, for whoever asks of it in a test."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from core.adapters.memory_ledger import MemoryLedger
from core.configuration import Budgets, Configuration, Limits, ModelEntry, Price
from core.ports.clock import Clock
from core.ports.ledger import Amount, Ledger, Line
from core.ports.store import StoreError
from core.service.spending import Spending

MODELS = {
    "m": ModelEntry("m", "test", "m", "M", price=Price(Decimal(1), Decimal(2)), fallback=("dear",)),
    "dear": ModelEntry("dear", "test", "dear", "Dear", price=Price(Decimal(10), Decimal(30))),
    "free": ModelEntry("free", "test", "free", "Free", price=Price(Decimal(0), Decimal(0))),
}


def configured(budgets: Budgets) -> Configuration:
    return Configuration(None, {}, MODELS, "m", budgets=budgets)


def spending_of(budgets: Budgets, clock: Clock, ledger: Ledger | None = None) -> Spending:
    configuration = configured(budgets)
    return Spending(ledger or MemoryLedger(), clock, lambda: configuration)


def limited(tokens: int | None, clock: Clock, ledger: Ledger | None = None) -> Spending:
    """So many tokens a day for everybody."""
    return spending_of(Budgets(everybody=Limits(tokens)), clock, ledger)


class Troubled(MemoryLedger):
    """`fails`: refuses everything; `slow`: answers when it is set free."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False
        self.free = asyncio.Event()
        self.free.set()

    async def take(self, lines: Sequence[Line], amount: Amount) -> bool:
        await self.trouble()
        return await super().take(lines, amount)

    async def settle(self, lines: Sequence[Line], amount: Amount) -> None:
        await self.trouble()
        await super().settle(lines, amount)

    async def trouble(self) -> None:
        await self.free.wait()
        if self.fails:
            raise StoreError("out of order")
