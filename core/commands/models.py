"""Which models and personas somebody may choose by name, and what goes with the name that they type."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from core.commands.call import Inquiry
from core.commands.services import Services
from core.messages import Choice, Person, Place
from core.streaming.operations import MAX_OPTIONS

LONGEST_VALUE: Final = 100
"""Characters of a suggestion's value (Discord, "Application Command Option Choice")."""
NEW: Final = "new"
"""In place of a persona's name: makes one."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One of those that can be chosen. `name`: as the store keeps it; `about`: a few words, or none."""

    name: str
    label: str
    about: str = ""

    @property
    def tag(self) -> str:
        """Stands for the name where there is no room for it: the same after a restart and a reload."""
        return tag_of(self.name)


def tag_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]


def models_for(person: Person, services: Services) -> tuple[Offer, ...]:
    """Those that this person may choose, in the order of the configuration."""
    configuration, admin = services.chat.choices.configuration, services.access.is_admin(person)
    return tuple(
        Offer(entry.id, entry.label)
        for entry in configuration.models.values()
        if configuration.may_choose(entry.id, admin=admin)
    )


async def personas_for(person: Person, place: Place, services: Services) -> tuple[Offer, ...]:
    """Those that this person may choose in this place, their own first."""
    found = await services.chat.choices.personas.all(place, person)
    by_name = {persona.name.casefold(): persona for persona in reversed(found)}
    return tuple(
        Offer(persona.name, persona.name, persona.description)
        for persona in found
        if by_name[persona.name.casefold()] is persona
    )


def found(offers: tuple[Offer, ...], text: str) -> Offer | None:
    """The one that is meant: by its name, by what people see for it, or by the name behind the provider."""
    text = text.strip()
    folded = text.casefold()
    for fits in (
        [offer for offer in offers if offer.name == text],
        [offer for offer in offers if folded in {offer.name.casefold(), offer.label.casefold()}],
        [offer for offer in offers if offer.tag == text],
        [offer for offer in offers if offer.name.partition("/")[2].casefold() == folded],
    ):
        if len(fits) == 1:
            return fits[0]
    return None


async def suggest_models(inquiry: Inquiry, typed: str) -> tuple[Choice, ...]:
    return _fitting(models_for(inquiry.suggesting.author, inquiry.services), typed)


async def suggest_personas(inquiry: Inquiry, typed: str) -> tuple[Choice, ...]:
    asking = inquiry.suggesting
    return _fitting(await personas_for(asking.author, asking.place, inquiry.services), typed)


def _fitting(offers: tuple[Offer, ...], typed: str) -> tuple[Choice, ...]:
    """What begins with what is typed goes before what merely holds it."""
    folded = typed.strip().casefold()
    texts = [(offer, f"{offer.label} {offer.name}".casefold()) for offer in offers]
    first = [offer for offer, text in texts if text.startswith(folded)]
    then = [offer for offer, text in texts if folded in text and not text.startswith(folded)]
    return tuple(
        Choice(
            offer.name if len(offer.name) <= LONGEST_VALUE else offer.tag,
            (f"{offer.label}: {offer.about}" if offer.about else offer.label)[:100],
        )
        for offer in (*first, *then)[:MAX_OPTIONS]
    )
