"""What somebody who is typing is offered: an argument's values, or to ask what they typed inline."""

from __future__ import annotations

import logging
from dataclasses import replace

from core.catalogue import say
from core.commands import gate
from core.commands.call import Inquiry
from core.commands.permission import refusal
from core.commands.services import Services
from core.messages import Choice, Suggesting, owned
from core.service.languages import language_of, reading_here
from core.streaming.operations import MAX_OPTIONS

log = logging.getLogger(__name__)


async def suggestions(suggesting: Suggesting, services: Services) -> tuple[Choice, ...]:
    """What an argument could become; nothing for whom the bot does not serve. Never raises where an argument
    is typed."""
    if suggesting.inline:
        return await _offered(suggesting, services)
    command = services.registry.get(suggesting.command)
    argument = command and command.argument(suggesting.argument)
    person, place = suggesting.author, owned(suggesting.place, suggesting.author)
    if command is None or not argument or argument.suggest is None or person.is_bot:
        return ()
    try:
        await services.chat.know(place)
        may = gate.suggests(replace(suggesting, place=place), services)
        if not may or refusal(command, person, place, services.access):
            return ()
        reader = reading_here(person, await services.chat.choices.at(place))
        inquiry = Inquiry(replace(suggesting, author=reader, place=place), services)
        choices = await argument.suggest(inquiry, suggesting.typed)
    except Exception:
        log.exception("no suggestions for %s of /%s", argument.name, command.name)
        return ()
    return choices[:MAX_OPTIONS]


async def _offered(asking: Suggesting, services: Services) -> tuple[Choice, ...]:
    """To ask what was typed inline: the message that it becomes passes the gate again."""
    place = owned(asking.place, asking.author)
    await services.chat.know(place)
    if not asking.typed or not gate.suggests(replace(asking, place=place), services):
        return ()
    locale = language_of(asking.author, place)
    label, about = say("inline.ask", locale, question=asking.typed), say("inline.where", locale)
    return (Choice(asking.typed, label, about),)
