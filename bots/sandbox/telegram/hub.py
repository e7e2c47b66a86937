"""What both sides of the local Telegram share: the world, the updates, those who watch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bots.sandbox.limits import Clock
from bots.sandbox.telegram import objects, page
from bots.sandbox.telegram.pings import Ping, pings_of
from bots.sandbox.telegram.updates import UpdateQueue
from bots.sandbox.telegram.world import Chat, Message, Person, Status, World

Event = dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """A preview that is no message; `until` is the clock's time."""

    id: int
    topic: int | None
    can_stop: bool
    keep_on_stop: bool
    until: float


class Hub:
    """The meeting point of the bot's calls and people's actions."""

    def __init__(self, bot_username: str, clock: Clock) -> None:
        self.clock = clock
        self._unix_time_offset = time.time() - clock()
        self._subscribers: list[Callable[[Event], None]] = []
        self.world = World(bot_username, self.unix_time())
        self.updates = UpdateQueue(clock, lambda online: self.emit("online", online=online))
        self.privacy_mode = True
        self.commands: dict[tuple[str, int, int, str], list[dict[str, str]]] = {}
        self.inline_mode = False  # BotFather's /setinline
        self.inline_feedback = False  # and /setinlinefeedback
        self.inline_messages: dict[str, Message] = {}
        self.callback_queries: dict[str, Person] = {}  # those that wait for an answer
        self.pings: list[Ping] = []
        self.drafts: dict[int, Draft] = {}  # by chat, the one that stands there

    @property
    def bot(self) -> Person:
        """Our bot's account."""
        return self.world.bot

    def unix_time(self) -> float:
        """The clock as Unix time, for the dates in messages."""
        return self._unix_time_offset + self.clock()

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call `callback` with every event from now on; the result ends that."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def emit(self, kind: str, **fields: Any) -> None:
        """Tell those who watch."""
        event = {"type": kind, **fields}
        for callback in list(self._subscribers):
            callback(event)

    def show(self, kind: str, message: Message) -> None:
        """Tell those who watch of a message: kind is "message", "edit" or "delete"."""
        self.emit(kind, message=page.message_entry(message))

    def written(self, kind: str, message: Message) -> None:
        """The bot wrote or changed a message: notify whom it mentions, tell those who watch."""
        self.pings += pings_of(self.world, message, by_edit=kind == "edit")
        self.show(kind, message)

    def show_chat(self, chat: Chat) -> None:
        """Tell those who watch of a new chat, or of a forum's new topic."""
        for entry in page.chat_entries(chat):
            self.emit("chat", chat=entry)

    def delete_topic(self, chat: Chat, topic: int) -> None:
        """Take a topic away with all that is in it."""
        gone = next(entry for entry in page.chat_entries(chat) if entry["id"].endswith(f"/{topic}"))
        del chat.topics[topic]
        for message in [one for one in chat.messages.values() if one.topic == topic]:
            del chat.messages[message.id]
        self.emit("chat_gone", chat=gone)

    def menu(self) -> list[dict[str, str]]:
        """The commands of the default scope, as the page offers them."""
        return self.commands.get(("default", 0, 0, ""), [])

    def set_status(
        self, chat: Chat, author: Person, status: Status, rights: frozenset[str] = frozenset()
    ) -> None:
        """Change the bot's standing in `chat`, of which it hears as `my_chat_member`."""
        before = objects.chat_member(chat, self.bot)
        chat.status[self.bot.id] = status
        chat.rights[self.bot.id] = rights
        self.updates.add(
            "my_chat_member",
            {
                "chat": objects.chat(chat),
                "from": objects.user(author),
                "date": int(self.unix_time()),
                "old_chat_member": before,
                "new_chat_member": objects.chat_member(chat, self.bot),
            },
        )
