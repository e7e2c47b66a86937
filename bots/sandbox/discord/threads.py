"""The REST endpoints of channels, threads and forum posts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bots.sandbox.discord.access import Access
from bots.sandbox.discord.content import compose
from bots.sandbox.discord.context import Context
from bots.sandbox.discord.errors import ApiError, FormErrors, Refusal
from bots.sandbox.discord.http import Call, Route, snowflake
from bots.sandbox.discord.models import Change, Channel, Json, Message
from bots.sandbox.discord.world import Permission

_CHANNEL = "/channels/{channel_id}"
_PUBLIC_THREAD = 11
_ARCHIVE_AFTER_MIN = (60, 1440, 4320, 10080)  # docs: "Thread Metadata"


class Threads:
    """Handlers over channels and threads; everybody is in every thread here."""

    def __init__(self, context: Context) -> None:
        self._world = context.world
        self._payloads = context.payloads
        self._access = Access(context.world)

    def routes(self) -> Sequence[Route]:
        """Every endpoint of this module with its rate limit."""
        on_message = _CHANNEL + "/messages/{message_id}/threads"
        member = _CHANNEL + "/thread-members/{user_id}"
        return (
            Route("GET", _CHANNEL, "get_channel", self.get_channel),
            Route("PATCH", _CHANNEL, "edit_channel", self.edit_thread),
            Route("DELETE", _CHANNEL, "delete_channel", self.delete_thread),
            Route("POST", _CHANNEL + "/threads", "create_thread", self.create_thread),
            Route("POST", on_message, "create_thread", self.create_thread_on_message),
            Route("GET", _CHANNEL + "/threads/archived/public", "archived_threads", self.archived_threads),
            Route("GET", "/guilds/{guild_id}/threads/active", "active_threads", self.active_threads),
            Route("PUT", member, "thread_member", self.add_member),
            Route("DELETE", member, "thread_member", self.remove_member),
        )

    async def get_channel(self, call: Call) -> tuple[int, Any]:
        """GET a channel, a thread or a DM."""
        return 200, self._payloads.channel(self._access.channel(call))

    async def create_thread(self, call: Call) -> tuple[int, Any]:
        """POST a thread without a message; in a forum, a post with its first message."""
        parent = self._access.channel(call)
        body = call.fields
        if parent.kind == "forum":
            return 201, self._post(parent, body, call)
        name, minutes = self._named(parent, body)
        if (body.get("type") or _PUBLIC_THREAD) != _PUBLIC_THREAD:
            errors = FormErrors()
            errors.choice("type", body.get("type"), (_PUBLIC_THREAD,))
            raise errors.refusal()
        thread = self._world.open_thread(parent, name, self._world.bot, minutes=minutes)
        return 201, self._payloads.channel(thread)

    async def create_thread_on_message(self, call: Call) -> tuple[int, Any]:
        """POST a thread that hangs on a message and has its id."""
        message = self._access.message(call)
        name, minutes = self._named(message.channel, call.fields)
        if message.id in self._world.channels:
            raise ApiError(Refusal.THREAD_EXISTS)
        thread = self._world.open_thread(message.channel, name, self._world.bot, message, minutes)
        return 201, self._payloads.channel(thread)

    async def edit_thread(self, call: Call) -> tuple[int, Any]:
        """PATCH a thread: its name, and whether it is archived or locked."""
        thread = self._access.channel(call)
        if thread.kind != "thread":
            self._access.need(thread, Permission.MANAGE_CHANNELS)
            raise ApiError(Refusal.WRONG_CHANNEL_TYPE)
        body = call.fields
        only_opening = body.keys() <= {"archived"} and not body.get("archived", True)
        own = thread.owner == self._world.bot and "locked" not in body
        if not own and (thread.locked or not only_opening):
            self._access.need(thread, Permission.MANAGE_THREADS)
        if thread.archived and body.get("archived", True):
            raise ApiError(Refusal.THREAD_ARCHIVED)
        errors = FormErrors()
        if "name" in body:
            errors.length("name", body["name"], 1, 100)
        errors.check()
        thread.name = body.get("name", thread.name)
        thread.locked = bool(body.get("locked", thread.locked))
        thread.archive_after_min = body.get("auto_archive_duration", thread.archive_after_min)
        if bool(body.get("archived", thread.archived)) != thread.archived:
            thread.archived, thread.archived_at = not thread.archived, self._world.now()
        self._world.announce(Change("thread_update", thread))
        return 200, self._payloads.channel(thread)

    async def delete_thread(self, call: Call) -> tuple[int, Any]:
        """DELETE a thread; the sandbox keeps its other channels."""
        thread = self._access.channel(call)
        if thread.kind != "thread":
            self._access.need(thread, Permission.MANAGE_CHANNELS)
            raise ApiError(Refusal.WRONG_CHANNEL_TYPE)
        self._access.need(thread, Permission.MANAGE_THREADS)
        payload = self._payloads.channel(thread)
        self._world.delete_thread(thread)
        return 200, payload

    async def archived_threads(self, call: Call) -> tuple[int, Any]:
        """GET a channel's archived threads, the last archived first."""
        parent = self._access.channel(call)
        self._access.need(parent, Permission.READ_MESSAGE_HISTORY)
        threads = [t for t in self._threads() if t.parent is parent and t.archived]
        threads.sort(key=lambda thread: thread.archived_at or 0.0, reverse=True)
        return 200, self._listed(threads) | {"has_more": False}

    async def active_threads(self, call: Call) -> tuple[int, Any]:
        """GET the threads of the guild that are not archived."""
        self._access.guild(call)
        seen = [t for t in self._threads() if self._access.may(t, Permission.VIEW_CHANNEL)]
        return 200, self._listed([thread for thread in seen if not thread.archived])

    async def add_member(self, call: Call) -> tuple[int, Any]:
        """PUT somebody into a thread, `@me` for the bot."""
        thread = self._access.channel(call)
        thread.members.add(self._member(call))
        return 204, None

    async def remove_member(self, call: Call) -> tuple[int, Any]:
        """DELETE somebody's membership in a thread."""
        thread = self._access.channel(call)
        thread.members.discard(self._member(call))
        return 204, None

    def _post(self, forum: Channel, body: Json, call: Call) -> Json:
        self._access.need(forum, Permission.SEND_MESSAGES)
        name, minutes = _checked(body)
        message_body = body.get("message")
        if not isinstance(message_body, dict):
            errors = FormErrors()
            errors.add("message", "BASE_TYPE_REQUIRED", "This field is required")
            raise errors.refusal()
        # Composed before the post is there, so that a message which is refused leaves nothing behind.
        new_id = self._world.snowflake()
        draft = Channel(new_id, "thread", name, parent=forum)
        message = Message(new_id, draft, self._world.bot, self._world.now())
        compose(self._world, message, message_body, call.uploads)
        thread = message.channel = self._world.open_post(forum, new_id, name, self._world.bot, minutes)
        thread.messages[message.id] = message
        self._world.announce(Change("message", thread, message))
        return self._payloads.channel(thread) | {"message": self._payloads.message(message)}

    def _named(self, parent: Channel, body: Json) -> tuple[str, int]:
        if parent.kind != "channel":
            raise ApiError(Refusal.WRONG_CHANNEL_TYPE)
        self._access.need(parent, Permission.CREATE_PUBLIC_THREADS)
        return _checked(body)

    def _member(self, call: Call) -> int:
        raw = call.path["user_id"]
        user_id = self._world.bot.id if raw == "@me" else snowflake(raw, "user_id")
        if user_id not in self._world.users:
            raise ApiError(Refusal.UNKNOWN_USER)
        return user_id

    def _threads(self) -> list[Channel]:
        return [channel for channel in self._world.channels.values() if channel.kind == "thread"]

    def _listed(self, threads: Sequence[Channel]) -> Json:
        mine = [thread for thread in threads if self._world.bot.id in thread.members]
        return {
            "threads": [self._payloads.channel(thread) for thread in threads],
            "members": [self._payloads.thread_member(thread) for thread in mine],
        }


def _checked(body: Json) -> tuple[str, int]:
    errors = FormErrors()
    errors.length("name", body.get("name"), 1, 100)
    minutes = body.get("auto_archive_duration") or 1440
    errors.choice("auto_archive_duration", minutes, _ARCHIVE_AFTER_MIN)
    errors.check()
    return str(body["name"]), int(minutes)
