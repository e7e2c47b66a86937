"""Questions per minute, and answers at once."""

from __future__ import annotations

from dataclasses import replace

from core.configuration import Budgets, Limits
from core.configuration.limits import ENDLESS
from core.messages import Person
from core.policy.budgets import Refused, Scope, Why
from core.policy.pace import Pace

ADA, BEN, CLEO = (Person("discord", id_, "") for id_ in "123")


def enter(pace: Pace, budgets: Budgets, person: Person, now: float) -> Refused | None:
    refused = pace.begin(budgets, person)
    if refused is None and (refused := pace.count(budgets, person, now)) is not None:
        pace.leave(person)
    return refused


def test_nobody_is_held_up_where_nothing_is_limited() -> None:
    pace = Pace()
    assert all(enter(pace, Budgets(), ADA, 0.0) is None for _ in range(1_000))


def test_requests_per_minute_of_each_and_in_all() -> None:
    budgets, pace = Budgets(Limits(requests_per_minute=3), Limits(requests_per_minute=2)), Pace()
    assert enter(pace, budgets, ADA, 0.0) is None
    assert enter(pace, budgets, ADA, 10.0) is None
    refused = Refused(Why.REQUESTS, Scope.USER, limit=2, wait_s=40.0)
    assert enter(pace, budgets, ADA, 20.0) == refused
    assert enter(pace, budgets, BEN, 20.0) is None
    everybody = Refused(Why.REQUESTS, Scope.EVERYBODY, limit=3, wait_s=35.0)
    assert enter(pace, budgets, CLEO, 25.0) == everybody
    assert enter(pace, budgets, ADA, 60.0) is None  # who was refused was not counted
    assert enter(pace, budgets, ADA, 69.9) is not None


def test_streams_at_once_of_each_and_in_all() -> None:
    budgets, pace = Budgets(Limits(streams=3), Limits(streams=2)), Pace()
    for _ in range(2):
        assert enter(pace, budgets, ADA, 0.0) is None
    assert enter(pace, budgets, ADA, 0.0) == Refused(Why.STREAMS, Scope.USER, limit=2)
    assert enter(pace, budgets, BEN, 0.0) is None
    assert enter(pace, budgets, BEN, 0.0) == Refused(Why.STREAMS, Scope.EVERYBODY, limit=3)
    pace.leave(ADA)
    assert enter(pace, budgets, BEN, 0.0) is None
    for person in (ADA, BEN, BEN):
        pace.leave(person)
    assert enter(pace, budgets, ADA, 0.0) is None


def test_none_at_all_and_no_limit_for_a_role() -> None:
    pace = Pace()
    assert enter(pace, Budgets(user=Limits(streams=0)), ADA, 0.0) == Refused(Why.STREAMS, Scope.USER)
    refused = enter(pace, Budgets(user=Limits(requests_per_minute=0)), ADA, 0.0)
    assert refused == Refused(Why.REQUESTS, Scope.USER, wait_s=60.0)
    none = Limits(requests_per_minute=0, streams=0)
    budgets = Budgets(user=none, roles={"discord:7": Limits(requests_per_minute=ENDLESS, streams=ENDLESS)})
    member = replace(ADA, role_ids=frozenset({"7"}))
    assert all(enter(pace, budgets, member, 0.0) is None for _ in range(100))
