"""Every command once: found in `core.commands.declared`, offered by the adapters, run by the dispatcher."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

from core.commands import declared
from core.commands.command import Command, Menu, Who

MORE: Final = "more"
MANAGE: Final = "manage"


class Registry:
    """The commands by name. `listed`: the names of those in the first list, instead of what each one says."""

    def __init__(self, commands: Iterable[Command], *, listed: Iterable[str] | None = None) -> None:
        """Raises ValueError for a name that is there twice, is taken by a group, or is not known."""
        every = sorted(commands, key=lambda command: command.name)
        self._by_name = {command.name: command for command in every}
        self._listed = None if listed is None else frozenset(listed)
        if len(self._by_name) < len(every) or self._by_name.keys() & {MORE, MANAGE}:
            raise ValueError("two commands have the same name")
        if unknown := (self._listed or frozenset()) - self._by_name.keys():
            raise ValueError(f"there is no command {min(unknown)}")

    def __iter__(self) -> Iterator[Command]:
        return iter(self._by_name.values())

    def get(self, name: str) -> Command | None:
        return self._by_name.get(name)

    def owner_of(self, data: str) -> Command | None:
        """The command whose control or form has this data."""
        command = self.get(data.partition(":")[0])
        return command if command is not None and command.press is not None else None

    def is_listed(self, command: Command) -> bool:
        if self._listed is None:
            return command.menu is Menu.LISTED
        return command.name in self._listed

    def group_of(self, command: Command) -> str:
        """Where a platform puts what is not listed into groups: the group's name, "" for what is listed."""
        if self.is_listed(command):
            return ""
        return MORE if command.who is Who.EVERYBODY else MANAGE

    def message_menu(self) -> tuple[Command, ...]:
        """What stands in a message's menu, in order."""
        return tuple(sorted((c for c in self if c.message_menu), key=lambda command: command.message_menu))

    def spelled(self, command: Command, *, in_groups: bool) -> str:
        """How a person writes it, with or without groups."""
        group = self.group_of(command) if in_groups else ""
        return f"/{group} {command.name}" if group else f"/{command.name}"


@cache
def registry() -> Registry:
    """Every command there is."""
    names = (module.name for module in pkgutil.iter_modules(declared.__path__))
    modules = [importlib.import_module(f"{declared.__name__}.{name}") for name in names]
    return Registry([module.COMMAND for module in modules])
