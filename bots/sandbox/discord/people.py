"""What people do in the local Discord, as methods for the page and the tests: messages, threads, rights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from bots.sandbox.discord.access import sending
from bots.sandbox.discord.content import CONTENT_LIMIT
from bots.sandbox.discord.mentions import read_mentions
from bots.sandbox.discord.models import Change, Channel, File, Json, Message, Overwrite, User
from bots.sandbox.discord.world import Permission, World


class People:
    """Acts for a person.

    `person` and `chat` are ids or names: `Ada`, `#general`, `@Ada` for her direct messages. An
    unknown one raises `KeyError`, what the person may not do `PermissionError`, and what Discord's
    own client would not let them do `ValueError`.
    """

    def __init__(self, world: World) -> None:
        self.world = world

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
        who, where = self._writer(person, chat)
        message = self._written(where, who, self.world.snowflake(), text, files)
        if reply_to is not None:
            message.reply_to = where.messages[int(reply_to)]
            message.type = 19
        allowed: Json = {"parse": ["users", "roles", "everyone"], "replied_user": ping}
        message.mentions, _ = read_mentions(self.world, message, message.content, allowed, by_edit=False)
        self.world.unarchive(where)
        where.messages[message.id] = message
        self.world.announce(Change("message", where, message))
        return str(message.id)

    async def edit_own(self, person: str, chat: str, message: str, text: str) -> None:
        """Change the text of an own message."""
        own = self._own(person, chat, message)
        own.content = self._checked(text, own.files)
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

    async def delete_many(self, person: str, chat: str, messages: Sequence[str]) -> None:
        """Delete several messages at once, as a moderator's tool does."""
        _, where = self._in(person, chat, Permission.MANAGE_MESSAGES)
        self.world.delete_bulk(where, [where.messages[int(message)] for message in messages])

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
        who, where = self._writer(person, chat)
        self.world.announce(Change("typing", where, user=who))

    async def open_thread(self, person: str, chat: str, name: str, *, message: str | None = None) -> str:
        """Open a thread, on a message or without one, and return its id."""
        who, where = self._in(person, chat, Permission.CREATE_PUBLIC_THREADS)
        if where.kind != "channel":
            raise ValueError(f"{where.name} takes no threads")
        if not 1 <= len(name) <= 100:
            raise ValueError("a thread's name has 1 to 100 characters")
        on = None if message is None else where.messages[int(message)]
        if on is not None and on.thread is not None:
            raise ValueError("this message has a thread already")
        return str(self.world.open_thread(where, name, who, on).id)

    async def open_post(
        self, person: str, forum: str, title: str, text: str, *, files: Sequence[tuple[str, bytes]] = ()
    ) -> str:
        """Write a post in a forum and return the id of its thread, which is that of its first message."""
        who, where = self._in(person, forum, Permission.SEND_MESSAGES)
        if where.kind != "forum":
            raise ValueError(f"{where.name} is no forum")
        if not 1 <= len(title) <= 100:
            raise ValueError("a post's title has 1 to 100 characters")
        message = self._written(where, who, self.world.snowflake(), text, files)
        post = message.channel = self.world.open_post(where, message.id, title, who)
        message.mentions, _ = read_mentions(self.world, message, message.content, None, by_edit=False)
        post.messages[message.id] = message
        self.world.announce(Change("message", post, message))
        return str(post.id)

    async def close_thread(
        self, person: str, thread: str, *, archived: bool = True, locked: bool | None = None
    ) -> None:
        """Archive a thread or open it again; `locked` keeps others from opening it, for moderators only."""
        who, where = self._in(person, thread, Permission.VIEW_CHANNEL)
        if where.kind != "thread":
            raise ValueError(f"{where.name} is no thread")
        moderates = self.world.permissions(who, where) & Permission.MANAGE_THREADS
        if not moderates and (who != where.owner or locked is not None or where.locked):
            raise PermissionError(f"{who.name} may not do that to this thread")
        where.archived, where.archived_at = archived, self.world.now()
        where.locked = where.locked if locked is None else locked
        self.world.announce(Change("thread_update", where))

    async def delete_thread(self, person: str, thread: str) -> None:
        """Delete a thread with what is in it."""
        _, where = self._in(person, thread, Permission.MANAGE_THREADS)
        if where.kind != "thread":
            raise ValueError(f"{where.name} is no thread")
        self.world.delete_thread(where)

    async def delete_channel(self, person: str, chat: str) -> None:
        """Delete a channel or a forum with what is in it."""
        _, where = self._in(person, chat, Permission.MANAGE_CHANNELS)
        if where.kind not in ("channel", "forum"):
            raise ValueError(f"{where.name} is no channel of the guild")
        for thread in [one for one in self.world.channels.values() if one.parent is where]:
            self.world.delete_thread(thread)
        self.world.announce(Change("channel_delete", where))
        del self.world.channels[where.id]

    async def close_private(self, person: str) -> None:
        """Take no direct messages from the bot any more."""
        self.world.closed_dms.add(self.world.person(person).id)

    async def create_channel(
        self, name: str, kind: Literal["channel", "forum"] = "channel", *, hidden_from: Sequence[str] = ()
    ) -> str:
        """Make a channel or a forum, which some people (or `@everyone`) do not see, and return its id."""
        channel = self.world.add_channel(kind, name)
        for who in hidden_from:
            channel.overwrites[self._target(who)] = Overwrite(deny=Permission.VIEW_CHANNEL)
        self.world.announce(Change("channel_create", channel))
        return str(channel.id)

    async def open_private(self, person: str, other: str) -> str:
        """Write to somebody else than the bot, which is not in that chat, and return its id.

        There the application is used only by those who installed it for themselves.
        """
        return str(self.world.open_private(self.world.person(person), self.world.person(other)).id)

    async def set_language(self, person: str, locale: str) -> None:
        """Choose the language of a person's client, such as `pt-BR`."""
        who = self.world.person(person)
        self.world.locales[who.id] = locale
        place = next(iter(self.world.channels.values()))
        self.world.announce(Change("member_update", place, user=who))

    def overwrite(self, chat: str, who: str, *, allow: int = 0, deny: int = 0) -> None:
        """Set what a channel allows and denies a person, the bot or `@everyone`."""
        channel = self.world.chat(chat)
        channel.overwrites[self._target(who)] = Overwrite(allow, deny)
        self.world.announce(Change("channel_update", channel))

    def grant(self, who: str, permissions: int) -> None:
        """Give a person permissions everywhere in the guild, by a role of their own."""
        person = self.world.person(who)
        self.world.add_role(f"Role of {person.name}", permissions, [person])
        place = next(iter(self.world.channels.values()))
        self.world.announce(Change("role", place, user=person))
        self.world.announce(Change("member_update", place, user=person))

    def _target(self, who: str) -> int:
        return self.world.guild_id if who == "@everyone" else self.world.person(who).id

    def _in(self, person: str, chat: str, permission: Permission) -> tuple[User, Channel]:
        who, where = self.world.person(person), self.world.chat(chat)
        if not self.world.permissions(who, where) & permission:
            raise PermissionError(f"{who.name} lacks {permission.name} in {where.name}")
        return who, where

    def _writer(self, person: str, chat: str) -> tuple[User, Channel]:
        who, where = self._in(person, chat, sending(self.world.chat(chat)))
        if where.kind == "forum":
            raise ValueError("a forum takes posts, no messages")
        if where.locked and not self.world.permissions(who, where) & Permission.MANAGE_THREADS:
            raise PermissionError(f"{where.name} is locked")
        return who, where

    def _own(self, person: str, chat: str, message: str) -> Message:
        who, where = self._in(person, chat, Permission.VIEW_CHANNEL)
        own = where.messages[int(message)]
        if own.author != who:
            raise PermissionError(f"{who.name} did not write this message")
        return own

    def _written(
        self, where: Channel, who: User, message_id: int, text: str, files: Sequence[tuple[str, bytes]]
    ) -> Message:
        attached = [File(self.world.snowflake(), name, data) for name, data in files]
        content = self._checked(text, attached)
        return Message(message_id, where, who, self.world.now(), content, files=attached)

    def _checked(self, text: str, files: Sequence[File]) -> str:
        content = self._with_mentions(text).strip()
        if not content and not files:
            raise ValueError("an empty message cannot be sent")
        if len(content) > CONTENT_LIMIT:
            raise ValueError(f"a message has at most {CONTENT_LIMIT} characters")
        return content

    def _with_mentions(self, text: str) -> str:
        for account in self.world.users.values():
            text = re.sub(rf"(?<![<\w@])@{re.escape(account.name)}\b", f"<@{account.id}>", text)
        return text
