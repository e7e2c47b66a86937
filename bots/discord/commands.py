"""The core's commands as Discord's global application commands, written only when Discord has others.

What is listed is a slash command of its own, all else a subcommand of `/more` or `/manage`; what can be about
a message stands in a message's menu too. Global commands reach every guild and direct message with one
request. Discord itself is asked what is registered (one request at each start): it alone knows, whoever wrote
them last.

One bulk overwrite writes them all. It takes obsolete ones away and puts new ones in as one step, so that
there is no moment with too many commands or too few, and what keeps its name keeps its id and what a server's
admins have set for it. To delete the obsolete ones first would only add requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import discord
from discord.http import Route

from core.catalogue import ENGLISH, language_for, say
from core.commands.command import Argument, Command, Kind, Where, Who
from core.commands.registry import MANAGE, MORE, Registry

Json = dict[str, Any]

_CHAT_INPUT: Final = discord.AppCommandType.chat_input.value
_MESSAGE: Final = discord.AppCommandType.message.value
_ENTRY_POINT: Final = 4  # docs: "Application Command Types"; Discord makes it where an app has an Activity
_SUBCOMMAND: Final = discord.AppCommandOptionType.subcommand.value
_OPTIONS: Final[Mapping[Kind, int]] = {
    Kind.TEXT: discord.AppCommandOptionType.string.value,
    Kind.CHOICE: discord.AppCommandOptionType.string.value,
    Kind.INTEGER: discord.AppCommandOptionType.integer.value,
    Kind.NUMBER: discord.AppCommandOptionType.number.value,
    Kind.BOOLEAN: discord.AppCommandOptionType.boolean.value,
}
_IN_GUILDS, _WITH_THE_BOT, _AMONG_PEOPLE = 0, 1, 2  # docs: "Interaction Context Types"
_FOR_GUILDS, _FOR_USERS = 0, 1  # docs: "Application Integration Types"
_MANAGE_GUILD: Final = str(discord.Permissions(manage_guild=True).value)
_NOBODY: Final = "0"  # but a server's admins
_DESCRIPTION_LIMIT: Final = 100
_IN_A_MESSAGES_MENU: Final = 5
"""So many commands an app may have there (docs: "Application Commands"; more of ours stay away)."""


async def sync(client: discord.Client, application_id: int, registry: Registry) -> bool:
    """Make the registered commands those of the core; whether anything had to be written.

    Raises discord.HTTPException. `client` is logged in.
    """
    registered = await _registered(client, application_id)
    wanted = payloads(registry)
    ours = [command for command in registered if command.get("type") != _ENTRY_POINT]
    if _by_name(map(_told, wanted)) == _by_name(map(_told, ours)):
        return False
    # An overwrite that leaves this one out is refused.
    kept: list[Any] = [command for command in registered if command.get("type") == _ENTRY_POINT]
    await client.http.bulk_upsert_global_commands(application_id, [*wanted, *kept])
    return True


def payloads(registry: Registry) -> list[Json]:
    """Every command in the form of the endpoint "Bulk Overwrite Global Application Commands"."""
    typed = [c for c in registry if not (c.typed_only or c.about_message)]
    slash = [_slash(command) for command in typed if registry.is_listed(command)]
    groups = [_group(name, [c for c in typed if registry.group_of(c) == name]) for name in (MORE, MANAGE)]
    menu = [_menu_entry(command) for command in registry.message_menu()[:_IN_A_MESSAGES_MENU]]
    return [*slash, *(group for group in groups if group), *menu]


def menu_command(registry: Registry, entry: str) -> str:
    """The name of the command with this entry in a message's menu, in English, as Discord gives it back."""
    return next((c.name for c in registry.message_menu() if c.menu_entry() == entry), entry)


def _slash(command: Command) -> Json:
    return {
        "type": _CHAT_INPUT,
        "name": command.name,
        **_texts("description", command.description),
        **_places([command]),
        **_permissions(command.who),
        "options": [_option(command, argument) for argument in command.arguments],
    }


