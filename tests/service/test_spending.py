"""What is set aside, covered, settled and refused."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bots.bootstrap.kept import open_store
from core.adapters.memory_ledger import MemoryLedger
from core.configuration import Budgets, Limits
from core.messages import Person, Place, PlaceKind
from core.policy.budgets import EVERYBODY, Refused, Scope, Span, Why, span_name
from core.ports.ledger import BILLIONTHS, Amount, Line
from core.ports.store import StoreError
from core.service.carrying_over import carry_over
from core.service.spending import PATIENCE_S, Reservation, Spending
from core.service.usage import Counted
from core.settings import Settings
from tests.fakes.clock import FakeClock
from tests.service.spending import Troubled, limited, spending_of

DAY = 86_400.0
NOON = 4 * 3_600.0  # on the fake clock
ADA, BEN = Person("discord", "1", "Ada"), Person("discord", "2", "Ben")
HERE = Place("discord", "30", PlaceKind.SHARED, guild_id="99")


async def reserved(
    spending: Spending, prompt: int, answer: int, *, person: Person = ADA, model: str = "m"
) -> Reservation:
    found = await spending.reserve(person, HERE, model, prompt=prompt, answer=answer)
    assert isinstance(found, Reservation)
    return found


async def refused(
    spending: Spending, prompt: int, answer: int, *, person: Person = ADA, model: str = "m"
) -> Refused:
    found = await spending.reserve(person, HERE, model, prompt=prompt, answer=answer)
    assert isinstance(found, Refused)
    return found


def used(prompt: int, completion: int = 0, model: str = "m") -> tuple[Counted, ...]:
    return (Counted(model, prompt, completion),)


async def left(spending: Spending, place: Place = HERE) -> list[int | None]:
    return [one.tokens for one in await spending.left(ADA, place)]


async def test_none_means_no_limit_and_zero_means_nothing() -> None:
    clock = FakeClock(NOON)
    free = limited(None, clock)
    held = await reserved(free, 10**9, 10**9)
    assert await held.cover(10**12) is None
    await held.settle(used(10**12))
    assert await left(free) == []
    assert (await refused(limited(0, clock), 0, 0)).limit == 0
    nothing_to_pay = spending_of(Budgets(user=Limits(money_per_day=Decimal(0))), clock)
    assert (await refused(nothing_to_pay, 1, 1)).why is Why.MONEY
    await reserved(nothing_to_pay, 100, 100, model="free")


async def test_a_reservation_shrinks_to_what_is_left_and_is_refused_when_that_helps_nobody() -> None:
    spending = limited(1_000, FakeClock(NOON))
    first, second = await reserved(spending, 100, 600), await reserved(spending, 100, 600)
    assert (first.tokens, second.tokens, await left(spending)) == (700, 300, [0])
    assert await second.cover(300) is None
    resets = Refused(Why.TOKENS, Scope.EVERYBODY, Span.DAY, 1_000, DAY / 2, "USD")
    assert await second.cover(301) == resets
    assert await refused(spending, 1, 1) == resets
    await first.settle(used(100, 20))
    await first.settle(())  # once only
    assert await left(spending) == [580]
    assert await second.cover(301) is None
    await second.settle(used(301))
    assert await left(spending) == [579]
    assert await refused(spending, 560, 1_000) == resets


async def test_what_a_provider_counts_beyond_the_limit_is_still_counted() -> None:
    ledger, clock = MemoryLedger(), FakeClock(NOON)
    held = await reserved(limited(100, clock, ledger), 10, 50)
    await held.settle(used(500))
    assert await ledger.counted([Line(EVERYBODY, span_name(Span.DAY, clock.wall()))]) == (
        Amount(500, 500_000),
    )


async def test_every_budget_needs_room_and_the_tightest_one_is_named() -> None:
    budgets = Budgets(Limits(2_000), Limits(500, 900), Limits(None, 1_500), Limits(1_200))
    spending = spending_of(budgets, FakeClock(NOON))
    held = await reserved(spending, 100, 1_000)
    assert held.tokens == 500
    assert (await refused(spending, 10, 50)).scope is Scope.USER
    assert (await reserved(spending, 100, 1_000, person=BEN)).tokens == 500
    cleo = replace(ADA, id="3")
    assert (await reserved(spending, 100, 1_000, person=cleo)).tokens == 200
    why = await refused(spending, 100, 1_000, person=replace(ADA, id="4"))
    assert (why.scope, why.span, why.limit) == (Scope.SERVER, Span.DAY, 1_200)
    await held.settle(used(60, 40))
    assert await left(spending) == [400, 800, 700, 400, 1_200]


async def test_money_is_set_aside_at_the_dearest_price_and_settled_at_each_models_own() -> None:
    """A prompt to "m" may be answered by "dear": 10 a million in, 30 out."""
    spending = spending_of(Budgets(user=Limits(money_per_day=Decimal("0.01"))), FakeClock(NOON))
    held = await reserved(spending, 100, 1_000)
    assert held.tokens == 100 + 300  # 0.001 for the prompt, and what 0.009 is enough for
    assert (await held.cover(401)) is not None
    why = await refused(spending, 1, 50)
    assert (why.why, why.limit, why.currency) == (Why.MONEY, BILLIONTHS // 100, "USD")
    await held.settle((Counted("dear", 100, 10), Counted("m", 100, 50)))
    [of_ada] = await spending.left(ADA, HERE)
    assert of_ada.money == BILLIONTHS // 100 - (100 * 10_000 + 10 * 30_000) - (100 * 1_000 + 50 * 2_000)
    assert of_ada.tokens is None


async def test_the_day_ends_at_midnight_utc_and_the_month_goes_on() -> None:
    clock = FakeClock(NOON)
    spending = spending_of(Budgets(everybody=Limits(1_000, 3_000)), clock)
    held = await reserved(spending, 100, 500)
    clock.now += DAY / 2
    assert await left(spending) == [1_000, 2_400]
    assert await held.cover(700) is None  # 100 more than yesterday covers, in today's name
    assert await left(spending) == [1_000 - 356, 2_400 - 356]
    await held.settle(used(650))
    assert await left(spending) == [950, 2_350]


async def test_what_is_given_back_after_midnight_is_given_back_to_the_month_too() -> None:
    clock = FakeClock(NOON)
    spending = spending_of(Budgets(everybody=Limits(1_000, 3_000)), clock)
    held = await reserved(spending, 100, 500)
    clock.now += DAY / 2
    assert await held.cover(700) is None
    await held.settle(used(50))  # less than was reserved on either day
    assert await left(spending) == [1_000, 2_950]
    clock.now -= DAY / 2
    assert await left(spending) == [950, 2_950]


async def test_a_process_that_dies_gives_nothing_back_and_blocks_nothing_for_longer_than_its_day() -> None:
    ledger, clock = MemoryLedger(), FakeClock(NOON)
    await reserved(limited(1_000, clock, ledger), 100, 400)
    after = limited(1_000, clock, ledger)
    assert await left(after) == [500]
    clock.now += DAY
    assert await left(after) == [1_000]


async def test_what_cannot_be_counted_is_not_spent(caplog: pytest.LogCaptureFixture) -> None:
    ledger, clock = Troubled(), FakeClock(NOON)
    spending = spending_of(Budgets(everybody=Limits(1_000), user=Limits(streams=1)), clock, ledger)
    ledger.fails = True
    assert (await refused(spending, 10, 10)).why is Why.UNKNOWN
    ledger.fails = False
    held = await reserved(spending, 10, 90)  # who was refused grows no stream
    ledger.fails = True
    assert await held.cover(101) == Refused(Why.UNKNOWN)
    await held.settle(used(10))
    ledger.fails = False
    assert await left(spending) == [900]  # as reserved
    assert "counts as used" in caplog.text
    await reserved(spending, 10, 90)


async def test_what_is_granted_too_late_is_given_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    ledger, clock = Troubled(), FakeClock(NOON)
    spending = limited(1_000, clock, ledger)
    ledger.free.clear()
    slow = asyncio.ensure_future(spending.reserve(ADA, HERE, "m", prompt=10, answer=90))
    cancelled = asyncio.ensure_future(spending.reserve(ADA, HERE, "m", prompt=10, answer=90))
    await clock.advance(PATIENCE_S / 2)
    cancelled.cancel()
    await clock.advance(PATIENCE_S / 2)
    assert await slow == Refused(Why.UNKNOWN)
    ledger.free.set()
    await clock.advance(0.0)
    assert cancelled.cancelled()
    assert await left(spending) == [1_000]
    assert "in time" in caplog.text


async def test_who_has_no_tokens_left_has_made_no_request_and_is_told_so() -> None:
    clock = FakeClock(NOON)
    spending = spending_of(Budgets(user=Limits(100, requests_per_minute=2)), clock)
    held = await reserved(spending, 10, 90)
    for _ in range(3):
        assert (await refused(spending, 10, 90)).why is Why.TOKENS
    await held.settle(used(10))
    await (await reserved(spending, 10, 50)).settle(used(10))
    assert (await refused(spending, 10, 50)).why is Why.REQUESTS
    assert await left(spending) == [80]  # what was set aside for it is given back
    await (await reserved(spending, 10, 60, person=BEN)).settle(used(10))
    await clock.advance(60.0)
    await (await reserved(spending, 10, 60)).settle(used(70))
    assert (await refused(spending, 10, 50)).why is Why.TOKENS


async def test_a_summary_is_no_request_of_anybodys() -> None:
    spending = spending_of(Budgets(Limits(1_000), Limits(requests_per_minute=1, streams=1)), FakeClock(NOON))
    held = await reserved(spending, 10, 90)
    beside = await spending.reserve(ADA, HERE, "m", prompt=10, answer=90, beside=True)
    assert isinstance(beside, Reservation)
    assert (await refused(spending, 10, 90)).why is Why.STREAMS
    await beside.settle(used(10))
    assert (await refused(spending, 10, 90)).why is Why.STREAMS
    await held.settle(used(10))
    assert (await refused(spending, 10, 90)).why is Why.REQUESTS


@pytest.mark.parametrize(
    ("content", "counted"),
    [
        (None, 0),
        ('{"day": DAY, "tokens": 300}', 300),
        ('{"day": YESTERDAY, "tokens": 300}', 0),
        ('{"day": TOMORROW, "tokens": 300}', 300),  # the clock was set back over midnight
        ("{", 1_000),
        ("[]", 1_000),
        ('{"day": 1}', 1_000),
        ('{"day": DAY, "tokens": -5}', 1_000),
    ],
)
async def test_what_an_earlier_version_had_counted_is_carried_over_once(
    tmp_path: Path, content: str | None, counted: int
) -> None:
    clock, ledger, file = FakeClock(NOON), MemoryLedger(), tmp_path / "spending.json"
    today = int(clock.wall() // DAY)
    if content is not None:
        days = (("YESTERDAY", today - 1), ("TOMORROW", today + 1), ("DAY", today))
        for word, day in days:
            content = content.replace(word, str(day))
        file.write_text(content)
    for _ in range(2):
        await carry_over(file, ledger, clock, 1_000)
        assert not file.exists()
    assert await left(limited(1_000, clock, ledger)) == [1_000 - counted]


async def test_what_cannot_be_carried_over_stays_for_the_next_start(tmp_path: Path) -> None:
    clock, ledger, file = FakeClock(NOON), Troubled(), tmp_path / "spending.json"
    file.write_text(f'{{"day": {int(clock.wall() // DAY)}, "tokens": 300}}')
    ledger.fails = True
    with pytest.raises(StoreError):
        await carry_over(file, ledger, clock, 1_000)
    ledger.fails = False
    await carry_over(file, ledger, clock, 1_000)
    assert await left(limited(1_000, clock, ledger)) == [700]


async def test_it_is_carried_over_as_the_bots_own_database_opens(tmp_path: Path) -> None:
    clock, file = FakeClock(NOON), tmp_path / "spending.json"
    file.write_text(f'{{"day": {int(clock.wall() // DAY)}, "tokens": 300}}')
    settings = Settings(data_dir=tmp_path, daily_tokens=1_000)
    for _ in range(2):
        async with open_store(settings, clock, sandbox=False) as kept:
            assert await left(limited(1_000, clock, kept.ledger)) == [700]
        assert not file.exists()
