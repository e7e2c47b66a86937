"""Who may use a command, and where. Whom the bot serves at all is `core.policy.access`'s to say."""

from __future__ import annotations

from core.commands.command import Command, Where, Who, where_of
from core.messages import Person, Place
from core.policy.access import Access


def refusal(command: Command, person: Person, place: Place, access: Access) -> str | None:
    """The catalogue's key of why not, None when it may be used."""
    where = where_of(place)
    if where not in command.where:
        return "unusable.elsewhere"
    if command.who is Who.EVERYBODY or access.is_admin(person):
        return None
    if command.who is Who.OWNER:
        return "unusable.owners"
    manages = person.manages_place or person.manages_channel or where is Where.PRIVATE
    return None if manages else "unusable.managers"
