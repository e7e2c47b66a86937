"""The core's commands as Discord's global slash commands, written only when Discord has others.

Global commands reach every guild and direct message with one request. Discord itself is asked what
is registered (one request at each start): it alone knows, whoever wrote them last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import discord
from discord.http import Route

from bots.discord.events import PLATFORM
from core.catalogue import ENGLISH, language_for
from core.commands.registry import Argument, Command, commands_for

_CHAT_INPUT: Final = discord.AppCommandType.chat_input.value
_STRING: Final = discord.AppCommandOptionType.string.value
_IN_GUILDS_AND_DIRECT_MESSAGES: Final = [0, 1]  # docs: "Interaction Context Types"
_FOR_GUILDS: Final = [0]  # docs: "Application Integration Types"; an app of a user gets 5 follow-ups only
_DESCRIPTION_LIMIT: Final = 100


async def sync(client: discord.Client, application_id: int) -> bool:
    """Make the registered commands those of the core; whether anything had to be written.

    Raises discord.HTTPException. `client` is logged in.
    """
    wanted = [payload(command) for command in commands_for(PLATFORM)]
    registered = await _registered(client, application_id)
    if sorted(map(_told, wanted)) == sorted(map(_told, registered)):
        return False
    await client.http.bulk_upsert_global_commands(application_id, wanted)
    return True


def payload(command: Command) -> dict[str, Any]:
    """One command in the form of the endpoint "Bulk Overwrite Global Application Commands"."""
    return {
        "type": _CHAT_INPUT,
        "name": command.name,
        **_described(command),
        "contexts": _IN_GUILDS_AND_DIRECT_MESSAGES,
        "integration_types": _FOR_GUILDS,
        "options": [
            {
                "type": _STRING,
                "name": argument.name,
                **_described(argument),
                "required": argument.required,
                "max_length": argument.max_length,
            }
            for argument in command.arguments
        ],
    }


def _described(what: Command | Argument) -> dict[str, Any]:
    """The description, and what it is in every language of Discord's that is not said in English anyway."""
    languages = {locale.value: language_for(locale.value) for locale in discord.Locale}
    return {
        "description": what.description()[:_DESCRIPTION_LIMIT],
        "description_localizations": {
            locale: what.description(language)[:_DESCRIPTION_LIMIT]
            for locale, language in languages.items()
            if language != ENGLISH
        },
    }


async def _registered(client: discord.Client, application_id: int) -> Sequence[Mapping[str, Any]]:
    """The library's own call does not ask for the translations, and Discord then leaves them out."""
    route = Route("GET", "/applications/{application_id}/commands", application_id=application_id)
    registered: Sequence[Mapping[str, Any]] = await client.http.request(
        route, params={"with_localizations": "true"}
    )
    return registered


def _told(command: Mapping[str, Any]) -> str:
    """What we say of a command, whatever else Discord adds and in whatever order."""
    options = [
        (o["type"], o["name"], _words(o), bool(o.get("required")), o.get("max_length"))
        for o in command.get("options") or ()
    ]
    places = sorted(command.get("contexts") or ()), sorted(command.get("integration_types") or ())
    return repr((command.get("type", _CHAT_INPUT), command["name"], _words(command), places, options))


def _words(described: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    return described["description"], sorted((described.get("description_localizations") or {}).items())
