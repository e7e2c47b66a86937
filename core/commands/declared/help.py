"""`/help`: how to ask, and what of all commands this person may use in this place."""

from __future__ import annotations

from typing import Final

from core.commands.call import Call
from core.commands.command import Command, Menu
from core.commands.permission import refusal


async def run(call: Call) -> None:
    registry, capabilities = call.services.registry, call.surface.capabilities
    usable = [
        command
        for command in registry
        if command.menu is not Menu.HIDDEN
        and not (command.typed_only and capabilities.command_groups)
        and refusal(command, call.person, call.place, call.services.access) is None
    ]
    told = [c for c in usable if not (c.about_message and capabilities.message_menus)]
    told.sort(key=lambda command: not registry.is_listed(command))
    lines = [call.say("help"), "", call.say("help.commands")]
    for command in told:
        spelled = registry.spelled(command, in_groups=capabilities.command_groups)
        description = command.description(call.locale)
        lines.append("- " + call.say("help.command", command=spelled, description=description))
    if capabilities.message_menus and (entries := [c for c in registry.message_menu() if c in usable]):
        names = ", ".join(command.menu_entry(call.locale) for command in entries)
        lines += ["", call.say("help.menu", entries=names)]
    call.reply("\n".join(lines))


COMMAND: Final = Command(
    "help", run, for_strangers=True, private=True, portable=True, menu=Menu.LISTED, repeatable=True
)
