"""What is somebody's own: to be taken along, and to be forgotten.

The law of forgetting: it happens when the person themselves says it a second time within five minutes, and
once for each time it was asked. Whoever keeps something of a person outside the store registers to let go of
it: called before the store forgets, so that nothing in flight is kept afterwards, and again when it has, so
that what was read in between goes too.
"""

from __future__ import annotations

import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Final

from core.messages import Person
from core.ports.clock import Clock
from core.ports.store import Store

log = logging.getLogger(__name__)

ASKED_S: Final = 300.0
"""So long the question whether to forget can be answered."""
_MOST: Final = 1_000
Forgotten = Callable[[str], Awaitable[None]]
"""Let go of all that is kept of a person, given as `str(Person)`. May be called again at any time."""


class Confirmed(Enum):
    YES = "yes"
    NOT_THEIRS = "not_theirs"  # somebody else was asked
    OVER = "over"  # asked too long ago, answered already, or before a restart


class PersonalData:
    """One for the whole bot. What is asked is known by a token that cannot be guessed."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._asked: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._forgotten: list[Forgotten] = []

    def register(self, forgotten: Forgotten) -> None:
        """Have this called whenever somebody is forgotten; what it raises fails the forgetting, loudly."""
        self._forgotten.append(forgotten)

    def ask(self, person: Person) -> str:
        """The token of a question whether to forget; give it to `confirm` with the answer."""
        token = secrets.token_hex(8)
        self._asked[token] = (str(person), self._clock.monotonic() + ASKED_S)
        if len(self._asked) > _MOST:
            self._asked.popitem(last=False)
        return token

    def confirm(self, token: str, person: Person) -> Confirmed:
        """Whether this person was asked with the token, and may go on. YES is said once."""
        asked, until = self._asked.get(token, ("", 0.0))
        if until <= self._clock.monotonic():
            self._asked.pop(token, None)
            return Confirmed.OVER
        if asked != str(person):
            return Confirmed.NOT_THEIRS
        del self._asked[token]
        return Confirmed.YES

    async def export(self, person: Person) -> Mapping[str, object]:
        """See `Store.export`. Raises StoreError."""
        return await self._store.export(str(person))

    async def forget(self, person: Person) -> int:
        """Forget everywhere; how much went. Raises StoreError: then not all of it is gone."""
        await self._let_go(str(person))
        rows = await self._store.forget(str(person))
        await self._let_go(str(person))
        log.info("%s is forgotten: %d rows", person, rows)
        return rows

    async def _let_go(self, person: str) -> None:
        for forgotten in self._forgotten:
            await forgotten(person)
