"""What the local Discord knows: people, one guild, its channels, messages and who may do what.

Plain state without sockets. Whoever changes it says so through `announce`, and the gateway and the
page each make their own event of the `Change`.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from bots.sandbox.limits import Clock

Json: TypeAlias = dict[str, Any]

DISCORD_EPOCH_MS = 1_420_070_400_000
LOCALES = {"Gus": "pt-BR"}  # of the seeded people; the others have the default


class Permission(enum.IntFlag):
    """The permission bits that the sandbox enforces, as Discord numbers them."""

    ADMINISTRATOR = 1 << 3
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


@dataclass(frozen=True)
class User:
    """An account; `name` is its display name, `locale` the language of its client."""

    id: int
    name: str
    bot: bool = False
    locale: str = "en-US"


@dataclass(frozen=True)
class Role:
    """A role of the guild: @everyone has the guild's id, and a bot's own role names that bot."""

    id: int
    name: str
    permissions: int
    mentionable: bool = False
    bot: User | None = None


@dataclass(frozen=True)
class Overwrite:
    """What a channel allows and denies one role or member, beyond the guild's roles."""

    allow: int = 0
    deny: int = 0


@dataclass(frozen=True)
class File:
    """An attachment, content included."""

    id: int
    name: str
    content: bytes
    description: str | None = None


@dataclass(frozen=True)
class Mentions:
    """Whom a message addresses: ids of users and roles, and whether everyone."""

    users: tuple[int, ...] = ()
    roles: tuple[int, ...] = ()
    everyone: bool = False


@dataclass
class Channel:
    """A text channel, a thread in one, or a direct message with the bot."""

    id: int
    kind: Literal["channel", "thread", "dm"]
    name: str
    parent: Channel | None = None
    recipient: User | None = None
    owner: User | None = None
    archived: bool = False
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)


@dataclass
class Message:
    """One message; `at` and `edited_at` are Unix seconds, `only_for` marks an ephemeral one."""

    id: int
    channel: Channel
    author: User
    at: float
    content: str = ""
    type: int = 0
    flags: int = 0
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    mentions: Mentions = Mentions()
    reply_to: Message | None = None
    interaction: Interaction | None = None
    only_for: User | None = None
    nonce: str | None = None
    reactions: dict[str, list[User]] = field(default_factory=dict)
    edits: int = 0
    edited_at: float | None = None


class InteractionType(enum.IntEnum):
    """What a person did, as Discord numbers it."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4


@dataclass
class Interaction:
    """A command or a press and how far its answer is; `at` is the server clock's time."""

    id: int
    token: str
    type: InteractionType
    user: User
    channel: Channel
    at: float
    shown_as: str
    name: str = ""
    source: Message | None = None
    acknowledged: bool = False
    original: Message | None = None
    users_own: bool = False  # the person installed the application for themselves, the guild did not
    follow_ups: int = 0


@dataclass(frozen=True)
class Change:
    """Something that happened in a channel."""

    kind: Literal[
        "message",
        "edit",
        "delete",
        "typing",
        "reaction",
        "unreaction",
        "thread",
        "thread_update",
        "channel_update",
    ]
    channel: Channel
    message: Message | None = None
    user: User | None = None
    emoji: str | None = None


@dataclass(frozen=True)
class Ping:
    """A notification that a message of the bot caused: `target` is an id, or `everyone`."""

    message: int
    kind: Literal["user", "role", "everyone", "reply"]
    target: str
    by_edit: bool


class World:
    """The seeded state: the guild Riverside, its people and the bot, and a DM with each of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall_offset = time.time() - clock()
        self._last_id = 0
        self._listeners: list[Callable[[Change], None]] = []
        self.pings: list[Ping] = []
        self.closed_dms: set[int] = set()

        self.guild_id = self.snowflake()
        self.guild_name = "Riverside"
        self.guild_locale = "en-US"
        self.bot = User(self.snowflake(), "Sluice", bot=True)
        self.application_id = self.bot.id
        names = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ivo", "Jun", "Kim")
        self.users = {user.id: user for user in (self._seeded(name) for name in names)}
        self.owner = next(iter(self.users.values()))
        self.other_bot = User(self.snowflake(), "Beacon", bot=True)
        self.users |= {self.bot.id: self.bot, self.other_bot.id: self.other_bot}
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

    def _seeded(self, name: str) -> User:
        return User(self.snowflake(), name, locale=LOCALES.get(name, "en-US"))

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
        kind: Literal["channel", "thread", "dm"],
        name: str,
        *,
        channel_id: int | None = None,
        parent: Channel | None = None,
        recipient: User | None = None,
        owner: User | None = None,
    ) -> Channel:
        """Make a channel and return it."""
        channel = Channel(channel_id or self.snowflake(), kind, name, parent, recipient, owner)
        self.channels[channel.id] = channel
        return channel

    def person(self, who: str) -> User:
        """A user by id or display name. Raises `KeyError`."""
        for user in self.users.values():
            if who in (str(user.id), user.name):
                return user
        raise KeyError(f"nobody is called {who!r}")

    def chat(self, where: str) -> Channel:
        """A channel by id, by `#name`, or a direct message by `@person`. Raises `KeyError`."""
        for channel in self.channels.values():
            sign = "@" if channel.kind == "dm" else "#"
            if where in (str(channel.id), sign + channel.name):
                return channel
        raise KeyError(f"no chat is called {where!r}")

    def permissions(self, user: User, channel: Channel) -> int:
        """What `user` may do in `channel`, overwrites included; 0 when they cannot see it."""
        if channel.kind == "dm":
            return int(EVERYDAY) if user in (self.bot, channel.recipient) else 0
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
