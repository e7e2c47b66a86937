"""How people write to the bot in the local Telegram: messages, files, buttons, links, inline mode.

People and chats are named by id or name, messages and buttons by the ids that the page's entries
carry; KeyError when there is none such, PermissionError when Telegram's client would not offer it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bots.sandbox.images import picture
from bots.sandbox.limits import Clock
from bots.sandbox.telegram import menu, objects, page
from bots.sandbox.telegram.documents import Documents
from bots.sandbox.telegram.inline import Inline
from bots.sandbox.telegram.links import deep_link
from bots.sandbox.telegram.messages import Messages
from bots.sandbox.telegram.people import People
from bots.sandbox.telegram.text import MAX_CAPTION, MAX_TEXT, formatted, split_by_client, utf16_length
from bots.sandbox.telegram.world import Chat, Document, Message


class Usage(People):
    """What a person does with messages and with the bot."""

    def __init__(self, bot_username: str, clock: Clock) -> None:
        super().__init__(bot_username, clock)
        self._messages = Messages(self._hub)
        self._files = Documents(self._hub, self._messages)
        self._inline = Inline(self._hub)

    def menu(self, person: str, chat: str) -> list[dict[str, str]]:
        """The commands that a person's client offers in a chat, in their language."""
        place, _ = self._world.find_chat(chat)
        return menu.shown_to(self._hub, self._world.find_person(person), place)

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
        parts = [formatted(part, None, limit=MAX_TEXT) for part in split_by_client(text)]
        parts = [(words, entities) for words, entities in parts if words]
        if not parts:
            raise ValueError("a client sends no empty message")
        return self._write(person, chat, parts, reply_to=reply_to, topic=topic)

    async def send_file(
        self,
        person: str,
        chat: str,
        name: str,
        content: bytes,
        *,
        caption: str = "",
        photo: bool = False,
        reply_to: str | None = None,
    ) -> str:
        """Send a file, as a photo if it is one and is meant so; the message's id."""
        shown = picture(content) if photo else None
        if photo and shown is None:
            raise ValueError("this is no picture")
        kind = shown.mime_type if shown else "application/octet-stream"
        file = self._files.keep(name, content, kind, shown)
        part = formatted(caption, None, limit=MAX_CAPTION)
        return self._write(person, chat, [part], reply_to=reply_to, topic=None, document=file)

    async def start_bot(self, person: str, payload: str = "") -> str:
        """Open the private chat with the bot, by a deep link when there is a payload; the message's id."""
        who = self._world.find_person(person)
        return await self.say(person, str(who.id), f"/start {payload}".strip())

    async def follow(self, person: str, url: str) -> str:
        """Open a link that leads to the bot; the id of the /start message. ValueError for other links."""
        payload = deep_link(url, self._hub.bot)
        if payload is None:
            raise ValueError("this link leads out of the sandbox")
        return await self.start_bot(person, payload)

    async def press(self, person: str, chat: str, message: str, button: str) -> None:
        """Press a button of an inline keyboard that calls the bot back."""
        presser, place, _ = self._writer(person, chat, None)
        pressed = self._message(place, message)
        rows: list[list[dict[str, Any]]] = page.message_entry(pressed)["rows"]
        if (button, "callback_data") not in ((one["id"], one["does"]) for row in rows for one in row):
            raise KeyError(f"no button {button!r}")
        if not place.is_member(self._hub.bot.id) and pressed.inline_id is None:
            return
        query = secrets.token_hex(8)
        self._hub.callback_queries[query] = presser
        where: dict[str, Any] = (
            {"inline_message_id": pressed.inline_id}
            if pressed.inline_id
            else {"message": objects.message(pressed)}
        )
        about = {"id": query, "from": objects.user(presser), "chat_instance": str(place.id), "data": button}
        self._hub.updates.add("callback_query", about | where)

    async def inline(self, person: str, chat: str, query: str, *, offset: str = "") -> dict[str, Any]:
        """Type `@bot query` in a chat: `query` (its id), `results` with id, title and about, `next_offset`.

        ValueError when the bot has no inline mode; no results when it does not answer.
        """
        who, place, _ = self._writer(person, chat, None)
        if not self._hub.inline_mode:
            raise ValueError(f"{self._hub.bot.name} has no inline mode")
        return await self._inline.ask(who, place, query, offset)

    async def choose_inline(self, person: str, chat: str, query: str, result: str) -> str:
        """Send the result with this id into a chat; the message's id."""
        who, place, topic = self._writer(person, chat, None)
        message = self._inline.chosen(who, place, query, result, topic)
        self._deliver("message", message)
        return str(message.id)

    async def stop_draft(self, person: str, chat: str) -> None:
        """Press the button that stops the draft in a private chat."""
        _, place, _ = self._writer(person, chat, None)
        draft = self._hub.drafts.get(place.id)
        if draft is None or draft.until < self._hub.clock() or not draft.can_stop:
            raise ValueError("there is no draft to stop")
        self._hub.drafts[place.id] = replace(draft, can_stop=False)
        self._hub.emit("draft_stopped", chat=page.chat_key(place, None), kept=draft.keep_on_stop)
        stopped = {"chat": objects.chat(place), "draft_id": draft.id}
        if draft.topic is not None:
            stopped["message_thread_id"] = draft.topic
        self._hub.updates.add("stopped_message_generation", stopped)

    async def edit_own(self, person: str, chat: str, message: str, text: str) -> None:
        """Edit one's own message."""
        edited = self._own(person, chat, message)
        if edited.via_bot is not None:
            raise PermissionError("a message from inline results is edited by its bot alone")
        if not text.strip() or utf16_length(text) > MAX_TEXT:
            raise ValueError("a client sends no edit that is empty or too long")
        edited.text, edited.entities = formatted(text, None, limit=MAX_TEXT)
        edited.edits += 1
        edited.edited_at = self._hub.unix_time()
        self._deliver("edit", edited)

    async def delete_own(self, person: str, chat: str, message: str) -> None:
        """Delete one's own message, of which Telegram tells bots nothing."""
        self._delete(self._own(person, chat, message))

    async def delete(self, person: str, chat: str, message: str) -> None:
        """Delete a message: in a private chat any, in a group one's own or, as administrator, any."""
        who, place, _ = self._writer(person, chat, None)
        found = self._message(place, message)
        if found.author.id != who.id and place.kind != "private" and not place.is_admin(who.id):
            raise PermissionError(f"{who.name} may not delete this message")
        self._delete(found)

    async def let_age(self, chat: str, message: str) -> None:
        """Make a message of the bot too old for it to edit."""
        place, _ = self._world.find_chat(chat)
        self._message(place, message).too_old = True

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

    def _write(
        self,
        person: str,
        chat: str,
        parts: Sequence[tuple[str, list[dict[str, Any]]]],
        *,
        reply_to: str | None,
        topic: str | None,
        document: Document | None = None,
    ) -> str:
        author, place, in_topic = self._writer(person, chat, topic)
        target = self._message(place, reply_to) if reply_to else None
        in_topic = in_topic if target is None else target.topic
        if in_topic in place.closed_topics and not place.runs_topics(author.id):
            raise PermissionError("this topic is closed")
        place.started = True
        messages = [
            self._world.add_message(
                place,
                author,
                self._hub.unix_time(),
                text=words,
                entities=entities,
                topic=in_topic,
                reply_to=target if number == 0 else None,
                document=document,
            )
            for number, (words, entities) in enumerate(parts)
        ]
        for message in messages:
            self._deliver("message", message)
        return str(messages[0].id)

    def _delete(self, message: Message) -> None:
        del message.chat.messages[message.id]
        self._hub.show("delete", message)

    def _own(self, person: str, chat: str, message: str) -> Message:
        author, place, _ = self._writer(person, chat, None)
        found = self._message(place, message)
        if found.author.id != author.id:
            raise PermissionError(f"message {message} is not by {author.name}")
        return found

    @staticmethod
    def _message(place: Chat, message: str) -> Message:
        return place.messages[int(message)]
