"""What the local Telegram holds: people, chats, topics, messages. No sockets, no rules for bots.

Ids are Telegram's: positive for people and their private chats, negative for groups, -100… for
supergroups. Message ids run through all private chats and basic groups of an account, and apart
in each supergroup (core.telegram.org/api/updates).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Literal

from bots.sandbox.images import Picture
from bots.sandbox.telegram.text import Entity

ChatKind = Literal["private", "group", "supergroup"]
Status = Literal["creator", "administrator", "member", "left", "kicked"]

GENERAL_TOPIC = 1  # its messages carry no message_thread_id
TOPIC_COLOUR = 7322096  # the first of the six that the Bot API names
SEED_PEOPLE = ("Ada", "Ben", "Cleo", "Dana", "Eli", "Fay", "Gus", "Hana", "Ivo", "Jun", "Kim")


@dataclass(frozen=True)
class Person:
    """An account; `bot` is true of our bot and of any other, `language` is that of the person's client."""

    id: int
    name: str
    username: str
    bot: bool = False
    language: str = "en"


@dataclass(frozen=True)
class Document:
    """A file in a message; `picture` is set when it was sent as a photo."""

    id: str
    name: str
    content: bytes
    mime_type: str
    picture: Picture | None = None


@dataclass
class Message:
    """A message as it stands now; `date` is Unix time, `topic` a forum topic's id.

    `service` holds the Bot API fields of a service message, `meant_for_bot` whether privacy mode
    counts it as meant for the bot. `force_reply` is the Bot API's ForceReply. A message chosen from
    inline results is its chooser's, `via_bot`; with a keyboard it has an `inline_id`.
    """

    id: int
    chat: Chat
    author: Person
    date: float
    text: str = ""
    entities: list[Entity] = field(default_factory=list)
    topic: int | None = None
    reply_to: Message | None = None
    markup: dict[str, Any] | None = None
    force_reply: dict[str, Any] | None = None
    via_bot: Person | None = None
    inline_id: str | None = None
    document: Document | None = None
    service: dict[str, Any] | None = None
    silent: bool = False
    edits: int = 0
    edited_at: float = 0.0
    meant_for_bot: bool = False
    too_old: bool = False  # to be edited
    reactions: dict[int, list[str]] = field(default_factory=dict)


@dataclass
class Chat:
    """A private chat of a person with the bot, or a group.

    `bot_privacy` is the mode in which the bot was added: a later change of its account counts
    from when it is added again. `last_bot` is the bot that wrote last. `started` says whether a
    person has ever written to the bot.
    """

    id: int
    kind: ChatKind
    name: str
    message_ids: count[int]
    forum: bool = False
    takes_documents: bool = True  # from members
    takes_messages: bool = True  # from members
    started: bool = True
    status: dict[int, Status] = field(default_factory=dict)
    rights: dict[int, frozenset[str]] = field(default_factory=dict)
    topics: dict[int, str] = field(default_factory=dict)
    topic_owners: dict[int, int] = field(default_factory=dict)
    closed_topics: set[int] = field(default_factory=set)
    messages: dict[int, Message] = field(default_factory=dict)
    bot_privacy: bool = True
    last_bot: int | None = None
    migrated_to: int | None = None

    def is_admin(self, person: int) -> bool:
        """Whether `person` runs this chat."""
        return self.status.get(person) in ("creator", "administrator")

    def runs_topics(self, person: int, topic: int | None = None) -> bool:
        """Whether `person` may make, close and rename topics here, or `topic` at least, which is theirs."""
        if self.status.get(person) == "creator":
            return True
        return "can_manage_topics" in self.rights.get(person, ()) or (
            topic is not None and self.topic_owners.get(topic) == person
        )

    def is_member(self, person: int) -> bool:
        """Whether `person` is in this chat now."""
        return self.status.get(person, "left") not in ("left", "kicked")


