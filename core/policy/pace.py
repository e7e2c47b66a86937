"""How fast people may ask: questions per minute, and answers that grow at once, of each person and in all.

It is counted in this process alone, and begins anew with it.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from core.configuration import Budgets, Limits
from core.configuration.limits import ENDLESS
from core.messages import Person
from core.policy.budgets import Refused, Scope, Why
from core.policy.frequency import Frequency

_MINUTE_S: Final = 60.0


class Pace:
    def __init__(self) -> None:
        self._asked = Frequency(ENDLESS, _MINUTE_S)
        self._growing: Counter[str] = Counter()

    def begin(self, budgets: Budgets, person: Person) -> Refused | None:
        """An answer to this person begins; if it may, call `leave` once it is over."""
        for scope, who, limit in _limits(budgets, person):
            growing = self._growing[who] if who else self._growing.total()
            if limit.streams is not None and growing >= limit.streams:
                return Refused(Why.STREAMS, scope, limit=limit.streams)
        self._growing[str(person)] += 1
        return None

    def count(self, budgets: Budgets, person: Person, now: float) -> Refused | None:
        """A question of theirs is to be asked; one that is refused does not count. `now`: monotonic."""
        limits = _limits(budgets, person)
        for scope, who, limit in limits:
            asked = limit.requests_per_minute
            if asked is not None and (wait_s := self._asked.wait_s(who, now, count=asked)) > 0.0:
                return Refused(Why.REQUESTS, scope, limit=asked, wait_s=wait_s)
        for _, who, limit in limits:
            if limit.requests_per_minute is not None:
                self._asked.take(who, now)
        return None

    def leave(self, person: Person) -> None:
        self._growing[str(person)] -= 1
        if not self._growing[str(person)]:
            del self._growing[str(person)]


def _limits(budgets: Budgets, person: Person) -> tuple[tuple[Scope, str, Limits], ...]:
    """Each with whose it is; "" is everybody."""
    roles = frozenset(f"{person.platform}:{role}" for role in person.role_ids)
    return (
        (Scope.USER, str(person), budgets.of_member(roles)),
        (Scope.EVERYBODY, "", budgets.everybody),
    )
