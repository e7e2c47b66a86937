"""What was spent and what is set aside, counted by line.

The law: a line holds what is settled and what is reserved as one sum. `take` adds to all the lines it names
or to none of them, and only while each stays within its cap, whoever else does so at the same time. So a
process that dies in between gives nothing back: what it had set aside counts as used, until the span is over.

Every method may raise `StoreError`. Then it is not known whether it was counted: whoever wanted to take goes
without, and whoever wanted to give back leaves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

BILLIONTHS: Final = 1_000_000_000
"""Money is counted in these parts of its unit: a token that costs 0.01 per million is ten of them."""


@dataclass(frozen=True, slots=True)
class Line:
    """One counter, and how far it may go. None: as far as it likes.

    `of`: whose it is, as `user:discord:1`; what is kept is a keyed hash of it, which /forget leaves alone.
    `span`: the day or month, as `2026-11-26` or `2026-11`. `money`: in BILLIONTHS.
    """

    of: str
    span: str
    tokens: int | None = None
    money: int | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """`money`: in BILLIONTHS."""

    tokens: int = 0
    money: int = 0


class Ledger(Protocol):
    """One for everybody who spends of the same budgets."""

    async def take(self, lines: Sequence[Line], amount: Amount) -> bool:
        """Add to each of these lines. False, and nothing is counted, where one of them would go beyond."""

    async def settle(self, lines: Sequence[Line], amount: Amount) -> None:
        """Add to each of these lines, whatever their caps; a negative amount gives back."""

    async def counted(self, lines: Sequence[Line]) -> tuple[Amount, ...]:
        """What stands in each of these lines."""

    async def expire(self, before: str) -> None:
        """Drop the lines whose span sorts before this one."""
