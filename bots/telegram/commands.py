"""The commands of core.commands.registry as Telegram has them: a menu, and `/name@bot text`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from telegram import Bot, BotCommand

from core.catalogue import ENGLISH, LANGUAGES
from core.commands.registry import Command, commands_for

_COMMANDS: Final = {command.name: command for command in commands_for("telegram")}


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """A command at the start of a text. `addressee`: the bot named behind `@`, in lower case, "" for none."""

    name: str
    addressee: str
    rest: str

    @property
    def known(self) -> bool:
        return self.name in _COMMANDS

    @property
    def arguments(self) -> Mapping[str, str]:
        """The given arguments by name: one word each, the rest of the text for the last one."""
        command = _COMMANDS.get(self.name)
        if command is None or not command.arguments or not self.rest:
            return {}
        words = self.rest.split(maxsplit=len(command.arguments) - 1)
        return {argument.name: word for argument, word in zip(command.arguments, words, strict=False)}


def parse_command(text: str) -> ParsedCommand | None:
    """The command that `text` starts with, None when it starts with none."""
    if not text.startswith("/"):
        return None
    head, *rest = text.split(maxsplit=1)
    name, _, addressee = head[1:].partition("@")
    if not (name.isascii() and name.replace("_", "a").isalnum() and len(name) <= 32):
        return None
    return ParsedCommand(name.lower(), addressee.lower(), rest[0].strip() if rest else "")


async def publish(bot: Bot) -> bool:
    """Make the menu of every language stand as the registry has it; whether any had to be changed.

    Raises TelegramError.
    """
    changed = False
    for language in LANGUAGES:
        # Telegram knows languages by two letters, and gives whoever has no menu of their own the one of none.
        code = None if language == ENGLISH else language.partition("-")[0]
        wanted = tuple(_menu_entry(command, language) for command in _COMMANDS.values() if command.listed)
        if await bot.get_my_commands(language_code=code) != wanted:
            await bot.set_my_commands(wanted, language_code=code)
            changed = True
    return changed


def _menu_entry(command: Command, language: str) -> BotCommand:
    return BotCommand(command.name, command.description(language))
