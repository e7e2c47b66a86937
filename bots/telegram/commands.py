"""The core's commands as Telegram has them: menus, `/name@bot text`, and deep links.

A menu stands for each kind of chat and each language. Telegram looks for the most special one that there is,
so the default scope, which fits everywhere, is left empty. The link https://t.me/<bot>?start=<command> runs a
listed command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
)

from core.catalogue import ENGLISH, LANGUAGES
from core.commands.arguments import parse
from core.commands.command import Command, Menu, Where, Who
from core.commands.registry import Registry

_START: Final = "start"
_DESCRIPTION_LIMIT: Final = 256
_MENU_LIMIT: Final = 100

SCOPES: Final[Mapping[str, BotCommandScope]] = {
    "private": BotCommandScopeAllPrivateChats(),
    "groups": BotCommandScopeAllGroupChats(),
    "administrators": BotCommandScopeAllChatAdministrators(),
}


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """A command at the start of a text. `addressee`: the bot named behind `@`, in lower case, "" for none.

    `command`: the one of the registry, None where it has none of that name.
    """

    name: str
    addressee: str
    command: Command | None
    arguments: Mapping[str, str]


def parse_command(text: str, registry: Registry) -> ParsedCommand | None:
    """The command that `text` starts with, None when it starts with none."""
    if not text.startswith("/"):
        return None
    head, *rest = text.split(maxsplit=1)
    name, _, addressee = head[1:].partition("@")
    if not (name.isascii() and name.replace("_", "a").isalnum() and len(name) <= 32):
        return None
    name, addressee, line = name.lower(), addressee.lower(), rest[0].strip() if rest else ""
    if name == _START and (linked := registry.get(line)) is not None and registry.is_listed(linked):
        return ParsedCommand(line, addressee, linked, {})
    command = registry.get(name)
    arguments = parse(command, line) if command is not None and name != _START else {}
    return ParsedCommand(name, addressee, command, arguments)


async def publish(bot: Bot, registry: Registry) -> bool:
    """Make the menu of every kind of chat and language stand as the registry has it; whether any had to be
    changed. Raises TelegramError.

    Where a chat's English menu differs, the others are written unread: all requests together have to stay
    well below what Telegram takes in a second.
    """
    changed = False
    for scope in SCOPES:
        new = await _publish(bot, scope, ENGLISH, registry)
        others = [
            _publish(bot, scope, language, registry, unread=new)
            for language in LANGUAGES
            if language != ENGLISH
        ]
        changed = any(await asyncio.gather(*others)) or new or changed
    if await bot.get_my_commands():  # an earlier release's, or made at BotFather
        await bot.delete_my_commands()
        return True
    return changed


async def _publish(bot: Bot, scope: str, language: str, registry: Registry, *, unread: bool = False) -> bool:
    """Whether this one had to be written."""
    # Telegram knows languages by two letters, and gives whoever has no menu of their own the one of none.
    code = None if language == ENGLISH else language.partition("-")[0]
    wanted = tuple(BotCommand(name, text) for name, text in menu(scope, language, registry))
    if not unread and await bot.get_my_commands(SCOPES[scope], code) == wanted:
        return False
    await bot.set_my_commands(wanted, SCOPES[scope], code)
    return True


def menu(scope: str, language: str, registry: Registry) -> Sequence[tuple[str, str]]:
    """Name and description of each command in one menu."""
    where = {Where.PRIVATE} if scope == "private" else {Where.GROUP, Where.THREAD}
    shown = [
        command
        for command in registry
        if (registry.is_listed(command) or command.menu is Menu.TYPED)
        and where & command.where
        and (command.who is Who.EVERYBODY or (command.who is Who.MANAGER and scope != "groups"))
    ]
    return [
        (command.name, command.description(language)[:_DESCRIPTION_LIMIT]) for command in shown[:_MENU_LIMIT]
    ]