class World:
    """All accounts and chats, seeded with the sandbox's people and groups at `date` (Unix time)."""

    def __init__(self, bot_username: str, date: float) -> None:
        self._common_ids = count(1)
        self._person_ids = count(5_000_000_001)
        self._group_ids = count(4_000_000_001)
        self.people: dict[int, Person] = {}
        self.chats: dict[int, Chat] = {}
        self.bot = Person(7_000_000_001, "Sluice", bot_username, bot=True)
        self.people[self.bot.id] = self.bot
        for name in SEED_PEOPLE:
            self.add_person(name, started=True)
        self.set_language(self.find_person("Ivo"), "pt-br")
        people = [person.id for person in self.people.values()]
        self.riverside = self.add_group("Riverside", people)
        workshop = self.add_group("Workshop", people, forum=True)
        for topic in ("Ideas", "Questions"):
            self.add_topic(workshop, topic, self.find_person("Ada"), date)

    def add_person(self, name: str, *, bot: bool = False, started: bool = False) -> Person:
        """A new account; a person's private chat with our bot opens with their first message."""
        username = f"{name.lower()}_bot" if bot else name.lower()
        person = Person(next(self._person_ids), name, username, bot)
        self.people[person.id] = person
        if not bot:
            chat = Chat(person.id, "private", name, self._common_ids, started=started)
            chat.status = {person.id: "member", self.bot.id: "member"}
            self.chats[chat.id] = chat
        return person

    def set_language(self, person: Person, language: str) -> None:
        """Change the language of a person's client."""
        self.people[person.id] = replace(person, language=language)

    def add_group(self, name: str, people: Iterable[int], *, forum: bool = False) -> Chat:
        """A new group of which the first person that is no bot is the owner."""
        number = next(self._group_ids)
        kind: ChatKind = "supergroup" if forum else "group"
        chat = Chat(
            -1_000_000_000_000 - number if forum else -number,
            kind,
            name,
            count(1) if forum else self._common_ids,
            forum=forum,
        )
        chat.status = dict.fromkeys(people, "member")
        owner = next(person for person in chat.status if not self.people[person].bot)
        chat.status[owner] = "creator"
        if forum:
            next(chat.message_ids)  # 1 is the General topic
            chat.topics[GENERAL_TOPIC] = "General"
        self.chats[chat.id] = chat
        return chat

    def add_topic(self, chat: Chat, name: str, author: Person, date: float) -> Message:
        """A new forum topic; its id is that of the service message which created it."""
        message = self.add_message(
            chat,
            author,
            date,
            service={"forum_topic_created": {"name": name, "icon_color": TOPIC_COLOUR}},
        )
        message.topic = message.id
        chat.topics[message.id] = name
        chat.topic_owners[message.id] = author.id
        return message

    def add_message(self, chat: Chat, author: Person, date: float, **fields: Any) -> Message:
        """A new message at the end of `chat`, with the rest of its fields as `Message` names them."""
        message = Message(next(chat.message_ids), chat, author, date, **fields)
        chat.messages[message.id] = message
        if author.bot and message.service is None:
            chat.last_bot = author.id
        return message

    def upgrade(self, group: Chat) -> Chat:
        """The supergroup that takes the place of a basic group, with its members."""
        members = list(group.status)
        chat = Chat(-1_000_000_000_000 - next(self._group_ids), "supergroup", group.name, count(1))
        chat.status = {member: group.status[member] for member in members}
        chat.rights = dict(group.rights)
        chat.bot_privacy = group.bot_privacy
        group.migrated_to = chat.id
        self.chats[chat.id] = chat
        return chat

    def find_person(self, key: str) -> Person:
        """A person by id or name; KeyError when there is none."""
        for person in self.people.values():
            if key in (str(person.id), person.name):
                return person
        raise KeyError(f"no person {key!r}")

    def find_chat(self, key: str) -> tuple[Chat, int | None]:
        """A chat and topic by the page's id ("-100…/5" for a topic) or its name.

        KeyError when there is none.
        """
        base, _, topic = key.partition("/")
        for chat in self.chats.values():
            if base in (str(chat.id), chat.name):
                return chat, self.find_topic(chat, topic)
        raise KeyError(f"no chat {key!r}")

    @staticmethod
    def find_topic(chat: Chat, key: str) -> int | None:
        """A topic by id or name, None for the General one; KeyError when there is none."""
        if not key:
            return None
        for topic, name in chat.topics.items():
            if key in (str(topic), name):
                return None if topic == GENERAL_TOPIC else topic
        raise KeyError(f"no topic {key!r} in {chat.name}")
