"""The core's commands as Discord's global slash commands, written only when Discord has others.

Global commands reach every guild and direct message with one request. Discord itself is asked what
is registered (one request at each start): it alone knows, whoever wrote them last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import discord

from bots.discord.events import PLATFORM
from core.commands.registry import Command, commands_for

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
    registered: Sequence[Mapping[str, Any]] = await client.http.get_global_commands(application_id)
    if sorted(map(_told, wanted)) == sorted(map(_told, registered)):
        return False
    await client.http.bulk_upsert_global_commands(application_id, wanted)
    return True


def payload(command: Command) -> dict[str, Any]:
    """One command in the form of the endpoint "Bulk Overwrite Global Application Commands"."""
    return {
        "type": _CHAT_INPUT,
        "name": command.name,
        "description": command.description()[:_DESCRIPTION_LIMIT],
        "contexts": _IN_GUILDS_AND_DIRECT_MESSAGES,
        "integration_types": _FOR_GUILDS,
        "options": [
            {
                "type": _STRING,
                "name": argument.name,
                "description": argument.description()[:_DESCRIPTION_LIMIT],
                "required": argument.required,
                "max_length": argument.max_length,
            }
            for argument in command.arguments
        ],
    }


def _told(command: Mapping[str, Any]) -> str:
    """What we say of a command, whatever else Discord adds and in whatever order."""
    options = [
        (o["type"], o["name"], o["description"], bool(o.get("required")), o.get("max_length"))
        for o in command.get("options") or ()
    ]
    places = sorted(command.get("contexts") or ()), sorted(command.get("integration_types") or ())
    return repr((command.get("type", _CHAT_INPUT), command["name"], command["description"], places, options))
