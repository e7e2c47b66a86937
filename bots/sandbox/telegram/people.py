"""Who is where in the local Telegram, and who runs it, for the page and the tests.

People and chats are named by id or name, messages and buttons by the ids that the page's entries
carry; KeyError when there is none such, PermissionError when Telegram's client would not offer it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bots.sandbox.limits import Clock
from bots.sandbox.telegram import objects, page
from bots.sandbox.telegram.hub import Event, Hub
from bots.sandbox.telegram.pings import Ping
from bots.sandbox.telegram.privacy import meant_for, reaches_bot
from bots.sandbox.telegram.world import Chat, Message, Person

_ADMIN_RIGHTS = ("can_manage_chat", "can_delete_messages", "can_invite_users")


class People:
    """Accounts, groups, topics, and the bot's standing in them."""

    def __init__(self, bot_username: str, clock: Clock) -> None:
        self._hub = Hub(bot_username, clock)
        self._world = self._hub.world

    @property
    def pings(self) -> list[Ping]:
        """Every notification that the bot's messages and edits caused, beyond those of replies."""
        return self._hub.pings

    def snapshot(self) -> dict[str, Any]:
        """Everything that a page needs when it has just connected."""
        chats = [chat for chat in self._world.chats.values() if chat.migrated_to is None]
        return {
            "platform": "telegram",
            "bot": page.person_entry(self._hub.bot),
            "people": [
                page.person_entry(person, self._world.riverside) for person in self._world.people.values()
            ],
            "chats": [entry for chat in chats for entry in page.chat_entries(chat)],
            "messages": [page.message_entry(message) for chat in chats for message in chat.messages.values()],
            "commands": self._hub.menu(),
            "inline": self._hub.inline_mode,
            "online": self._hub.updates.online,
        }

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call `callback` with every event from now on; the result ends that."""
        return self._hub.subscribe(callback)

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
        return page.chat_key(place, created.id)

    async def close_topic(self, person: str, chat: str, *, closed: bool = True) -> None:
        """Close a forum's topic or open it again; `chat` is the topic's own."""
        author, place, topic = self._writer(person, chat, None)
        if topic is None or not place.runs_topics(author.id, topic):
            raise PermissionError(f"{author.name} does not manage this topic")
        if closed:
            place.closed_topics.add(topic)
        else:
            place.closed_topics.discard(topic)
        self._hub.show_chat(place)
        kind = "forum_topic_closed" if closed else "forum_topic_reopened"
        self._service(place, author, {kind: {}}, topic=topic)

    async def set_language(self, person: str, language: str) -> None:
        """Choose the language of a person's client, such as `pt-br`."""
        who = self._world.find_person(person)
        self._world.set_language(who, language)
        changed = self._world.find_person(person)
        self._hub.emit("person", person=page.person_entry(changed, self._world.riverside))

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

    async def promote(self, person: str, chat: str, who: str, rights: Sequence[str] = _ADMIN_RIGHTS) -> None:
        """Make somebody an administrator; no rights at all make them a plain member again."""
        author, place = self._administrator(person, chat)
        promoted = self._world.find_person(who)
        before = objects.chat_member(place, promoted)
        place.status[promoted.id] = "administrator" if rights else "member"
        place.rights[promoted.id] = frozenset(rights)
        if place.is_admin(self._hub.bot.id):
            change = {"old_chat_member": before, "new_chat_member": objects.chat_member(place, promoted)}
            about = {"chat": objects.chat(place), "from": objects.user(author)}
            self._hub.updates.add("chat_member", about | {"date": int(self._hub.unix_time())} | change)

    async def forbid_documents(self, chat: str) -> None:
        """Take the right to send files from all members of a chat who do not run it."""
        place, _ = self._world.find_chat(chat)
        place.takes_documents = False

    async def forbid_messages(self, chat: str, *, forbidden: bool = True) -> None:
        """Take the right to write from all members of a group who do not run it, or give it back."""
        place, _ = self._world.find_chat(chat)
        place.takes_messages = not forbidden

    async def delete_topic(self, person: str, chat: str) -> None:
        """Delete a forum's topic with all that is in it, of which bots hear nothing; `chat` is the topic."""
        author, place, topic = self._writer(person, chat, None)
        if topic is None or not place.is_admin(author.id):
            raise PermissionError(f"{author.name} may not delete this topic")
        self._hub.delete_topic(place, topic)

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

    async def set_inline(self, *, enabled: bool, feedback: bool = False) -> None:
        """BotFather's /setinline, and /setinlinefeedback for word of what was chosen."""
        self._hub.inline_mode, self._hub.inline_feedback = enabled, feedback
        self._hub.emit("inline", enabled=enabled)

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

    def _service(
        self, place: Chat, author: Person, content: dict[str, Any], topic: int | None = None
    ) -> None:
        date = self._hub.unix_time()
        line = self._world.add_message(place, author, date, service=content, topic=topic)
        self._deliver("message", line)

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
