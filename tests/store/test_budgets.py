"""The law of budgets, whatever happens at once: settled and reserved never exceed a cap."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.adapters.memory_ledger import MemoryLedger
from core.configuration import Budgets, Limits
from core.messages import Person, Place, PlaceKind
from core.policy.budgets import Refused, budgets_for
from core.ports.ledger import Ledger, Line
from core.service.spending import Reservation, Spending
from core.service.usage import Counted
from tests.fakes.clock import FakeClock
from tests.service.spending import configured, spending_of

DAY = 86_400.0
_years = itertools.count(1)  # each example has spans of its own, so that nothing need be emptied
BUDGETS = Budgets(
    everybody=Limits(4_000, 9_000, Decimal("0.05"), Decimal("0.12")),
    user=Limits(1_500, 4_000, Decimal("0.03")),
    chat=Limits(2_500, None, None, Decimal("0.1")),
    server=Limits(3_500),
    roles={"discord:7": Limits(2_200)},
)
PEOPLE = (Person("discord", "1", "Ada"), Person("discord", "2", "Ben", role_ids=frozenset({"7"})))
PLACES = (
    Place("discord", "30", PlaceKind.SHARED, guild_id="99"),
    Place("discord", "31", PlaceKind.THREAD, guild_id="99", parent_id="30"),
    Place("discord", "40", PlaceKind.PRIVATE),
)


@dataclass(slots=True)
class Begin:
    person: int
    place: int
    model: str
    prompt: int
    answer: int


@dataclass(slots=True)
class Grow:
    by: int


@dataclass(slots=True)
class Settle:
    share: float  # of what is reserved; beyond 1 it is what a provider alone can count


@dataclass(slots=True)
class Crash:
    """The process dies: the reservation is never heard of again."""


@dataclass(slots=True)
class Wait:
    hours: int


Step = Begin | Grow | Settle | Crash | Wait
begins = st.builds(
    Begin,
    st.integers(0, 1),
    st.integers(0, 2),
    st.sampled_from(["m", "dear", "free"]),
    st.integers(0, 600),
    st.integers(0, 1_200),
)
steps = st.one_of(
    begins,
    begins,
    st.builds(Grow, st.integers(1, 700)),
    st.builds(Settle, st.floats(0.0, 1.0)),
    st.builds(Crash),
    st.builds(Wait, st.integers(1, 30)),
)


@dataclass(slots=True)
class World:
    """Actors over one ledger, and what they know to be theirs of it."""

    clock: FakeClock
    spendings: tuple[Spending, ...]
    ledger: Ledger
    lines: dict[tuple[str, str], Line] = field(default_factory=dict)
    used: int = 0  # tokens of all who settled
    crashed: int = 0  # tokens that nobody gives back
    beyond: int = 0  # tokens that providers counted beyond what was reserved

    async def act(self, number: int, script: list[Step]) -> None:
        spending, held = self.spendings[number % 2], list[tuple[Reservation, Begin]]()
        for step in script:
            match step:
                case Begin():
                    person, place = PEOPLE[step.person], PLACES[step.place]
                    self.look(person, place)
                    taken = await spending.reserve(
                        person, place, step.model, prompt=step.prompt, answer=step.answer
                    )
                    if not isinstance(taken, Refused):
                        held.append((taken, step))
                case Grow() if held:
                    for person, place in itertools.product(PEOPLE, PLACES):
                        self.look(person, place)
                    growing, _ = held[-1]
                    await growing.cover(growing.tokens + step.by)
                case Settle() if held:
                    await self.settle(*held.pop(), step.share)
                case Crash() if held:
                    self.crashed += held.pop()[0].tokens
                case Wait():
                    self.clock.wall_ahead_s += step.hours * 3_600.0
            await self.law()
        for reservation, begun in held:
            await self.settle(reservation, begun, 0.5)
        await self.law()

    async def settle(self, reservation: Reservation, begun: Begin, share: float) -> None:
        tokens = int(reservation.tokens * share)
        self.used += tokens
        self.beyond += max(0, tokens - reservation.tokens)
        prompt = min(begun.prompt, tokens)
        await reservation.settle((Counted(begun.model, prompt, tokens - prompt),))

    def look(self, person: Person, place: Place) -> None:
        """Remember the lines that this may draw from, with the widest caps that hold for any of them."""
        for one in budgets_for(BUDGETS, person, place, self.clock.wall()):
            key = (one.line.of, one.line.span)
            self.lines[key] = max(self.lines.get(key, one.line), one.line, key=lambda line: line.tokens or 0)

    async def law(self) -> None:
        lines = list(self.lines.values())
        for line, counted in zip(lines, await self.ledger.counted(lines), strict=True):
            assert line.tokens is None or 0 <= counted.tokens <= line.tokens + self.beyond, line
            assert line.money is None or self.beyond or 0 <= counted.money <= line.money, line

    async def of_everybody(self) -> tuple[int, int]:
        """Tokens by its days, and by its months."""
        lines = [line for line in self.lines.values() if line.of == "everybody"]
        counted = await self.ledger.counted(lines)
        sums: Counter[int] = Counter()
        for line, amount in zip(lines, counted, strict=True):
            sums[len(line.span)] += amount.tokens
        return sums[len("2026-11-26")], sums[len("2026-11")]


def world_of(ledgers: tuple[Ledger, ...]) -> World:
    clock = FakeClock()
    clock.wall_ahead_s = next(_years) * 400 * DAY
    return World(clock, tuple(spending_of(BUDGETS, clock, ledger) for ledger in ledgers), ledgers[0])


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(scripts=st.lists(st.lists(steps, max_size=8), min_size=2, max_size=6))
async def test_the_law_holds_after_each_step_of_any_interleaving(
    ledgers: tuple[Ledger, ...], scripts: list[list[Step]]
) -> None:
    world = world_of(ledgers)
    async with asyncio.TaskGroup() as group:
        for number, script in enumerate(scripts):
            group.create_task(world.act(number, script))
    by_days, by_months = await world.of_everybody()
    assert by_days == by_months == world.used + world.crashed, "nothing is lost, and nothing counted twice"


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(
    scripts=st.lists(
        st.lists(st.one_of(steps, st.builds(Settle, st.floats(1.0, 2.0))), max_size=12),
        min_size=1,
        max_size=4,
    )
)
async def test_a_cap_is_passed_by_no_more_than_providers_count_beyond_what_was_reserved(
    scripts: list[list[Step]],
) -> None:
    world = world_of((MemoryLedger(),) * 2)
    async with asyncio.TaskGroup() as group:
        for number, script in enumerate(scripts):
            group.create_task(world.act(number, script))
    by_days, by_months = await world.of_everybody()
    assert by_days == by_months == world.used + world.crashed


async def test_two_hundred_at_once_over_two_processes(ledgers: tuple[Ledger, ...]) -> None:
    """Everybody's budget is enough for about half of them: they get all of it, and never more."""
    world = world_of(ledgers)
    budgets = Budgets(everybody=Limits(100_000, 150_000, Decimal(3)), server=Limits(90_000))
    spendings = tuple(spending_of(budgets, world.clock, ledger) for ledger in ledgers)
    for one in budgets_for(budgets, PEOPLE[0], PLACES[0], world.clock.wall()):
        world.lines[one.line.of, one.line.span] = one.line

    async def ask(number: int) -> int:
        person = Person("discord", str(number), "")
        reservation = await spendings[number % 2].reserve(person, PLACES[0], "m", prompt=300, answer=500)
        if isinstance(reservation, Refused):
            return 0
        await world.law()
        used = reservation.tokens
        if await reservation.cover(used + 200) is None:
            used += 200
        await world.law()
        if number % 5 == 0:  # the process dies
            return reservation.tokens
        await reservation.settle((Counted("m", 300, used - 300),))
        return used

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        asking = [group.create_task(ask(number)) for number in range(200)]
    used = [one.result() for one in asking]
    await world.law()
    assert await world.of_everybody() == (sum(used),) * 2
    assert 80_000 < sum(used) <= 90_000
    assert configured(budgets).budgets == budgets
