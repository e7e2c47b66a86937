"""The REST endpoints of messages, reactions and typing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from bots.sandbox.discord.access import Access
from bots.sandbox.discord.answers import whole_ms
from bots.sandbox.discord.content import compose
from bots.sandbox.discord.context import Context
from bots.sandbox.discord.errors import ApiError, Refusal, invalid
from bots.sandbox.discord.http import Call, Route, snowflake
from bots.sandbox.discord.models import Change, Channel, Json, Message
from bots.sandbox.discord.world import Permission
from bots.sandbox.limits import Enforcer

_MESSAGES = "/channels/{channel_id}/messages"
_MESSAGE = _MESSAGES + "/{message_id}"
_MY_REACTION = _MESSAGE + "/reactions/{emoji}/@me"
_BULK_DELETABLE_S = 14 * 86_400.0


class Rest:
    """Handlers over the world; `content_intent` is whether the application may read content."""

    def __init__(self, context: Context) -> None:
        self._world = context.world
        self._payloads = context.payloads
        self._limits = context.limits
        self._clock = context.clock
        self._access = Access(context.world)
        self._nonces: dict[str, Message] = {}
        self._old_edits: dict[int, Enforcer] = {}
        self.content_intent = True

    def routes(self) -> Sequence[Route]:
        """Every endpoint of this module with its rate limit."""
        return (
            Route("POST", _MESSAGES, "create_message", self.create_message),
            Route("GET", _MESSAGES, "get_messages", self.get_messages),
            Route("GET", _MESSAGE, "get_message", self.get_message),
            Route("PATCH", _MESSAGE, "edit_message", self.edit_message),
            Route("DELETE", _MESSAGE, "delete_message", self.delete_message),
            Route("POST", _MESSAGES + "/bulk-delete", "bulk_delete", self.bulk_delete),
            Route("PUT", _MY_REACTION, "reaction", self.add_reaction),
            Route("DELETE", _MY_REACTION, "reaction", self.remove_reaction),
            Route("POST", "/channels/{channel_id}/typing", "typing", self.typing),
        )

    async def create_message(self, call: Call) -> tuple[int, Any]:
        """POST a message; `enforce_nonce` returns the first one sent with the same nonce."""
        channel = self._access.text_channel(call)
        self._access.need_sending(channel)
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
            self._access.need(channel, Permission.ATTACH_FILES)
        if body.get("embeds"):
            self._access.need(channel, Permission.EMBED_LINKS)
        message = Message(self._world.snowflake(), channel, self._world.bot, now, nonce=nonce)
        message.reply_to = self._reference(channel, body.get("message_reference"))
        message.type = 19 if message.reply_to else 0
        compose(self._world, message, body, call.uploads)
        self._world.unarchive(channel)
        channel.messages[message.id] = message
        if nonce is not None:
            self._nonces[nonce] = message
        self._world.announce(Change("message", channel, message))
        return 200, self._payloads.message(message)

    async def edit_message(self, call: Call) -> tuple[int, Any]:
        """PATCH an own message; one older than an hour draws from a bucket of its own (30046)."""
        message = self._access.message(call)
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
            self._access.need(message.channel, Permission.ATTACH_FILES)
        compose(self._world, message, call.fields, call.uploads, by_edit=True)
        message.edits += 1
        message.edited_at = now
        self._world.announce(Change("edit", message.channel, message))
        return 200, self._payloads.message(message)

    async def delete_message(self, call: Call) -> tuple[int, Any]:
        """DELETE an own message, or anybody's with Manage Messages."""
        message = self._access.message(call)
        if message.author != self._world.bot:
            self._access.need(message.channel, Permission.MANAGE_MESSAGES)
        del message.channel.messages[message.id]
        self._world.announce(Change("delete", message.channel, message))
        return 204, None

    async def bulk_delete(self, call: Call) -> tuple[int, Any]:
        """POST which messages to delete at once; those that are gone already do not matter."""
        channel = self._access.text_channel(call)
        if not channel.in_guild:
            raise ApiError(Refusal.WRONG_CHANNEL_TYPE)
        self._access.need(channel, Permission.MANAGE_MESSAGES)
        ids = {snowflake(raw, "messages") for raw in call.fields.get("messages") or ()}
        if not 2 <= len(ids) <= 100:
            raise ApiError(Refusal.BULK_DELETE_COUNT)
        found = [channel.messages[key] for key in sorted(ids) if key in channel.messages]
        if any(self._world.now() - message.at > _BULK_DELETABLE_S for message in found):
            raise ApiError(Refusal.BULK_DELETE_TOO_OLD)
        self._world.delete_bulk(channel, found)
        return 204, None

    async def get_message(self, call: Call) -> tuple[int, Any]:
        """GET one message."""
        message = self._access.message(call)
        self._access.need(message.channel, Permission.READ_MESSAGE_HISTORY)
        return 200, self._payloads.message(message, content_intent=self.content_intent)

    async def get_messages(self, call: Call) -> tuple[int, Any]:
        """GET a channel's history, newest first: at most 100 `before`, `after` or `around` an id."""
        channel = self._access.text_channel(call)
        if not self._access.may(channel, Permission.READ_MESSAGE_HISTORY):
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
        message = self._access.message(call)
        emoji = unquote(call.path["emoji"])
        self._access.need(message.channel, Permission.READ_MESSAGE_HISTORY)
        if emoji not in message.reactions:
            self._access.need(message.channel, Permission.ADD_REACTIONS)
        if emoji.isascii():
            raise ApiError(Refusal.UNKNOWN_EMOJI)
        by = message.reactions.setdefault(emoji, [])
        if self._world.bot not in by:
            by.append(self._world.bot)
            self._world.announce(Change("reaction", message.channel, message, self._world.bot, emoji))
        return 204, None

    async def remove_reaction(self, call: Call) -> tuple[int, Any]:
        """DELETE the bot's reaction."""
        message = self._access.message(call)
        emoji = unquote(call.path["emoji"])
        if self._world.bot in message.reactions.get(emoji, []):
            message.reactions[emoji].remove(self._world.bot)
            if not message.reactions[emoji]:
                del message.reactions[emoji]
            self._world.announce(Change("unreaction", message.channel, message, self._world.bot, emoji))
        return 204, None

    async def typing(self, call: Call) -> tuple[int, Any]:
        """POST the typing indicator, which lasts ten seconds."""
        channel = self._access.text_channel(call)
        self._access.need_sending(channel)
        self._world.announce(Change("typing", channel, user=self._world.bot))
        return 204, None

    def _reference(self, channel: Channel, reference: Json | None) -> Message | None:
        if not reference:
            return None
        target = channel.messages.get(snowflake(reference.get("message_id"), "message_reference"))
        if target is None and reference.get("fail_if_not_exists", True):
            raise invalid("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        if target is not None:
            self._access.need(channel, Permission.READ_MESSAGE_HISTORY)
        return target
