"""Personas: those of the configuration, and those that people made in a chat.

The law: one made in a private chat is its maker's alone, wherever they ask; one made elsewhere is its
server's or group's. Where names meet, the maker's own goes before the server's, that before the
configuration's; none is made by a name that is taken where it is made.
"""

from __future__ import annotations

import logging

from core.configuration import Configuration, Live, Persona
from core.conversation.preferences import server_of
from core.messages import Person, Place, PlaceKind
from core.ports.store import KeptPersona, Store, StoreError

log = logging.getLogger(__name__)


class Personas:
    def __init__(self, store: Store, live: Live[Configuration]) -> None:
        self._store = store
        self._live = live

    async def named(self, name: str, place: Place, person: Person) -> Persona | None:
        """The one that this name stands for; None where it stands for none (any more)."""
        found = {persona.name.casefold(): persona for persona in reversed(await self.all(place, person))}
        return found.get(name.casefold())

    async def all(self, place: Place, person: Person) -> tuple[Persona, ...]:
        """Those that somebody may choose in a place, their own first. Never raises for the store."""
        made = await self.made(place, person)
        return (*map(_as_configured, made), *self._live.current.personas.values())

    async def made(self, place: Place, person: Person) -> tuple[KeptPersona, ...]:
        """Those of them that were made in a chat; none where the store cannot be read."""
        scopes = scopes_for(place, person)
        try:
            kept = await self._store.personas(scopes)
        except StoreError as error:
            log.error("personas that were made in a chat cannot be read: %s", error)
            return ()
        return tuple(sorted(kept, key=lambda one: (scopes.index(one.scope), one.name.casefold())))

    async def keep(self, persona: KeptPersona) -> None:
        """Make it, or change it. Raises StoreError when it is not kept."""
        await self._store.set_persona(persona)

    async def remove(self, persona: KeptPersona) -> bool:
        """Whether it was there. Raises StoreError."""
        return await self._store.remove_persona(persona.scope, persona.name)


def scopes_for(place: Place, person: Person) -> tuple[str, ...]:
    """Whose personas somebody may choose in a place, the narrowest first."""
    own = f"person:{person}"
    return (own,) if place.kind is PlaceKind.PRIVATE else (own, server_of(place))


def scope_to_make(place: Place, person: Person) -> str:
    """Whose a persona becomes that is made in a place."""
    return scopes_for(place, person)[-1]


def _as_configured(kept: KeptPersona) -> Persona:
    return Persona(kept.name, system_prompt=kept.prompt, model=kept.model, temperature=kept.temperature)
