"""What everybody speaks: ids, places, people, and the events that come in.

Ids are strings, as the platform prints them. They alone decide who and where;
names are shown to people and to the model, and never compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType


class PlaceKind(StrEnum):
    PRIVATE = "private"  # a direct message or private chat
    SHARED = "shared"  # a channel or a group: many conversations side by side
    THREAD = "thread"  # a thread, forum post or topic: one conversation as a whole


@dataclass(frozen=True, slots=True)
class Place:
    """Where people write: a channel, thread, direct message, chat or topic."""

    platform: str
    chat_id: str  # Discord: the channel or thread; Telegram: the chat
    kind: PlaceKind
    topic_id: str | None = None  # Telegram: the forum topic
    guild_id: str | None = None  # Discord: the guild
    parent_id: str | None = None  # Discord: the channel that a thread hangs in
    category_id: str | None = field(default=None, compare=False)  # Discord: "": in none; None: not known
    name: str = field(default="", compare=False)  # of the guild or group, for people
    owner: str | None = field(default=None, compare=False)  # whose private chat it is, once that is known

    def __str__(self) -> str:
        topic = f"/{self.topic_id}" if self.topic_id else ""
        return f"{self.platform}:{self.chat_id}{topic}"


@dataclass(frozen=True, slots=True)
class Person:
    """Who wrote or pressed, as seen in one place at one moment."""

    platform: str
    id: str
    name: str
    is_bot: bool = False  # bots and webhooks
    role_ids: frozenset[str] = frozenset()
    may_have: frozenset[str] | None = frozenset()  # roles besides that the platform did not tell; None: any
    manages_messages: bool = False  # may delete other people's messages in this place
    locale: str | None = None  # BCP 47 as the platform says it; None: it says nothing
    manages_place: bool = False  # may change how this guild or group is set up
    manages_channel: bool = False  # may change how this channel, thread or topic is
    reads: str | None = None  # the language that was chosen for this place, whatever their own is

    def __str__(self) -> str:
        return f"{self.platform}:{self.id}"


def owned(place: Place, person: Person) -> Place:
    """The place, as this person's own where it is a private chat: that belongs to whoever writes there."""
    return replace(place, owner=str(person)) if place.kind is PlaceKind.PRIVATE else place


@dataclass(frozen=True, slots=True)
class MessageRef:
    """One message of one chat."""

    chat_id: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Quote:
    """The message that an incoming one replies to, as far as the event carries it."""

    ref: MessageRef
    author_name: str
    text: str
    by_us: bool = False
    author_id: str = ""
    author_roles: frozenset[str] | None = None  # those that its author has or may have; None: any
    replies_to: MessageRef | None = None  # in the same chat
    whose: str = ""  # of an answer of ours: who asked for it, as `str(Person)`, where that is known


class Addressed(StrEnum):
    """Why an event is meant for the bot, or that it is not."""

    PRIVATE = "private"
    MENTION = "mention"
    REPLY = "reply"
    NO = "no"


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A message that the bot saw. `text` is without the mention of the bot itself."""

    event_id: str
    place: Place
    author: Person
    ref: MessageRef
    text: str
    addressed: Addressed
    quote: Quote | None = None
    has_attachments: bool = False
    mentions_others: bool = False  # people, roles or everybody; of a reply that tells its author so, them too


@dataclass(frozen=True, slots=True)
class IncomingCommand:
    """A command; `arguments` holds only those that were given, each as it was written.

    `target`: the message that it is about, where it was chosen from a message's menu.
    """

    event_id: str
    place: Place
    author: Person
    name: str
    arguments: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ref: MessageRef | None = None  # the message that carried it, where there is one
    quote: Quote | None = None
    target: Quote | None = None


@dataclass(frozen=True, slots=True)
class ButtonPress:
    """A press on a button, or a choice from a select, under one of the bot's messages.

    `data` is the control's own; `values` are what was chosen from a select. `stands`: whether the platform
    shows that control, with those values, under the message now; a client can send any.
    """

    event_id: str
    place: Place
    author: Person
    ref: MessageRef
    data: str
    answers_itself: bool = False  # the platform shows what became of it: nobody need be told
    values: tuple[str, ...] = ()
    stands: bool = True


@dataclass(frozen=True, slots=True)
class Field:
    """One text that a form asks for.

    `label`: at most 45 characters; `max_length`: at most 4,000 (Discord). `mistake`: what is wrong with a
    text, in words, "" for nothing; where one is asked for after the other, that one is asked again.
    """

    name: str
    label: str
    value: str = ""  # what stands in it at first
    hint: str = ""  # at most 100 characters
    required: bool = True
    long: bool = False  # several lines
    max_length: int = 4_000
    mistake: Callable[[str], str] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Form:
    """Some texts asked at once. `data` comes back in `FormSubmitted.data`: at most 100 bytes.

    `title`: at most 45 characters; `fields`: one to five (Discord).
    """

    data: str
    title: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class FormSubmitted:
    """A form that was filled in; `fields` holds every one by name, also those left empty.

    `ref`: the bot's message whose control opened it, where there is one. `answer`: the person's own message
    with the last text, where they were asked for in the chat.
    """

    event_id: str
    place: Place
    author: Person
    data: str
    fields: Mapping[str, str]
    ref: MessageRef | None = None
    answer: MessageRef | None = None


@dataclass(frozen=True, slots=True)
class Suggesting:
    """Somebody is typing an argument of a command: what could it become? `typed` may be empty.

    `inline`: it is a whole question, in a chat that the platform does not name; `place` is then their own.
    """

    place: Place
    author: Person
    command: str
    argument: str
    typed: str
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that an argument can take, and what people see for it; at most 100 characters each, but for
    the value of what was typed inline. `about`: a second line, where there is room."""

    value: str
    label: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class BotAdded:
    """The bot became a member of a group or guild."""

    event_id: str
    place: Place
    author: Person
    hears_everything: bool  # False: Telegram's privacy mode withholds plain messages


@dataclass(frozen=True, slots=True)
class MessageEdited:
    """Somebody changed a message of theirs. `text`: as it now is, without the mention of the bot itself."""

    event_id: str
    place: Place
    author: Person
    ref: MessageRef
    text: str


@dataclass(frozen=True, slots=True)
class MessageDeleted:
    """A message is no more, whoever deleted it."""

    event_id: str
    place: Place
    ref: MessageRef


@dataclass(frozen=True, slots=True)
class PlaceMoved:
    """A whole group has another id from now on (Telegram: it became a supergroup). May come again."""

    event_id: str
    place: Place
    before: Place


Wish = IncomingMessage | IncomingCommand | ButtonPress | FormSubmitted | BotAdded
"""What somebody wants of the bot."""
FromSomebody = Wish | MessageEdited
"""What has an author, whom the gate weighs."""
Incoming = FromSomebody | MessageDeleted | PlaceMoved
