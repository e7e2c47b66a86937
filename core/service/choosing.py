"""What people have chosen: kept by the store, remembered here, and asked for wherever it matters.

Whose choice holds is `core.conversation.preferences`'s to say. Where the store cannot be read, the
configuration's defaults hold until it can; what cannot be kept is never called chosen.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from core.configuration import Configuration, Live, ModelChoice, Persona
from core.conversation.history import Question
from core.conversation.preferences import (
    Busy,
    Preferences,
    Sees,
    defaults_of,
    holders,
    person_scope,
    read,
    resolve,
    scopes_of,
)
from core.messages import Place, PlaceKind
from core.ports.store import Store, StoreError
from core.service.personas import Personas

log = logging.getLogger(__name__)

REMEMBERED: Final = 20_000
"""Scopes whose choices are kept in memory: some hundred bytes each where anything was chosen."""
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
GRANTED: Final = "granted"
"""The name under which a scope keeps the model that an admin chose for it: that is for all who ask there."""
Chosen = Mapping[str, Mapping[str, str]]
"""By scope and name, as `core.ports.store` keeps it."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How one question is answered."""

    choice: ModelChoice
    preferences: Preferences

    @property
    def from_before(self) -> bool:
        """Whether the model is shown what was said before."""
        return self.preferences.sees is not Sees.QUESTION


