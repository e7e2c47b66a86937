"""Every command once. Adapters render this list: Discord as slash commands, Telegram as a command menu."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.catalogue import say


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command; the last one of a Telegram command takes the rest of the line."""

    name: str
    description_key: str
    required: bool = True
    max_length: int = 6_000  # Discord's limit for a string option

    def description(self, locale: str | None = None) -> str:
        return say(self.description_key, locale)


@dataclass(frozen=True, slots=True)
class Command:
    """`name` fits both platforms: [a-z0-9_]{1,32}. `platforms`: empty means every one."""

    name: str
    arguments: tuple[Argument, ...] = ()
    platforms: frozenset[str] = frozenset()
    listed: bool = True  # in the menu that people see (Discord shows every registered command)

    def description(self, locale: str | None = None) -> str:
        return say(f"command.{self.name}", locale)


COMMANDS: Final = (
    Command("ask", (Argument("prompt", "command.ask.prompt"),)),
    Command("help"),
    Command("start", platforms=frozenset({"telegram"}), listed=False),
    Command("claim", (Argument("code", "command.claim.code", max_length=100),), listed=False),
)


def commands_for(platform: str) -> tuple[Command, ...]:
    return tuple(command for command in COMMANDS if not command.platforms or platform in command.platforms)
