"""What is somebody's own: to be taken along, and to be forgotten.

The law of forgetting: it happens when the person themselves says it a second time within five minutes, and
once for each time it was asked. Whoever keeps something of a person outside the store registers to let go of
it: called before the store forgets, so that nothing in flight is kept afterwards, and again when it has, so
that what was read in between goes too.

Once it was said it happens, whatever comes between: who is to be forgotten is noted in a file of the data
folder first, which can be written while the database cannot. A store that fails is asked again until it has
forgotten, and a process that ends meanwhile leaves the rest to the next one (`resume`).
"""

from __future__ import annotations

import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Final

from core.messages import Person
from core.policy import private_file
from core.ports.clock import Clock
from core.ports.store import Store, StoreError
from core.service.room import Room

log = logging.getLogger(__name__)

ASKED_S: Final = 300.0
"""So long the question whether to forget can be answered."""
SOON_S: Final = 5.0
"""Whoever asked is told that it takes longer when it has taken so long."""
EXPORT_WITHIN_S: Final = 50.0
"""So long a store that fails is asked again for somebody's own."""
_AGAIN_S: Final = 1.0
_MOST: Final = 1_000
_EXPORTS: Final = 10  # at once
Forgotten = Callable[[str], Awaitable[None]]
"""Let go of all that is kept of a person, given as `str(Person)`. May be called again at any time."""


class Confirmed(Enum):
    YES = "yes"
    NOT_THEIRS = "not_theirs"  # somebody else was asked
    OVER = "over"  # asked too long ago, answered already, or before a restart


class PersonalData:
    """One for the whole bot. What is asked is known by a token that cannot be guessed. `file`: where it is
    noted who is to be forgotten; None: nowhere, as nothing outlives the process."""

    def __init__(self, store: Store, clock: Clock, file: Path | None = None) -> None:
        self.exporting = Room(in_all=_EXPORTS, each=1)
        """Whose export is being made: it may be large, and holds all that is kept of them meanwhile."""
        self._store = store
        self._clock = clock
        self._file = file
        self._to_forget = _noted(file)
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
        """See `Store.export`. Raises StoreError where the store fails for EXPORT_WITHIN_S."""
        until = self._clock.monotonic() + EXPORT_WITHIN_S
        while True:
            try:
                return await self._store.export(str(person))
            except StoreError:
                if self._clock.monotonic() + _AGAIN_S > until:
                    raise
                await self._again()

    async def forget(self, person: Person) -> int:
        """Forget everywhere; how much went. Returns once all of it is gone, however long the store fails."""
        return await self._forget(str(person))

    async def resume(self) -> None:
        """Forget whom an earlier process was still to forget. Call it before anything of theirs goes on."""
        for person in tuple(self._to_forget):
            await self._forget(person)

    async def _forget(self, person: str) -> int:
        self._note({**self._to_forget, person: None})
        failing = False
        while True:
            await self._let_go(person)
            try:
                rows = await self._store.forget(person)
            except StoreError as error:
                if not failing:
                    log.error("%s cannot be forgotten yet, and is as soon as it can: %s", person, error)
                failing = True
                await self._again()
            else:
                break
        await self._let_go(person)
        self._note({one: None for one in self._to_forget if one != person})
        log.info("%s is forgotten: %d rows", person, rows)
        return rows

    async def _again(self) -> None:
        await self._clock.sleep_until(self._clock.monotonic() + _AGAIN_S)

    def _note(self, to_forget: dict[str, None]) -> None:
        self._to_forget = to_forget
        if self._file is None:
            return
        try:
            private_file.write(self._file, {"persons": [*to_forget]})
        except OSError as error:
            log.error("who is to be forgotten cannot be noted, and a restart now would lose it: %s", error)

    async def _let_go(self, person: str) -> None:
        for forgotten in self._forgotten:
            await forgotten(person)


def _noted(file: Path | None) -> dict[str, None]:
    try:
        match file and private_file.read(file):
            case {"persons": list(persons)}:
                return {person: None for person in persons if isinstance(person, str)}
    except private_file.UnreadableFileError as error:
        log.error("whom an earlier process was to forget is not known: %s", error)
    return {}