class Choices:
    """One for the whole bot. `live` is read anew each time, so that a reload counts at once."""

    def __init__(self, store: Store, live: Live[Configuration], *, remembered: int = REMEMBERED) -> None:
        self._store = store
        self._live = live
        self._most = remembered
        self._known: OrderedDict[str, Mapping[str, str]] = OrderedDict()
        self._moving: dict[str, str] = {}  # scopes: what each was before, until the store has taken that
        self._changes = 0  # so many choices were made: what was read before the last may be old
        self._failing = False
        self.personas = Personas(store, live)

    @property
    def configuration(self) -> Configuration:
        """As it is now."""
        return self._live.current

    @property
    def defaults(self) -> Preferences:
        """What holds where nobody chose."""
        return defaults_of(self._live.current.defaults)

    async def at(self, place: Place, conversation_id: str | None = None) -> Preferences:
        """What holds there. Never raises for the store."""
        scopes = scopes_of(place, conversation_id)
        return resolve(self.defaults, scopes, await self.chosen(scopes))

    def known(self, place: Place) -> Preferences:
        """The same without waiting: right once `at` was awaited for the place, else the defaults."""
        return resolve(self.defaults, scopes_of(place), self._known)

    def is_known(self, place: Place) -> bool:
        """Whether all that was chosen for the place has been read."""
        return all(scope in self._known for scope in scopes_of(place))

    def busy(self, place: Place) -> Busy:
        """What a question there does while its conversation has an answer under way."""
        return self.known(place).busy

    def pause_s(self, place: Place) -> float | None:
        """After how long a silence, in seconds, a conversation there pauses; None: never."""
        preferences = self.known(place)
        private = place.kind is PlaceKind.PRIVATE
        minutes = preferences.pause_private_minutes if private else preferences.pause_minutes
        return minutes * 60.0 or None

    async def chosen(self, scopes: Sequence[str]) -> Chosen:
        """What was chosen in each scope; nothing where the store cannot be read."""
        found = {scope: self._known[scope] for scope in scopes if scope in self._known}
        for scope in found:
            self._known.move_to_end(scope)
        unknown = tuple(scope for scope in scopes if scope not in found)
        return {**found, **await self._read(unknown)} if unknown else found

    async def choose(self, scope: str, name: str, value: str | None) -> None:
        """Keep a choice; None takes it back. It holds from now on. Raises StoreError when it is not kept.

        Of somebody who is apart from now on, what was overheard goes.
        """
        try:
            await self._store.choose(scope, name, value)
        finally:
            self._changes += 1
            self._known.pop(scope, None)
        await self.chosen((scope,))
        if name == "apart" and value == "on":
            await self._store.unhear(scope.removeprefix(person_scope("")))

    async def apart(self, people: Iterable[str]) -> frozenset[str]:
        """Those of them, `str(Person)`, of whose words nothing may be shown to a model for others. All whose
        choice the store does not tell are among them."""
        scopes = {person_scope(person): person for person in people}
        chosen = await self.chosen(tuple(scopes)) if scopes else {}
        return frozenset(
            person
            for scope, person in scopes.items()
            if scope not in chosen or read("apart", chosen[scope].get("apart", ""))
        )

    def forget(self, person: str) -> None:
        """Remember nothing of what somebody, `str(Person)`, chose for themselves: the store forgets it."""
        self._changes += 1
        self._known.pop(person_scope(person), None)

    def follow(self, before: Place, place: Place) -> None:
        """A place has another id from now on: what was chosen there holds at once. `moved` is told when the
        store has taken that."""
        self._changes += 1
        for old, new in zip(scopes_of(before), scopes_of(place), strict=False):
            self._moving[new] = old
            chosen = self._known.pop(new, _NONE)
            if old in self._known:
                self._known[new] = {**self._known[old], **chosen}

    def moved(self, before: Place, place: Place) -> None:
        """What was chosen in one place is the other's by now."""
        self._changes += 1
        for scope in (*scopes_of(before), *scopes_of(place)):
            self._moving.pop(scope, None)
            self._known.pop(scope, None)

    def allowed(self, chosen: Chosen, *, admin: bool) -> Chosen:
        """The same without models that are not for everybody (any more): those are for admins, and for all
        where an admin chose them or the configuration gives them to a persona."""
        return {
            scope: {
                name: value
                for name, value in values.items()
                if name != "model" or value == values.get(GRANTED) or not self._bars(value, admin=admin)
            }
            for scope, values in chosen.items()
        }

    async def manner(
        self, question: Question, conversation_id: str | None = None, *, admin: bool = False
    ) -> Manner:
        """How a question is answered whose turn begins now. `admin`: whether its payer is one.

        What the question names goes before what was chosen. A persona brings its model along, unless one was
        chosen at least as narrowly: a poet asked for in a thread is not overruled by the server's model.
        """
        scopes = scopes_of(question.place, conversation_id)
        chosen = self.allowed(await self.chosen(scopes), admin=admin)
        preferences = resolve(self.defaults, scopes, chosen)
        asked_for = "" if self._bars(question.model, admin=admin) else question.model
        name, model = question.persona or preferences.persona, asked_for or preferences.model
        persona = await self._persona(name, question, admin=admin) if name else None
        if persona is not None and persona.model is not None and not asked_for:
            held = holders(scopes, chosen)
            narrower = scopes.index(held.get("persona", scopes[0])) > scopes.index(
                held.get("model", scopes[0])
            )
            if question.persona or narrower:
                model = None
        return Manner(self._live.current.choice(model, persona), preferences)

    def _bars(self, model: str, *, admin: bool) -> bool:
        configuration = self._live.current
        return model in configuration.models and not configuration.may_choose(model, admin=admin)

    async def _persona(self, name: str, question: Question, *, admin: bool) -> Persona | None:
        found = await self.personas.named(name, question.place, question.asker)
        if found is None or found in self._live.current.personas.values():
            return found
        return replace(found, model=None) if self._bars(found.model or "", admin=admin) else found

    async def _read(self, scopes: tuple[str, ...]) -> Chosen:
        changes = self._changes
        try:
            before = {scope: self._moving[scope] for scope in scopes if scope in self._moving}
            kept = await self._store.choices((*scopes, *before.values()))
        except StoreError as error:
            if not self._failing:
                log.error("what was chosen cannot be read, and the defaults hold until it can: %s", error)
            self._failing = True
            return {}
        self._failing = False
        read = {
            scope: {**kept.get(before.get(scope, ""), _NONE), **kept.get(scope, _NONE)} or _NONE
            for scope in scopes
        }
        if changes == self._changes:
            self._known |= read
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return read
