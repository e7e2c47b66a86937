"""The REST endpoints of channels, messages, people and the application."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from bots.sandbox.discord.answers import whole_ms
from bots.sandbox.discord.content import compose
from bots.sandbox.discord.context import Context
from bots.sandbox.discord.errors import ApiError, Refusal, invalid
from bots.sandbox.discord.http import Call, Route, snowflake
from bots.sandbox.discord.payloads import user
from bots.sandbox.discord.world import Change, Channel, Json, Message, Permission
from bots.sandbox.limits import Enforcer

_MESSAGE = "/channels/{channel_id}/messages/{message_id}"
_MY_REACTION = _MESSAGE + "/reactions/{emoji}/@me"


class Rest:
    """Handlers over the world; `content_intent` is whether the application may read content."""

    def __init__(self, context: Context) -> None:
        self._world = context.world
        self._payloads = context.payloads
        self._limits = context.limits
        self._clock = context.clock
        self._nonces: dict[str, Message] = {}
        self._old_edits: dict[int, Enforcer] = {}
        self.content_intent = True

    def routes(self) -> Sequence[Route]:
        """Every endpoint of this module with its rate limit."""
        return (
            Route("POST", "/channels/{channel_id}/messages", "create_message", self.create_message),
            Route("GET", "/channels/{channel_id}/messages", "get_messages", self.get_messages),
            Route("GET", _MESSAGE, "get_message", self.get_message),
            Route("PATCH", _MESSAGE, "edit_message", self.edit_message),
            Route("DELETE", _MESSAGE, "delete_message", self.delete_message),
            Route("PUT", _MY_REACTION, "reaction", self.add_reaction),
            Route("DELETE", _MY_REACTION, "reaction", self.remove_reaction),
            Route("POST", "/channels/{channel_id}/typing", "typing", self.typing),
            Route("GET", "/channels/{channel_id}", "get_channel", self.get_channel),
            Route("PATCH", "/channels/{channel_id}", "edit_channel", self.edit_thread),
            Route("POST", "/channels/{channel_id}/threads", "create_thread", self.create_thread),
            Route("POST", _MESSAGE + "/threads", "create_thread", self.create_thread),
            Route("PUT", "/channels/{channel_id}/thread-members/@me", "join_thread", self.join_thread),
            Route("POST", "/users/@me/channels", "create_dm", self.create_dm),
            Route("GET", "/users/{user_id}", "get_user", self.get_user),
            Route("GET", "/users/@me/guilds", "my_guilds", self.my_guilds),
            Route("GET", "/guilds/{guild_id}", "get_guild", self.get_guild),
            Route("GET", "/guilds/{guild_id}/channels", "get_guild_channels", self.get_guild_channels),
            Route("GET", "/guilds/{guild_id}/members/{user_id}", "get_member", self.get_member),
        )

    async def create_message(self, call: Call) -> tuple[int, Any]:
        """POST a message; `enforce_nonce` returns the first one sent with the same nonce."""
        channel = self._channel(call)
        self._need(channel, _sending(channel))
        if channel.recipient is not None and channel.recipient.id in self._world.closed_dms:
            raise ApiError(Refusal.CANNOT_MESSAGE_USER)
        body = call.fields
        nonce = None if body.get("nonce") is None else str(body["nonce"])
        if nonce is not None and len(nonce) > 25:
            raise invalid("nonce", "NONCE_TYPE_TOO_LONG", "Nonce must be 25 or fewer in length.")
        now = self._world.now()
        self._nonces = {
            key: sent for key, sent in self._nonces.items() if now - sent.at < self._limits.times["nonce_s"]
        }
        if nonce is not None and body.get("enforce_nonce") and nonce in self._nonces:
            return 200, self._payloads.message(self._nonces[nonce])
        if call.uploads:
            self._need(channel, Permission.ATTACH_FILES)
        if body.get("embeds"):
            self._need(channel, Permission.EMBED_LINKS)
        message = Message(self._world.snowflake(), channel, self._world.bot, now, nonce=nonce)
        message.reply_to = self._reference(channel, body.get("message_reference"))
        message.type = 19 if message.reply_to else 0
        compose(self._world, message, body, call.uploads)
        if channel.archived:
            channel.archived = False
            self._world.announce(Change("thread_update", channel))
        channel.messages[message.id] = message
        if nonce is not None:
            self._nonces[nonce] = message
        self._world.announce(Change("message", channel, message))
        return 200, self._payloads.message(message)

    async def edit_message(self, call: Call) -> tuple[int, Any]:
        """PATCH an own message; one older than an hour draws from a bucket of its own (30046)."""
        message = self._message(call)
        if message.author != self._world.bot:
            raise ApiError(Refusal.NOT_YOUR_MESSAGE)
        now = self._world.now()
        if now - message.at > self._limits.times["message_is_old_s"]:
            rule = self._limits.limits["edit_old_message"]
            enforcer = self._old_edits.setdefault(message.channel.id, Enforcer(rule))
            if wait := enforcer.take(self._clock()):
                raise ApiError(Refusal.OLD_EDITS, retry_after=whole_ms(wait))
        if message.channel.archived:
            raise ApiError(Refusal.THREAD_ARCHIVED)
        if call.uploads:
            self._need(message.channel, Permission.ATTACH_FILES)
        compose(self._world, message, call.fields, call.uploads, by_edit=True)
        message.edits += 1
        message.edited_at = now
        self._world.announce(Change("edit", message.channel, message))
        return 200, self._payloads.message(message)

    async def delete_message(self, call: Call) -> tuple[int, Any]:
        """DELETE an own message, or anybody's with Manage Messages."""
        message = self._message(call)
        if message.author != self._world.bot:
            self._need(message.channel, Permission.MANAGE_MESSAGES)
        del message.channel.messages[message.id]
        self._world.announce(Change("delete", message.channel, message))
        return 204, None

    async def get_message(self, call: Call) -> tuple[int, Any]:
        """GET one message."""
        message = self._message(call)
        self._need(message.channel, Permission.READ_MESSAGE_HISTORY)
        return 200, self._payloads.message(message, content_intent=self.content_intent)

    async def get_messages(self, call: Call) -> tuple[int, Any]:
        """GET a channel's history, newest first: at most 100 `before`, `after` or `around` an id."""
        channel = self._channel(call)
        if not self._may(channel, Permission.READ_MESSAGE_HISTORY):
            return 200, []
        limit = snowflake(call.query.get("limit", "50"), "limit")
        if not 1 <= limit <= 100:
            raise invalid("limit", "NUMBER_TYPE_MAX", "int value should be less than or equal to 100.")
        found = [m for m in channel.messages.values() if m.only_for is None]
        if "before" in call.query:
            found = [m for m in found if m.id < snowflake(call.query["before"], "before")][-limit:]
        elif "after" in call.query:
            found = [m for m in found if m.id > snowflake(call.query["after"], "after")][:limit]
        elif "around" in call.query:
            middle = snowflake(call.query["around"], "around")
            older = [m for m in found if m.id < middle][-(limit // 2) :]
            found = older + [m for m in found if m.id >= middle][: limit - len(older)]
        else:
            found = found[-limit:]
        intent = self.content_intent
        return 200, [self._payloads.message(m, content_intent=intent) for m in reversed(found)]

    async def add_reaction(self, call: Call) -> tuple[int, Any]:
        """PUT the bot's reaction."""
        message = self._message(call)
        emoji = unquote(call.path["emoji"])
        self._need(message.channel, Permission.READ_MESSAGE_HISTORY)
        if emoji not in message.reactions:
            self._need(message.channel, Permission.ADD_REACTIONS)
        if emoji.isascii():
            raise ApiError(Refusal.UNKNOWN_EMOJI)
        by = message.reactions.setdefault(emoji, [])
        if self._world.bot not in by:
            by.append(self._world.bot)
            self._world.announce(Change("reaction", message.channel, message, self._world.bot, emoji))
        return 204, None

    async def remove_reaction(self, call: Call) -> tuple[int, Any]:
        """DELETE the bot's reaction."""
        message = self._message(call)
        emoji = unquote(call.path["emoji"])
        if self._world.bot in message.reactions.get(emoji, []):
            message.reactions[emoji].remove(self._world.bot)
            if not message.reactions[emoji]:
                del message.reactions[emoji]
            self._world.announce(Change("unreaction", message.channel, message, self._world.bot, emoji))
        return 204, None

    async def typing(self, call: Call) -> tuple[int, Any]:
        """POST the typing indicator, which lasts ten seconds."""
        channel = self._channel(call)
        self._need(channel, _sending(channel))
        self._world.announce(Change("typing", channel, user=self._world.bot))
        return 204, None

    async def get_channel(self, call: Call) -> tuple[int, Any]:
        """GET a channel, a thread or a DM."""
        return 200, self._payloads.channel(self._channel(call))

    async def edit_thread(self, call: Call) -> tuple[int, Any]:
        """PATCH a thread's name or whether it is archived."""
        channel = self._channel(call)
        if channel.kind != "thread" or channel.owner != self._world.bot:
            self._need(channel, Permission.MANAGE_THREADS)
        channel.name = call.fields.get("name", channel.name)
        channel.archived = call.fields.get("archived", channel.archived)
        self._world.announce(Change("thread_update", channel))
        return 200, self._payloads.channel(channel)

    async def create_thread(self, call: Call) -> tuple[int, Any]:
        """POST a thread, from a message or without one."""
        message = self._message(call) if "message_id" in call.path else None
        parent = self._channel(call)
        self._need(parent, Permission.CREATE_PUBLIC_THREADS)
        name = str(call.fields.get("name") or "")
        if not 1 <= len(name) <= 100:
            raise invalid("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
        if message is not None and message.id in self._world.channels:
            raise ApiError(Refusal.THREAD_EXISTS)
        channel_id = message.id if message else None
        owner = self._world.bot
        thread = self._world.add_channel("thread", name, channel_id=channel_id, parent=parent, owner=owner)
        self._world.announce(Change("thread", thread))
        return 201, self._payloads.channel(thread)

    async def join_thread(self, call: Call) -> tuple[int, Any]:
        """PUT the bot into a thread; everybody is in every thread here."""
        self._channel(call)
        return 204, None

    async def create_dm(self, call: Call) -> tuple[int, Any]:
        """POST a direct message channel: the one that exists."""
        target = snowflake(call.fields.get("recipient_id"), "recipient_id")
        for channel in self._world.channels.values():
            if channel.recipient is not None and channel.recipient.id == target:
                return 200, self._payloads.channel(channel)
        raise ApiError(Refusal.UNKNOWN_USER)

    async def get_user(self, call: Call) -> tuple[int, Any]:
        """GET a user, `@me` for the bot."""
        if call.path["user_id"] == "@me":
            return 200, user(self._world.bot) | {"verified": True, "mfa_enabled": False, "locale": "en-US"}
        account = self._world.users.get(call.id("user_id"))
        if account is None:
            raise ApiError(Refusal.UNKNOWN_USER)
        return 200, user(account)

    async def my_guilds(self, call: Call) -> tuple[int, Any]:
        """GET the guilds that the bot is in."""
        guild = self._payloads.guild([])
        partial = {key: guild[key] for key in ("id", "name", "icon", "banner", "features")}
        everyone, *others = self._world.roles.values()
        mine = [role for role in others if role.id in self._world.member_roles[self._world.bot.id]]
        granted = functools.reduce(operator.or_, (role.permissions for role in mine), everyone.permissions)
        return 200, [partial | {"owner": False, "permissions": str(int(granted))}]

    async def get_guild(self, call: Call) -> tuple[int, Any]:
        """GET the guild."""
        self._guild(call)
        guild = self._payloads.guild([])
        for only_in_the_gateway in ("members", "channels", "threads", "presences", "voice_states"):
            del guild[only_in_the_gateway]
        return 200, guild

    async def get_guild_channels(self, call: Call) -> tuple[int, Any]:
        """GET every channel of the guild, without threads."""
        self._guild(call)
        channels = [c for c in self._world.channels.values() if c.kind == "channel"]
        return 200, [self._payloads.channel(channel) for channel in channels]

    async def get_member(self, call: Call) -> tuple[int, Any]:
        """GET a member."""
        self._guild(call)
        account = self._world.users.get(call.id("user_id"))
        if account is None:
            raise ApiError(Refusal.UNKNOWN_MEMBER)
        return 200, self._payloads.member_with_user(account)

    def _guild(self, call: Call) -> None:
        if call.id("guild_id") != self._world.guild_id:
            raise ApiError(Refusal.UNKNOWN_GUILD)

    def _channel(self, call: Call) -> Channel:
        channel = self._world.channels.get(call.id("channel_id"))
        if channel is None:
            raise ApiError(Refusal.UNKNOWN_CHANNEL)
        if not self._may(channel, Permission.VIEW_CHANNEL):
            raise ApiError(Refusal.MISSING_ACCESS)
        return channel

    def _message(self, call: Call) -> Message:
        message = self._channel(call).messages.get(call.id("message_id"))
        if message is None or message.only_for is not None:
            raise ApiError(Refusal.UNKNOWN_MESSAGE)
        return message

    def _may(self, channel: Channel, permission: Permission) -> bool:
        return bool(self._world.permissions(self._world.bot, channel) & permission)

    def _need(self, channel: Channel, permission: Permission) -> None:
        if not self._may(channel, permission):
            raise ApiError(Refusal.MISSING_PERMISSIONS)

    def _reference(self, channel: Channel, reference: Json | None) -> Message | None:
        if not reference:
            return None
        target = channel.messages.get(snowflake(reference.get("message_id"), "message_reference"))
        if target is None and reference.get("fail_if_not_exists", True):
            raise invalid("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        if target is not None:
            self._need(channel, Permission.READ_MESSAGE_HISTORY)
        return target


def _sending(channel: Channel) -> Permission:
    return Permission.SEND_MESSAGES_IN_THREADS if channel.kind == "thread" else Permission.SEND_MESSAGES
