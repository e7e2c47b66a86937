"""How people use the application in the local Discord: commands, menus, buttons, selects, forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bots.sandbox.discord.command_rules import CHANNEL, USER
from bots.sandbox.discord.commands import CommandLine, Filled, offered, translated
from bots.sandbox.discord.components import (
    BUTTON,
    CHANNEL_SELECT,
    SELECT,
    SELECTS,
    USER_SELECT,
    bounds,
    chosen_of,
    usable,
)
from bots.sandbox.discord.interactions import Interactions
from bots.sandbox.discord.modals import drawn_modal, submitted
from bots.sandbox.discord.models import Channel, InteractionType, Json, Message, User
from bots.sandbox.discord.payloads import Payloads
from bots.sandbox.discord.people import People
from bots.sandbox.discord.registered import RegisteredCommands
from bots.sandbox.discord.world import Permission, World

_RESOLVED = {USER_SELECT: USER, CHANNEL_SELECT: CHANNEL}


class Usage(People):
    """Acts for a person on the application; names and errors are those of `People`.

    A command that is not offered to the person there raises `PermissionError`.
    """

    def __init__(
        self, world: World, payloads: Payloads, commands: RegisteredCommands, interactions: Interactions
    ) -> None:
        super().__init__(world)
        self._commands = commands
        self._interactions = interactions
        self._line = CommandLine(world, payloads)

    def menu(self, person: str, chat: str) -> list[Json]:
        """The commands that Discord offers a person in a chat, in their language: see `translated`."""
        who, where = self.world.person(person), self.world.chat(chat)
        locale, own = self.world.locale(who), where.kind == "friends"
        found = [one for one in self._commands.all if offered(self.world, one, who, where, users_own=own)]
        return [translated(command, locale) for command in found]

    async def invoke(
        self,
        person: str,
        chat: str,
        command: str,
        options: Mapping[str, str],
        *,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        users_own: bool = False,
    ) -> str:
        """Send a slash command (`ask`, `persona set`) and return the interaction's id.

        `files` are options that take a file, as name and content. `users_own`: the application is there
        only because this person installed it for themselves.
        """
        who, where = self._in(person, chat, Permission.USE_APPLICATION_COMMANDS)
        users_own = users_own or where.kind == "friends"
        filled = Filled(command, options, files or {}, users_own=users_own)
        data = self._line.data(self._commands.all, filled, who, where)
        kind = InteractionType.COMMAND
        one = self._interactions.begin(kind, who, where, data, shown_as=filled.shown, users_own=users_own)
        return str(one.id)

    async def complete(
        self, person: str, chat: str, command: str, options: Mapping[str, str], focused: str
    ) -> list[Json]:
        """Ask for the choices of the option being typed, as `{"name", "value"}`."""
        who, where = self._in(person, chat, Permission.USE_APPLICATION_COMMANDS)
        filled = Filled(command, options, focused=focused, users_own=where.kind == "friends")
        data = self._line.data(self._commands.all, filled, who, where)
        level = data
        while not any(option.get("focused") for option in level["options"]):
            level = level["options"][0]
        kind = next(option["type"] for option in level["options"] if option.get("focused"))
        one = self._interactions.begin(InteractionType.AUTOCOMPLETE, who, where, data)
        return await self._interactions.choices(one, kind)

    async def use_on_message(self, person: str, chat: str, message: str, command: str) -> str:
        """Use a command of a message's context menu and return the interaction's id."""
        who, where = self._in(person, chat, Permission.USE_APPLICATION_COMMANDS)
        return self._use_menu(who, where, self._seen(who, where, message), command)

    async def use_on_person(self, person: str, chat: str, target: str, command: str) -> str:
        """Use a command of a person's context menu and return the interaction's id."""
        who, where = self._in(person, chat, Permission.USE_APPLICATION_COMMANDS)
        return self._use_menu(who, where, self.world.person(target), command)

    async def press(self, person: str, chat: str, message: str, button: str) -> None:
        """Press the button with this custom id."""
        who, where = self._in(person, chat, Permission.VIEW_CHANNEL)
        source = self._seen(who, where, message)
        usable(source, button, (BUTTON,))
        data = {"custom_id": button, "component_type": BUTTON}
        self._interactions.begin(InteractionType.COMPONENT, who, where, data, source=source)

    async def choose(self, person: str, chat: str, message: str, select: str, values: Sequence[str]) -> None:
        """Choose in the select with this custom id: values, or ids or names of people or channels."""
        who, where = self._in(person, chat, Permission.VIEW_CHANNEL)
        source = self._seen(who, where, message)
        component = usable(source, select, SELECTS)
        kind = component["type"]
        data: Json = {"custom_id": select, "component_type": kind}
        if kind == SELECT:
            data["values"] = chosen_of(component, values, [o["value"] for o in component["options"]])
        else:
            least, most = bounds(component)
            if not least <= len(values) <= most:
                raise ValueError(f"choose between {least} and {most}")
            resolved = [self._line.resolve(data, _RESOLVED[kind], value, where) for value in values]
            data["values"] = resolved
        self._interactions.begin(InteractionType.COMPONENT, who, where, data, source=source)

    def open_modals(self, person: str) -> list[Json]:
        """The forms in front of a person, oldest first: `id`, `title`, `fields`."""
        who = self.world.person(person)
        mine = {key: one for key, one in self._interactions.modals.items() if one.asked.user == who}
        return [drawn_modal(one.payload) | {"id": key} for key, one in mine.items()]

    async def submit(self, person: str, modal: str, values: Mapping[str, str | Sequence[str]]) -> str:
        """Send the form with this id, and return the new interaction's id.

        `values` are by custom id, a list for a select; what is left out stays as the form came.
        """
        who = self.world.person(person)
        opened = self._interactions.modals[modal]
        if opened.asked.user != who:
            raise PermissionError(f"this form is not before {who.name}")
        data = submitted(opened.payload, values)
        del self._interactions.modals[modal]
        asked = opened.asked
        one = self._interactions.begin(
            InteractionType.MODAL, who, asked.channel, data, source=asked.source, before=asked
        )
        return str(one.id)

    async def close_modal(self, person: str, modal: str) -> None:
        """Close a form without sending it, of which the bot hears nothing."""
        who = self.world.person(person)
        if self._interactions.modals[modal].asked.user == who:
            del self._interactions.modals[modal]

    def _use_menu(self, who: User, where: Channel, target: Message | User, command: str) -> str:
        data = self._line.menu_data(self._commands.all, command, target, who, where)
        kind = InteractionType.COMMAND
        return str(self._interactions.begin(kind, who, where, data, shown_as=command, target=target).id)

    def _seen(self, who: User, where: Channel, message: str) -> Message:
        found = where.messages[int(message)]
        if found.only_for not in (None, who):
            raise PermissionError(f"{who.name} does not see this message")
        return found
