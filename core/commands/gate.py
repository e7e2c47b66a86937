"""The one gate: whatever somebody does comes through here before anything is made of it.

Only commands for strangers, and the controls that belong to them, are also for those who are not served. What
has no author (a deletion, a group's new id) has nobody to weigh, and can only take away or go on.
"""

from __future__ import annotations

from core.commands.command import Command
from core.commands.services import Services
from core.messages import (
    ButtonPress,
    FormSubmitted,
    Incoming,
    IncomingCommand,
    IncomingMessage,
    MessageDeleted,
    MessageEdited,
    PlaceMoved,
    Suggesting,
)
from core.ports.surface import Surface
from core.service.notices import unseen_by_others


def passes(incoming: Incoming, surface: Surface, services: Services) -> bool:
    """Whether to go on with an event. Who is refused is told why, where they spoke to the bot."""
    if isinstance(incoming, MessageDeleted | PlaceMoved):
        return True
    command = _command_of(incoming, services)
    if command is not None and command.for_strangers:
        return True
    tells, ref = True, None
    if isinstance(incoming, IncomingCommand):
        # In a group a command that we do not have may be meant for another bot.
        tells, ref = command is not None or unseen_by_others(surface), incoming.ref
    elif isinstance(incoming, IncomingMessage):
        tells, ref = services.chat.listening.speaks_to_us(incoming), incoming.ref
    elif isinstance(incoming, MessageEdited):
        tells = False
    return services.chat.door.admits(incoming, surface, ref=ref, tells=tells)


def suggests(suggesting: Suggesting, services: Services) -> bool:
    """Whether somebody who is typing is helped."""
    return services.chat.door.serves(suggesting.author, suggesting.place)


def _command_of(incoming: Incoming, services: Services) -> Command | None:
    match incoming:
        case IncomingCommand():
            return services.registry.get(incoming.name)
        case ButtonPress() | FormSubmitted():
            return services.registry.owner_of(incoming.data)
    return None
