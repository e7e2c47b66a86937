"""Who may use a command, and where. Whom the bot serves at all is `core.policy.access`'s to say."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from core.commands.command import Command, Who, where_of
from core.messages import Person, Place, PlaceKind
from core.policy.access import Access

IN_THE_LOG: Final = MappingProxyType(
    {
        "unusable.elsewhere": "of no use here",
        "unusable.managers": "for managers alone",
        "unusable.owners": "for admins alone",
    }
)
"""What `refusal` says, in words for whoever runs the bot."""


def refusal(command: Command, person: Person, place: Place, access: Access) -> str | None:
    """The catalogue's key of why not, None when it may be used."""
    if where_of(place) not in command.where:
        return "unusable.elsewhere"
    if command.who is Who.EVERYBODY or access.is_admin(person):
        return None
    if command.who is Who.OWNER:
        return "unusable.owners"
    managed = person.manages_channel or manages(person, place, access)
    return None if managed else "unusable.managers"


def manages(person: Person, place: Place, access: Access) -> bool:
    """Whether a place is theirs to decide on: a private chat is its person's, all is the bot's admins'."""
    return person.manages_place or place.kind is PlaceKind.PRIVATE or access.is_admin(person)
