"""What a question may cost is set aside before a model is asked, and settled once with what it did cost.

The law: in every budget that applies, what is settled and what is reserved together never exceed it, unless a
provider counts more than was reserved. A growing answer reserves more before it goes on. What cannot be
counted is not spent: while the store fails, budgets let nobody ask. What a process has reserved when it dies
counts as used (see `core.ports.ledger`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from core.configuration import Configuration
from core.messages import Person, Place
from core.policy.budgets import Budget, Refused, Why, budgets_for, resets_in_s
from core.policy.pace import Pace
from core.policy.spending import Rates
from core.ports.clock import Clock
from core.ports.ledger import Amount, Ledger, Line
from core.ports.store import StoreError
from core.service.in_time import ends_within
from core.service.usage import Counted

log = logging.getLogger(__name__)

LEAST_ANSWER: Final = 50
"""Tokens: an answer that must end sooner helps nobody."""
BLOCK: Final = 256
"""Tokens: what a growing answer reserves at a time beyond what it needs."""
PATIENCE_S: Final = 3.0
"""So long somebody waits for the ledger; what it grants later is given back."""
_TRIES: Final = 8  # when what was left has gone to others meanwhile
_ENDLESS: Final = 2**53


@dataclass(frozen=True, slots=True)
class Left:
    """Of a budget: None where it does not count that."""

    budget: Budget
    tokens: int | None
    money: int | None
    resets_in_s: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """A fixed amount, and beyond it between `least` and `most` tokens at `rate` each, as many as are left."""

    fixed: Amount
    rate: int
    least: int
    most: int


@dataclass(slots=True)
class _Held:
    """What is set aside in the same lines."""

    lines: tuple[Line, ...]
    amount: Amount

    def same_lines(self, other: _Held) -> bool:
        return [(one.of, one.span) for one in self.lines] == [(one.of, one.span) for one in other.lines]


class Spending:
    """One for the whole process. `configuration`: as it is now."""

    def __init__(self, ledger: Ledger, clock: Clock, configuration: Callable[[], Configuration]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._configuration = configuration
        self._pace = Pace()
        self._late: set[asyncio.Task[None]] = set()

    async def reserve(
        self, person: Person, place: Place, model: str, *, prompt: int, answer: int, beside: bool = False
    ) -> Reservation | Refused:
        """Set tokens aside, fewer for the answer when fewer are left. `beside`: nobody asked for it, as for a
        summary, so that it is no request. Whoever gets a Reservation must `settle` it."""
        configuration = self._configuration()
        if not beside and (crowded := self._pace.begin(configuration.budgets, person)) is not None:
            return crowded
        rates = Rates(configuration, model)
        reservation = Reservation(self, person, place, rates, leaves=not beside)
        fixed, least = Amount(prompt, prompt * rates.prompt), max(1, min(answer, LEAST_ANSWER))
        refused: Refused | None = Refused(Why.UNKNOWN)
        try:
            refused = await reservation.more(Wanted(fixed, rates.more, least, max(1, answer)))
        finally:
            if refused is not None and not beside:
                self._pace.leave(person)
        if refused is None and not beside:  # last, since who has no tokens left has made no request
            refused = self._pace.count(configuration.budgets, person, self._clock.monotonic())
            if refused is not None:
                await reservation.settle(())
        return refused or reservation

    async def left(self, person: Person, place: Place) -> tuple[Left, ...]:
        """What is left of every budget that limits this person here. Raises StoreError."""
        now = self._clock.wall()
        budgets = [
            one
            for one in budgets_for(self._configuration().budgets, person, place, now)
            if one.line.tokens is not None or one.line.money is not None
        ]
        counted = await self._ledger.counted([one.line for one in budgets])
        return tuple(
            Left(
                one,
                None if one.line.tokens is None else max(0, one.line.tokens - amount.tokens),
                None if one.line.money is None else max(0, one.line.money - amount.money),
                resets_in_s(one.span, now),
            )
            for one, amount in zip(budgets, counted, strict=True)
        )

    async def take(self, person: Person, place: Place, wanted: Wanted) -> _Held | Refused:
        now = self._clock.wall()
        budgets = budgets_for(self._configuration().budgets, person, place, now)
        if not budgets:
            return _Held((), Amount(_ENDLESS))
        return await self._in_time(self._take(budgets, now, wanted))

    async def settle(self, lines: tuple[Line, ...], amount: Amount) -> None:
        """Never raises: what could not be given back counts as used."""
        if lines and amount != Amount():
            task = asyncio.ensure_future(self._settle(lines, amount))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            await ends_within(self._clock, PATIENCE_S, task)

    def leave(self, person: Person) -> None:
        self._pace.leave(person)

    async def _take(self, budgets: Sequence[Budget], now: float, wanted: Wanted) -> _Held | Refused:
        lines, fixed, more = tuple(one.line for one in budgets), wanted.fixed, wanted.most
        for _ in range(_TRIES):
            amount = Amount(fixed.tokens + more, fixed.money + more * wanted.rate)
            if await self._ledger.take(lines, amount):
                return _Held(lines, amount)
            counted = await self._ledger.counted(lines)
            room, why, tightest = _least_room(budgets, counted, wanted)
            if room < wanted.least:
                break
            more = min(more, room)
        whole, of_what, smallest = _least_room(budgets, [Amount()] * len(budgets), wanted)
        if whole < wanted.least:
            return _refusal(smallest, of_what, now, never=True)
        return _refusal(tightest, why, now)

    async def _settle(self, lines: tuple[Line, ...], amount: Amount) -> None:
        try:
            await self._ledger.settle(lines, amount)
        except StoreError as error:
            log.error("what was set aside for an answer counts as used: %s", error)

    async def _in_time(self, taking: Coroutine[Any, Any, _Held | Refused]) -> _Held | Refused:
        task = asyncio.ensure_future(taking)
        try:
            if await ends_within(self._clock, PATIENCE_S, task):
                return task.result()
        except StoreError as error:
            log.error("what may be spent cannot be counted: %s", error)
            return Refused(Why.UNKNOWN)
        except asyncio.CancelledError:
            self._give_back(task)
            raise
        log.error("what may be spent cannot be counted in time")
        self._give_back(task)
        return Refused(Why.UNKNOWN)

    def _give_back(self, taking: asyncio.Task[_Held | Refused]) -> None:
        """What is granted too late for anybody to use it."""

        async def give_back() -> None:
            with suppress(StoreError):
                held = await taking
                if isinstance(held, _Held):
                    await self._settle(held.lines, Amount(-held.amount.tokens, -held.amount.money))

        task = asyncio.ensure_future(give_back())
        self._late.add(task)
        task.add_done_callback(self._late.discard)


class Reservation:
    """What is set aside for one answer. Call `settle` once at its end, however it ended.

    What was reserved stays with its day and month; what is needed after midnight is the new day's.
    """

    def __init__(
        self, spending: Spending, person: Person, place: Place, rates: Rates, *, leaves: bool
    ) -> None:
        self._spending = spending
        self._person = person
        self._place = place
        self._rates = rates
        self._leaves = leaves
        self._held: list[_Held] = []
        self._settled = False

    @property
    def tokens(self) -> int:
        """What is covered without reserving more."""
        return sum(held.amount.tokens for held in self._held)

    async def cover(self, tokens: int) -> Refused | None:
        """The answer may go on once it may have used this many tokens; it must end where that is refused."""
        missing = tokens - self.tokens
        if missing <= 0:
            return None
        fixed = Amount(missing, missing * self._rates.more)
        return await self.more(Wanted(fixed, self._rates.more, least=0, most=BLOCK))

    async def more(self, wanted: Wanted) -> Refused | None:
        """Set this aside too."""
        taken = await self._spending.take(self._person, self._place, wanted)
        if isinstance(taken, Refused):
            return taken
        if self._held and self._held[-1].same_lines(taken):
            before = self._held[-1].amount
            taken.amount = Amount(before.tokens + taken.amount.tokens, before.money + taken.amount.money)
            self._held[-1] = taken
        else:
            self._held.append(taken)
        return None

    async def settle(self, counts: Sequence[Counted]) -> None:
        """Count what was used instead of what was reserved. A second call does nothing."""
        if self._settled:
            return
        self._settled = True
        if self._leaves:
            self._spending.leave(self._person)
        tokens = sum(one.prompt_tokens + one.completion_tokens for one in counts)
        money = sum(self._rates.cost(one.model, one.prompt_tokens, one.completion_tokens) for one in counts)
        tokens -= self.tokens
        money -= sum(held.amount.money for held in self._held)
        for held in reversed(self._held):
            change = Amount(max(tokens, -held.amount.tokens), max(money, -held.amount.money))
            tokens, money = tokens - change.tokens, money - change.money
            await self._spending.settle(held.lines, change)


def _least_room(
    budgets: Sequence[Budget], counted: Sequence[Amount], wanted: Wanted
) -> tuple[int, Why, Budget]:
    rooms = (_room(one, amount, wanted) for one, amount in zip(budgets, counted, strict=True))
    return min(rooms, key=lambda room: room[0])


def _room(budget: Budget, counted: Amount, wanted: Wanted) -> tuple[int, Why, Budget]:
    """How many tokens beyond the fixed amount there are left of it; fewer than 0 where there is no room for
    that."""
    line, fixed, rate = budget.line, wanted.fixed, wanted.rate
    room, why = _ENDLESS, Why.TOKENS
    if line.tokens is not None:
        room = line.tokens - counted.tokens - fixed.tokens
    if line.money is not None:
        money = line.money - counted.money - fixed.money
        of_money = money // rate if rate else _ENDLESS if money >= 0 else -1
        if of_money < room:
            room, why = of_money, Why.MONEY
    return room, why, budget


def _refusal(budget: Budget, why: Why, now: float, *, never: bool = False) -> Refused:
    limit = budget.line.money if why is Why.MONEY else budget.line.tokens
    wait_s = resets_in_s(budget.span, now)
    return Refused(why, budget.scope, budget.span, limit or 0, wait_s, budget.currency, never)
