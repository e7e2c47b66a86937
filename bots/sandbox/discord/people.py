"""What people do in the local Discord, as methods for the page and the tests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bots.sandbox.discord.application import Application
from bots.sandbox.discord.commands import command_data, shown
from bots.sandbox.discord.content import CONTENT_LIMIT
from bots.sandbox.discord.interactions import Interactions
from bots.sandbox.discord.mentions import read_mentions
from bots.sandbox.discord.world import (
    Change,
    Channel,
    File,
    InteractionType,
    Json,
    Message,
    Overwrite,
    Permission,
    User,
    World,
)


class People:
    """Acts for a person.

    `person` and `chat` are ids or names: `Ada`, `#general`, `@Ada` for her direct messages. An
    unknown one raises `KeyError`, what the person may not do `PermissionError`, and what Discord's
    own client would not let them do `ValueError`.
    """

    def __init__(self, world: World, application: Application, interactions: Interactions) -> None:
        self.world = world
        self._application = application
        self._interactions = interactions

    async def say(
        self,
        person: str,
        chat: str,
        text: str,
        *,
        reply_to: str | None = None,
        topic: str | None = None,
        ping: bool = True,
        files: Sequence[tuple[str, bytes]] = (),
    ) -> str:
        """Send a message and return its id; `@Name` becomes a mention, as the client makes it.

        `ping` is the client's switch for notifying the author replied to; `topic` is Telegram's.
        """
        who, where = self._in(person, chat, Permission.SEND_MESSAGES)
        content = self._with_mentions(text).strip()
        if not content and not files:
            raise ValueError("an empty message cannot be sent")
        if len(content) > CONTENT_LIMIT:
            raise ValueError(f"a message has at most {CONTENT_LIMIT} characters")
        message = Message(self.world.snowflake(), where, who, self.world.now(), content)
        message.files = [File(self.world.snowflake(), name, data) for name, data in files]
        if reply_to is not None:
            message.reply_to = where.messages[int(reply_to)]
            message.type = 19
        allowed: Json = {"parse": ["users", "roles", "everyone"], "replied_user": ping}
        message.mentions, _ = read_mentions(self.world, message, content, allowed, by_edit=False)
        where.messages[message.id] = message
        self.world.announce(Change("message", where, message))
        return str(message.id)

    async def edit_own(self, person: str, chat: str, message: str, text: str) -> None:
        """Change the text of an own message."""
        own = self._own(person, chat, message)
        own.content = self._with_mentions(text).strip()
        own.mentions, _ = read_mentions(self.world, own, own.content, None, by_edit=True)
        own.edits += 1
        own.edited_at = self.world.now()
        self.world.announce(Change("edit", own.channel, own))

    async def delete(self, person: str, chat: str, message: str) -> None:
        """Delete an own message, or anybody's with Manage Messages."""
        who, where = self._in(person, chat, Permission.VIEW_CHANNEL)
        gone = where.messages[int(message)]
        if gone.author != who and not self.world.permissions(who, where) & Permission.MANAGE_MESSAGES:
            raise PermissionError(f"{who.name} may not delete this message")
        del where.messages[gone.id]
        self.world.announce(Change("delete", where, gone))

    async def react(self, person: str, chat: str, message: str, emoji: str) -> None:
        """Add a reaction."""
        who, where = self._in(person, chat, Permission.ADD_REACTIONS)
        target = where.messages[int(message)]
        by = target.reactions.setdefault(emoji, [])
        if who not in by:
            by.append(who)
            self.world.announce(Change("reaction", where, target, who, emoji))

    async def type(self, person: str, chat: str) -> None:
        """Show the typing indicator."""
        who, where = self._in(person, chat, Permission.SEND_MESSAGES)
        self.world.announce(Change("typing", where, user=who))

    async def open_thread(self, person: str, chat: str, name: str, *, message: str | None = None) -> str:
        """Open a thread, on a message or without one, and return its id."""
        who, where = self._in(person, chat, Permission.CREATE_PUBLIC_THREADS)
        channel_id = int(message) if message else None
        thread = self.world.add_channel("thread", name, channel_id=channel_id, parent=where, owner=who)
        self.world.announce(Change("thread", thread))
        return str(thread.id)

    async def invoke(
        self, person: str, chat: str, command: str, options: Mapping[str, str], *, users_own: bool = False
    ) -> str:
        """Send a slash command (`ask`, `persona set`) and return the interaction's id.

        `users_own`: the application is there only because this person installed it for themselves.
        """
        who, where = self._in(person, chat, Permission.USE_APPLICATION_COMMANDS)
        data = command_data(self.world, self._application.commands, command, options)
        return str(
            self._interactions.begin(
                InteractionType.COMMAND,
                who,
                where,
                data,
                shown_as=shown(command, options),
                users_own=users_own,
            ).id
        )

    async def complete(
        self, person: str, chat: str, command: str, options: Mapping[str, str], focused: str
    ) -> list[Json]:
        """Ask for the choices of the option being typed, as `{"name", "value"}`."""
        who, where = self._in(person, chat, Permission.USE_APPLICATION_COMMANDS)
        commands = self._application.commands
        data = command_data(self.world, commands, command, options, focused=focused)
        return await self._interactions.choices(
            self._interactions.begin(InteractionType.AUTOCOMPLETE, who, where, data)
        )

    async def press(self, person: str, chat: str, message: str, button: str) -> None:
        """Press the button with this custom id."""
        who, where = self._in(person, chat, Permission.VIEW_CHANNEL)
        source = where.messages[int(message)]
        if source.only_for not in (None, who):
            raise PermissionError(f"{who.name} does not see this message")
        children: list[dict[str, Any]] = [child for row in source.components for child in row["components"]]
        pressed = next((child for child in children if child.get("custom_id") == button), None)
        if pressed is None or pressed.get("disabled"):
            raise ValueError(f"there is no button {button!r} to press")
        data = {"custom_id": button, "component_type": pressed["type"]}
        self._interactions.begin(InteractionType.COMPONENT, who, where, data, source=source)

    def overwrite(self, chat: str, who: str, *, allow: int = 0, deny: int = 0) -> None:
        """Set what a channel allows and denies a person, the bot or `@everyone`."""
        channel = self.world.chat(chat)
        target = self.world.guild_id if who == "@everyone" else self.world.person(who).id
        channel.overwrites[target] = Overwrite(allow, deny)
        self.world.announce(Change("channel_update", channel))

    def _in(self, person: str, chat: str, permission: Permission) -> tuple[User, Channel]:
        who, where = self.world.person(person), self.world.chat(chat)
        if where.kind == "thread" and permission == Permission.SEND_MESSAGES:
            permission = Permission.SEND_MESSAGES_IN_THREADS
        if not self.world.permissions(who, where) & permission:
            raise PermissionError(f"{who.name} lacks {permission.name} in {where.name}")
        return who, where

    def _own(self, person: str, chat: str, message: str) -> Message:
        who, where = self._in(person, chat, Permission.VIEW_CHANNEL)
        own = where.messages[int(message)]
        if own.author != who:
            raise PermissionError(f"{who.name} did not write this message")
        return own

    def _with_mentions(self, text: str) -> str:
        for account in self.world.users.values():
            text = re.sub(rf"(?<![<\w@])@{re.escape(account.name)}\b", f"<@{account.id}>", text)
        return text
