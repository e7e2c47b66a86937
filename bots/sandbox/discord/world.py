"""What the local Discord knows: people, one guild, its channels, messages and who may do what.

Plain state without sockets. Whoever changes it says so through `announce`, and the gateway and the
page each make their own event of the `Change`.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Iterable, Sequence

from bots.sandbox.discord.models import (
    Change,
    Channel,
    ChannelKind,
    File,
    Message,
    Overwrite,
    Ping,
    Role,
    User,
)
from bots.sandbox.limits import Clock

_HAS_THREAD = 1 << 5
_THREAD_CREATED, _THREAD_STARTER = 18, 21  # message types
DISCORD_EPOCH_MS = 1_420_070_400_000


class Permission(enum.IntFlag):
    """The permission bits that the sandbox enforces, as Discord numbers them."""

    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    SEND_MESSAGES_IN_THREADS = 1 << 38


ALL_PERMISSIONS = (1 << 53) - 1
EVERYDAY = (
    Permission.ADD_REACTIONS
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
)


class World:
    """The seeded state: the guild Riverside, its people and the bot, and a DM with each of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall_offset = time.time() - clock()
        self._last_id = 0
        self._listeners: list[Callable[[Change], None]] = []
        self.pings: list[Ping] = []
        self.closed_dms: set[int] = set()
        self.guild_locale = "en-US"
        self.locales: dict[int, str] = {}
        self.uploads: dict[int, File] = {}  # files given to commands, which hang on no message

        self.guild_id = self.snowflake()
        self.guild_name = "Riverside"
        self.bot = User(self.snowflake(), "Sluice", bot=True)
        self.application_id = self.bot.id
        names = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ivo", "Jun", "Kim")
        self.users = {user.id: user for user in (User(self.snowflake(), name) for name in names)}
        self.owner = next(iter(self.users.values()))
        self.other_bot = User(self.snowflake(), "Beacon", bot=True)
        self.users |= {self.bot.id: self.bot, self.other_bot.id: self.other_bot}
        self.locales[self.person("Ivo").id] = "pt-BR"
        everyone = Role(self.guild_id, "@everyone", EVERYDAY)
        bot_role = Role(self.snowflake(), "Sluice", EVERYDAY, bot=self.bot)
        self.roles = {role.id: role for role in (everyone, bot_role)}
        self.member_roles = {user.id: list[int]() for user in self.users.values()}
        self.member_roles[self.bot.id].append(bot_role.id)

        self.channels: dict[int, Channel] = {}
        for name in ("general", "help", "bots"):
            self.add_channel("channel", name)
        general = next(iter(self.channels.values()))
        self.add_channel("thread", "planning", parent=general, owner=self.owner)
        for user in self.people:
            self.add_channel("dm", user.name, recipient=user)

    @property
    def people(self) -> list[User]:
        """Everyone but the bots."""
        return [user for user in self.users.values() if not user.bot]

    def now(self) -> float:
        """Unix seconds; moves with the server's clock."""
        return self._clock() + self._wall_offset

    def snowflake(self) -> int:
        """A new id that carries its time and never repeats or runs backwards."""
        self._last_id = max(self._last_id + 1, (int(self.now() * 1000) - DISCORD_EPOCH_MS) << 22)
        return self._last_id

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call `listener` on every change from now on."""
        self._listeners.append(listener)

    def announce(self, change: Change) -> None:
        """Tell every listener of a change that has been made."""
        for listener in self._listeners:
            listener(change)

    def add_channel(
        self,
        kind: ChannelKind,
        name: str,
        *,
        channel_id: int | None = None,
        parent: Channel | None = None,
        recipient: User | None = None,
        owner: User | None = None,
    ) -> Channel:
        """Make a channel and return it."""
        new_id = channel_id or self.snowflake()
        channel = Channel(new_id, kind, name, parent, recipient, owner, created_at=self.now())
        self.channels[channel.id] = channel
        return channel

    def open_private(self, one: User, other: User) -> Channel:
        """Make a direct message between two people, in which the bot is not."""
        channel = self.add_channel("friends", f"{one.name} & {other.name}")
        channel.friends = (one, other)
        self.announce(Change("channel_create", channel))
        return channel

    def unarchive(self, channel: Channel) -> None:
        """Open an archived thread again, as any message in it does."""
        if channel.archived:
            channel.archived, channel.archived_at = False, self.now()
            self.announce(Change("thread_update", channel))

    def delete_bulk(self, channel: Channel, messages: Sequence[Message]) -> None:
        """Take several messages away at once."""
        for message in messages:
            del channel.messages[message.id]
        if messages:
            self.announce(Change("delete_bulk", channel, messages=tuple(messages)))

    def open_thread(
        self, parent: Channel, name: str, owner: User, message: Message | None = None, minutes: int = 1440
    ) -> Channel:
        """Make a thread, on a message or without one, with the lines that Discord writes for it."""
        started_on = None if message is None else message.id
        thread = self.add_channel("thread", name, channel_id=started_on, parent=parent, owner=owner)
        thread.archive_after_min = minutes
        thread.members.add(owner.id)
        self.announce(Change("thread", thread))
        if message is not None:
            message.thread = thread
            message.flags |= _HAS_THREAD
            self.announce(Change("thread_on_message", parent, message))
            first = Message(self.snowflake(), thread, message.author, self.now(), type=_THREAD_STARTER)
            first.reply_to = message
        else:
            first = Message(self.snowflake(), parent, owner, self.now(), name, type=_THREAD_CREATED)
            first.thread = thread
        first.channel.messages[first.id] = first
        self.announce(Change("message", first.channel, first))
        return thread

    def open_post(self, forum: Channel, post_id: int, name: str, owner: User, minutes: int = 1440) -> Channel:
        """Make a post in a forum; its first message, which has the same id, is for the caller to put in."""
        thread = self.add_channel("thread", name, channel_id=post_id, parent=forum, owner=owner)
        thread.archive_after_min = minutes
        thread.members.add(owner.id)
        self.announce(Change("thread", thread))
        return thread

    def delete_thread(self, thread: Channel) -> None:
        """Take a thread away, with what is in it."""
        del self.channels[thread.id]
        for channel in self.channels.values():
            for message in channel.messages.values():
                if message.thread is thread:
                    message.thread = None
        self.announce(Change("thread_delete", thread))

    def locale(self, user: User) -> str:
        """The language of a person's client, as Discord names it."""
        return self.locales.get(user.id, "en-US")

    def add_role(self, name: str, permissions: int, holders: Iterable[User]) -> Role:
        """Make a role and give it to people."""
        role = Role(self.snowflake(), name, permissions)
        self.roles[role.id] = role
        for holder in holders:
            self.member_roles[holder.id].append(role.id)
        return role

    def person(self, who: str) -> User:
        """A user by id or display name. Raises `KeyError`."""
        for user in self.users.values():
            if who in (str(user.id), user.name):
                return user
        raise KeyError(f"nobody is called {who!r}")

    def chat(self, where: str) -> Channel:
        """A channel by id, by `#name`, a direct message by `@person` or `@one & other`. Raises `KeyError`."""
        for channel in self.channels.values():
            sign = "#" if channel.in_guild else "@"
            if where in (str(channel.id), sign + channel.name):
                return channel
        raise KeyError(f"no chat is called {where!r}")

    def permissions(self, user: User, channel: Channel) -> int:
        """What `user` may do in `channel`, overwrites included; 0 when they cannot see it."""
        if not channel.in_guild:
            inside = channel.friends or (self.bot, channel.recipient)
            return int(EVERYDAY) if user in inside else 0
        if user == self.owner:
            return ALL_PERMISSIONS
        roles = self.member_roles[user.id]
        granted = self.roles[self.guild_id].permissions
        for role_id in roles:
            granted |= self.roles[role_id].permissions
        if granted & Permission.ADMINISTRATOR:
            return ALL_PERMISSIONS
        overwrites = (channel.parent or channel).overwrites
        everyone = overwrites.get(self.guild_id, Overwrite())
        granted = granted & ~everyone.deny | everyone.allow
        of_roles = [overwrites[role_id] for role_id in roles if role_id in overwrites]
        for overwrite in of_roles:
            granted &= ~overwrite.deny
        for overwrite in of_roles:
            granted |= overwrite.allow
        own = overwrites.get(user.id, Overwrite())
        granted = granted & ~own.deny | own.allow
        return granted if granted & Permission.VIEW_CHANNEL else 0