def _group(name: str, commands: Sequence[Command]) -> Json | None:
    if not commands:
        return None
    return {
        "type": _CHAT_INPUT,
        "name": name,
        **_texts("description", lambda locale: say(f"command.{name}", locale)),
        **_places(commands),
        **_permissions(Who.MANAGER if name == MANAGE else Who.EVERYBODY),
        "options": [
            {
                "type": _SUBCOMMAND,
                "name": command.name,
                **_texts("description", command.description),
                "options": [_option(command, argument) for argument in command.arguments],
            }
            for command in commands
        ],
    }


def _menu_entry(command: Command) -> Json:
    return {
        "type": _MESSAGE,
        **_texts("name", command.menu_entry),
        **_places([command]),
        **_permissions(command.who),
    }


def _option(command: Command, argument: Argument) -> Json:
    option: Json = {
        "type": _OPTIONS[argument.kind],
        "name": argument.name,
        **_texts("description", lambda locale: command.description_of(argument, locale)),
        "required": argument.required,
    }
    if argument.kind is Kind.TEXT:
        option["max_length"] = argument.max_length
    if argument.minimum is not None:
        option["min_value"] = argument.minimum
    if argument.maximum is not None:
        option["max_value"] = argument.maximum
    if argument.suggest is not None:
        option["autocomplete"] = True
    if argument.choices:
        option["choices"] = [
            {**_texts("name", _choice(command, argument, index)), "value": value}
            for index, value in enumerate(argument.choices)
        ]
    return option


def _choice(command: Command, argument: Argument, index: int) -> Callable[[str | None], str]:
    return lambda locale: command.choices_of(argument, locale)[index].label


def _texts(field: str, text_in: Callable[[str | None], str]) -> Json:
    """A text, and what it is in every language of Discord's that is not said in English anyway."""
    languages = {locale.value: language_for(locale.value) for locale in discord.Locale}
    return {
        field: text_in(None)[:_DESCRIPTION_LIMIT],
        f"{field}_localizations": {
            locale: text_in(language)[:_DESCRIPTION_LIMIT]
            for locale, language in languages.items()
            if language != ENGLISH
        },
    }


def _places(commands: Sequence[Command]) -> Json:
    """Where they are offered; of a group, wherever one of its commands is."""
    where = frozenset().union(*(command.where for command in commands))
    portable = any(command.portable for command in commands)
    contexts = [_IN_GUILDS] if where & {Where.SERVER, Where.THREAD} else []
    contexts += [_WITH_THE_BOT] if Where.PRIVATE in where else []
    contexts += [_AMONG_PEOPLE] if portable and Where.GROUP in where else []
    return {
        "contexts": contexts or [_IN_GUILDS],
        "integration_types": [_FOR_GUILDS, _FOR_USERS] if portable else [_FOR_GUILDS],
    }


def _permissions(who: Who) -> Json:
    """Who sees it in a server at first; its admins can change that. The core checks again."""
    match who:
        case Who.EVERYBODY:
            return {}
        case Who.MANAGER:
            return {"default_member_permissions": _MANAGE_GUILD}
        case Who.OWNER:
            return {"default_member_permissions": _NOBODY}


async def _registered(client: discord.Client, application_id: int) -> Sequence[Mapping[str, Any]]:
    """The library's own call does not ask for the translations, and Discord then leaves them out."""
    route = Route("GET", "/applications/{application_id}/commands", application_id=application_id)
    registered: Sequence[Mapping[str, Any]] = await client.http.request(
        route, params={"with_localizations": "true"}
    )
    return registered


_SAID: Final = (
    *("type", "name", "name_localizations", "description", "description_localizations"),
    *("contexts", "integration_types", "default_member_permissions"),
    *("options", "required", "max_length", "min_value", "max_value", "autocomplete", "choices", "value"),
)
"""The fields in which we say something of a command, an option or a choice."""


def _told(what: Mapping[str, Any]) -> Json:
    """What we say, whatever else Discord adds, and whether it leaves out or spells out what is not set."""
    said: Json = {}
    for field in _SAID:
        value = what.get(field)
        if value is None or value is False or value in ("", [], {}):
            continue
        if field in {"options", "choices"}:
            value = [_told(one) for one in value]
        elif isinstance(value, list):
            value = sorted(value)
        said[field] = value
    return {"type": _CHAT_INPUT, **said}


def _by_name(told: Iterable[Json]) -> dict[tuple[Any, Any], Json]:
    return {(command["type"], command["name"]): command for command in told}
