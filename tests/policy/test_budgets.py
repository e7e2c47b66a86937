"""Which budgets a question draws from, and when they begin anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.configuration import Budgets, Limits
from core.configuration.limits import ENDLESS
from core.messages import Person, Place, PlaceKind
from core.policy.budgets import Scope, Span, budgets_for, oldest_kept, resets_in_s, span_name
from core.ports.ledger import Line

ADA = Person("discord", "1", "Ada", role_ids=frozenset({"7"}))
CHANNEL = Place("discord", "30", PlaceKind.SHARED, guild_id="99")
EVERY = Limits(100, 1_000)
ALL = Budgets(EVERY, EVERY, EVERY, EVERY)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOW = at("2026-11-26T15:30:00")


def lines(budgets: Budgets, person: Person = ADA, place: Place = CHANNEL) -> list[Line]:
    return [one.line for one in budgets_for(budgets, person, place, NOW)]


def of(place: Place) -> set[str]:
    return {line.of for line in lines(ALL, place=place)}


def test_whoever_asks_the_chat_the_server_and_everybody_each_by_day_and_month() -> None:
    found = budgets_for(ALL, ADA, CHANNEL, NOW)
    assert [(one.scope, one.span) for one in found] == [(scope, span) for scope in Scope for span in Span]
    assert found[0].line == Line("user:discord:1", "2026-11-26", tokens=100)
    assert found[-1].line == Line("everybody", "2026-11", tokens=1_000)


def test_only_what_is_limited_is_counted() -> None:
    assert lines(Budgets()) == []
    assert lines(Budgets(user=Limits(streams=1, requests_per_minute=1))) == []
    [line] = lines(Budgets(chat=Limits(money_per_month=Decimal("0.5"))))
    assert line == Line("chat:discord:30", "2026-11", money=500_000_000)
    assert lines(Budgets(server=Limits(0)))[0].tokens == 0


@pytest.mark.parametrize(
    ("place", "chat", "server"),
    [
        (CHANNEL, "discord:30", "discord:99"),
        (Place("discord", "31", PlaceKind.THREAD, guild_id="99", parent_id="30"), "discord:30", "discord:99"),
        (Place("telegram", "-4", PlaceKind.SHARED), "telegram:-4", "telegram:-4"),
        (Place("telegram", "-4", PlaceKind.THREAD, topic_id="5"), "telegram:-4", "telegram:-4"),
        (Place("telegram", "1", PlaceKind.PRIVATE), "telegram:1", None),
    ],
)
def test_a_thread_or_topic_draws_from_what_it_hangs_in(place: Place, chat: str, server: str | None) -> None:
    expected = {"user:discord:1", f"chat:{chat}", "everybody", *([f"server:{server}"] if server else [])}
    assert of(place) == expected


def test_a_role_changes_how_far_a_person_may_go_and_not_what_they_have_spent() -> None:
    budgets = Budgets(user=Limits(100), roles={"discord:7": Limits(500, money_per_day=Decimal(ENDLESS))})
    nobody = replace(ADA, role_ids=frozenset())
    assert lines(budgets) == [Line("user:discord:1", "2026-11-26", tokens=500)]
    assert lines(budgets, nobody) == [Line("user:discord:1", "2026-11-26", tokens=100)]
    assert lines(budgets, replace(ADA, platform="telegram"))[0].tokens == 100  # 7 is no role there
    free = Budgets(user=Limits(100), roles={"discord:7": Limits(ENDLESS)})
    assert lines(free) == [Line("user:discord:1", "2026-11-26")]  # it is counted all the same
    only = Budgets(roles={"discord:7": Limits(5)})
    assert lines(only, nobody) == [Line("user:discord:1", "2026-11-26")]


@pytest.mark.parametrize(
    ("now", "day", "month"),
    [
        ("2026-11-26T15:30:00", 8.5, 8.5 + 4 * 24),
        ("2026-12-31T23:00:00", 1, 1),
        ("2028-02-01T00:00:00", 24, 29 * 24),
        ("2026-01-31T12:00:00", 12, 12),
    ],
)
def test_when_they_begin_anew(now: str, day: float, month: float) -> None:
    assert resets_in_s(Span.DAY, at(now)) == day * 3_600
    assert resets_in_s(Span.MONTH, at(now)) == month * 3_600
    after = at(now) + resets_in_s(Span.MONTH, at(now))
    assert span_name(Span.MONTH, after - 1) == now[:7] != span_name(Span.MONTH, after)
    assert span_name(Span.DAY, after - 1) < span_name(Span.DAY, after)


def test_what_is_dropped_is_over_for_a_month() -> None:
    assert oldest_kept(at("2026-03-31T12:00:00")) == "2026-02"
    assert oldest_kept(at("2026-01-01T00:00:00")) == "2025-12"
