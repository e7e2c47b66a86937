"""The port `core.ports.ledger.Ledger` in memory, for the sandbox: it ends with the process."""

from __future__ import annotations

from collections.abc import Sequence

from core.ports.ledger import Amount, Line


class MemoryLedger:
    def __init__(self) -> None:
        self._counted: dict[tuple[str, str], Amount] = {}

    async def take(self, lines: Sequence[Line], amount: Amount) -> bool:
        if not all(_fits(line, _sum(self._of(line), amount)) for line in lines):
            return False
        await self.settle(lines, amount)
        return True

    async def settle(self, lines: Sequence[Line], amount: Amount) -> None:
        for line in lines:
            self._counted[line.of, line.span] = _sum(self._of(line), amount)

    async def counted(self, lines: Sequence[Line]) -> tuple[Amount, ...]:
        return tuple(map(self._of, lines))

    async def expire(self, before: str) -> None:
        for key in [key for key in self._counted if key[1] < before]:
            del self._counted[key]

    def _of(self, line: Line) -> Amount:
        return self._counted.get((line.of, line.span), Amount())


def _sum(one: Amount, other: Amount) -> Amount:
    return Amount(max(0, one.tokens + other.tokens), max(0, one.money + other.money))


def _fits(line: Line, amount: Amount) -> bool:
    return (line.tokens is None or amount.tokens <= line.tokens) and (
        line.money is None or amount.money <= line.money
    )
