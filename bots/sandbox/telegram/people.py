"""What people do in the local Telegram, for the page and the tests.

People and chats are named by id or name, messages and buttons by the ids that the page's entries
carry; KeyError when there is none such, PermissionError when Telegram's client would not offer it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from bots.sandbox.limits import Clock
from bots.sandbox.telegram import objects
from bots.sandbox.telegram.hub import Event, Hub
from bots.sandbox.telegram.privacy import meant_for, reaches_bot
from bots.sandbox.telegram.text import MAX_TEXT, formatted, split_by_client, utf16_length
from bots.sandbox.telegram.world import Chat, Message, Person

_ADMIN_RIGHTS = ("can_manage_chat", "can_delete_messages", "can_invite_users")


class People:
    """The person-facing side of the server."""

    def __init__(self, bot_username: str, clock: Clock) -> None:
        self._hub = Hub(bot_username, clock)
        self._world = self._hub.world

    def snapshot(self) -> dict[str, Any]:
        """Everything that a page needs when it has just connected."""
        chats = [chat for chat in self._world.chats.values() if chat.migrated_to is None]
        return {
            "platform": "telegram",
            "bot": objects.page_person(self._hub.bot),
            "people": [
                objects.page_person(person, self._world.riverside) for person in self._world.people.values()
            ],
            "chats": [entry for chat in chats for entry in objects.page_chats(chat)],
            "messages": [
                objects.page_message(message) for chat in chats for message in chat.messages.values()
            ],
            "commands": self._hub.menu(),
            "online": self._hub.updates.online,
        }

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call `callback` with every event from now on; the result ends that."""
        return self._hub.subscribe(callback)

    async def say(
        self,
        person: str,
        chat: str,
        text: str,
        *,
        reply_to: str | None = None,
        topic: str | None = None,
    ) -> str:
        """Write a message; a text too long for one is split as clients do. The first one's id."""
        author, place, in_topic = self._writer(person, chat, topic)
        target = self._message(place, reply_to) if reply_to else None
        parts = [formatted(part, None, limit=MAX_TEXT) for part in split_by_client(text)]
        parts = [(words, entities) for words, entities in parts if words]
        if not parts:
            raise ValueError("a client sends no empty message")
        place.started = True
        messages = [
            self._world.add_message(
                place,
                author,
                self._hub.unix_time(),
                text=words,
                entities=entities,
                topic=in_topic if target is None else target.topic,
                reply_to=target if number == 0 else None,
            )
            for number, (words, entities) in enumerate(parts)
        ]
        for message in messages:
            self._deliver("message", message)
        return str(messages[0].id)

    async def press(self, person: str, chat: str, message: str, button: str) -> None:
        """Press a button of an inline keyboard."""
        presser, place, _ = self._writer(person, chat, None)
        pressed = self._message(place, message)
        if button not in (entry["id"] for entry in objects.page_message(pressed)["buttons"]):
            raise KeyError(f"no button {button!r}")
        if not place.is_member(self._hub.bot.id):
            return
        query = secrets.token_hex(8)
        self._hub.callback_queries[query] = presser
        self._hub.updates.add(
            "callback_query",
            {
                "id": query,
                "from": objects.user(presser),
                "message": objects.message(pressed),
                "chat_instance": str(place.id),
                "data": button,
            },
        )

    async def stop_draft(self, person: str, chat: str) -> None:
        """Press the button that stops the draft in a private chat."""
        _, place, _ = self._writer(person, chat, None)
        draft = self._hub.drafts.get(place.id)
        if draft is None or draft.until < self._hub.clock() or not draft.can_stop:
            raise ValueError("there is no draft to stop")
        self._hub.drafts[place.id] = replace(draft, can_stop=False)
        self._hub.emit("draft_stopped", chat=objects.page_chat_id(place, None), kept=draft.keep_on_stop)
        stopped = {"chat": objects.chat(place), "draft_id": draft.id}
        if draft.topic is not None:
            stopped["message_thread_id"] = draft.topic
        self._hub.updates.add("stopped_message_generation", stopped)

    async def edit_own(self, person: str, chat: str, message: str, text: str) -> None:
        """Edit one's own message."""
        edited = self._own(person, chat, message)
        if not text.strip() or utf16_length(text) > MAX_TEXT:
            raise ValueError("a client sends no edit that is empty or too long")
        edited.text, edited.entities = formatted(text, None, limit=MAX_TEXT)
        edited.edits += 1
        edited.edited_at = self._hub.unix_time()
        self._deliver("edit", edited)

    async def delete_own(self, person: str, chat: str, message: str) -> None:
        """Delete one's own message, of which Telegram tells bots nothing."""
        deleted = self._own(person, chat, message)
        del deleted.chat.messages[deleted.id]
        self._hub.show("delete", deleted)

    async def react(self, person: str, chat: str, message: str, emoji: str | None) -> None:
        """React with one emoji, or take the reaction back; only administrators hear of it."""
        author, place, _ = self._writer(person, chat, None)
        target = self._message(place, message)
        before = target.reactions.pop(author.id, [])
        if emoji:
            target.reactions[author.id] = [emoji]
        self._hub.show("edit", target)
        if place.is_admin(self._hub.bot.id) or place.kind == "private":
            self._hub.updates.add(
                "message_reaction",
                {
                    "chat": objects.chat(place),
                    "message_id": target.id,
                    "user": objects.user(author),
                    "date": int(self._hub.unix_time()),
                    "old_reaction": [{"type": "emoji", "emoji": one} for one in before],
                    "new_reaction": [{"type": "emoji", "emoji": emoji}] if emoji else [],
                },
            )

    async def add_person(self, name: str, *, bot: bool = False) -> str:
        """A new account, which has never written to the bot; its id."""
        newcomer = self._world.add_person(name, bot=bot)
        if not bot:
            self._hub.show_chat(self._world.chats[newcomer.id])
        return str(newcomer.id)

    async def create_group(self, name: str, people: Sequence[str], *, forum: bool = False) -> str:
        """A new group, owned by the first of `people`, without the bot; its id."""
        members = [self._world.find_person(person).id for person in people]
        created = self._world.add_group(name, members, forum=forum)
        self._hub.show_chat(created)
        return str(created.id)

    async def create_topic(self, person: str, chat: str, name: str) -> str:
        """A new topic in a forum; the id of its chat."""
        author, place, _ = self._writer(person, chat, None)
        created = self._world.add_topic(place, name, author, self._hub.unix_time())
        self._hub.show_chat(place)
        self._deliver("message", created)
        return objects.page_chat_id(place, created.id)

    async def add_to_group(self, person: str, chat: str, newcomer: str) -> None:
        """Bring somebody into a group: a person, or another bot."""
        author, place, _ = self._writer(person, chat, None)
        joined = self._world.find_person(newcomer)
        place.status[joined.id] = "member"
        self._service(place, author, {"new_chat_members": [objects.user(joined)]})

    async def add_bot_to_group(self, person: str, chat: str) -> None:
        """Bring our bot into a group, in the privacy mode that its account has now."""
        author, place, _ = self._writer(person, chat, None)
        place.bot_privacy = self._hub.privacy_mode
        self._hub.set_status(place, author, "member")
        self._service(place, author, {"new_chat_members": [objects.user(self._hub.bot)]})

    async def promote_bot(self, person: str, chat: str, rights: Sequence[str] = _ADMIN_RIGHTS) -> None:
        """Make the bot an administrator: from then on it gets all messages."""
        author, place = self._administrator(person, chat)
        self._hub.set_status(place, author, "administrator", frozenset(rights))

    async def demote_bot(self, person: str, chat: str) -> None:
        """Make the bot a plain member."""
        author, place = self._administrator(person, chat)
        self._hub.set_status(place, author, "member")

    async def forbid_documents(self, chat: str) -> None:
        """Take the right to send files from all members of a chat who do not run it."""
        place, _ = self._world.find_chat(chat)
        place.takes_documents = False

    async def kick_bot(self, person: str, chat: str) -> None:
        """Remove the bot from a group."""
        author, place = self._administrator(person, chat)
        self._hub.set_status(place, author, "kicked")
        self._service(place, author, {"left_chat_member": objects.user(self._hub.bot)})

    async def block_bot(self, person: str) -> None:
        """Stop the bot in one's private chat."""
        author = self._world.find_person(person)
        self._hub.set_status(self._world.chats[author.id], author, "kicked")

    async def unblock_bot(self, person: str) -> None:
        """Let the bot write again."""
        author = self._world.find_person(person)
        self._hub.set_status(self._world.chats[author.id], author, "member")

    async def set_privacy(self, *, enabled: bool) -> None:
        """BotFather's /setprivacy: counts in a group from when the bot is added there again."""
        self._hub.privacy_mode = enabled

    async def upgrade_group(self, person: str, chat: str) -> str:
        """Make a basic group a supergroup, under another id: the new chat's."""
        author, place = self._administrator(person, chat)
        upgraded = self._world.upgrade(place)
        self._hub.show_chat(upgraded)
        self._service(place, author, {"migrate_to_chat_id": upgraded.id})
        self._service(upgraded, author, {"migrate_from_chat_id": place.id})
        return str(upgraded.id)

    def _deliver(self, kind: str, message: Message) -> None:
        bot = self._hub.bot
        message.meant_for_bot = message.meant_for_bot or meant_for(message, bot)
        self._hub.show(kind, message)
        if reaches_bot(message, bot):
            update = "message" if kind == "message" else "edited_message"
            self._hub.updates.add(update, objects.message(message))

    def _service(self, place: Chat, author: Person, content: dict[str, Any]) -> None:
        date = self._hub.unix_time()
        self._deliver("message", self._world.add_message(place, author, date, service=content))

    def _writer(self, person: str, chat: str, topic: str | None) -> tuple[Person, Chat, int | None]:
        author = self._world.find_person(person)
        place, in_topic = self._world.find_chat(chat)
        if topic is not None:
            in_topic = self._world.find_topic(place, topic)
        if place.migrated_to is not None or not place.is_member(author.id):
            raise PermissionError(f"{author.name} cannot write in {place.name}")
        if place.kind == "private" and not place.is_member(self._hub.bot.id):
            raise PermissionError(f"{author.name} has blocked the bot")
        return author, place, in_topic

    def _administrator(self, person: str, chat: str) -> tuple[Person, Chat]:
        author, place, _ = self._writer(person, chat, None)
        if not place.is_admin(author.id):
            raise PermissionError(f"{author.name} does not run {place.name}")
        return author, place

    def _own(self, person: str, chat: str, message: str) -> Message:
        author, place, _ = self._writer(person, chat, None)
        found = self._message(place, message)
        if found.author.id != author.id:
            raise PermissionError(f"message {message} is not by {author.name}")
        return found

    @staticmethod
    def _message(place: Chat, message: str) -> Message:
        return place.messages[int(message)]
