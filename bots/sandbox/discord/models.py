"""The things of the local Discord: people, roles, channels, messages, interactions, and what changes."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class User:
    """An account; `name` is its display name."""

    id: int
    name: str
    bot: bool = False


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


ChannelKind: TypeAlias = Literal["channel", "forum", "thread", "dm", "friends"]


@dataclass
class Channel:
    """A text channel, a forum, a thread in either, a direct message with the bot, or one without it.

    `friends` are the two people of a direct message that the bot is not in. `archive_after_min` is how
    long a thread may be silent; `created_at` is Unix seconds.
    """

    id: int
    kind: ChannelKind
    name: str
    parent: Channel | None = None
    recipient: User | None = None
    owner: User | None = None
    created_at: float = 0.0
    archived: bool = False
    archived_at: float | None = None
    locked: bool = False
    archive_after_min: int = 1440
    members: set[int] = field(default_factory=set)
    friends: tuple[User, ...] = ()
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)

    @property
    def in_guild(self) -> bool:
        """Whether it belongs to the guild."""
        return self.kind not in ("dm", "friends")


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
    thread: Channel | None = None


class InteractionType(enum.IntEnum):
    """What a person did, as Discord numbers it."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


@dataclass
class Interaction:
    """What a person did with the application and how far its answer is; `at` is the server clock's time.

    `target` is what a command of a context menu was used on; `before` is the interaction whose answer
    was the modal that this one submits.
    """

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
    target: Message | User | None = None
    before: Interaction | None = None


@dataclass(frozen=True)
class Change:
    """Something that happened in a channel."""

    kind: Literal[
        "message",
        "edit",
        "delete",
        "delete_bulk",
        "typing",
        "reaction",
        "unreaction",
        "thread",
        "thread_on_message",
        "thread_update",
        "thread_delete",
        "channel_create",
        "channel_update",
        "channel_delete",
        "member_update",
        "role",
    ]
    channel: Channel
    message: Message | None = None
    user: User | None = None
    emoji: str | None = None
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Ping:
    """A notification that a message of the bot caused: `target` is an id, or `everyone`."""

    message: int
    kind: Literal["user", "role", "everyone", "reply"]
    target: str
    by_edit: bool
