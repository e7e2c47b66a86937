"""Interactions: commands and button presses, the first answer within 3 s, follow-ups for 15 minutes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any

from bots.sandbox.discord.content import compose
from bots.sandbox.discord.context import Context
from bots.sandbox.discord.errors import ApiError, Refusal, invalid
from bots.sandbox.discord.gateway import Gateway
from bots.sandbox.discord.http import Call, Route
from bots.sandbox.discord.payloads import EPHEMERAL, LOADING, user
from bots.sandbox.discord.world import Change, Channel, Interaction, InteractionType, Json, Message, User

_WEBHOOK = "/webhooks/{application_id}/{interaction_token}"
_ANSWER, _DEFER, _DEFER_UPDATE, _UPDATE, _CHOICES = 4, 5, 6, 7, 8
_ANSWERS_TO = {
    InteractionType.COMMAND: (_ANSWER, _DEFER),
    InteractionType.COMPONENT: (_ANSWER, _DEFER, _DEFER_UPDATE, _UPDATE),
    InteractionType.AUTOCOMPLETE: (_CHOICES,),
}
_FOLLOW_UPS_OF_USERS_OWN = 5  # docs: "Interactions, Followup Messages"


class Interactions:
    """Starts interactions for people and serves what the bot answers them with."""

    def __init__(self, context: Context, gateway: Gateway) -> None:
        self._world = context.world
        self._payloads = context.payloads
        self._gateway = gateway
        self._times = context.limits.times
        self._clock = context.clock
        self._report = context.report
        self._open: dict[str, Interaction] = {}
        self._deadlines: dict[str, asyncio.TimerHandle] = {}
        self._answered: dict[str, asyncio.Future[list[Json]]] = {}

    def routes(self) -> Sequence[Route]:
        """Every endpoint of this module; all draw from the interaction token's bucket."""

        def route(method: str, path: str, handler: Any) -> Route:
            return Route(method, path, "interaction", handler, auth=False)

        one = _WEBHOOK + "/messages/{message_id}"
        return (
            route("POST", "/interactions/{interaction_id}/{interaction_token}/callback", self.callback),
            route("POST", _WEBHOOK, self.create_followup),
            route("GET", one, self.get_message),
            route("PATCH", one, self.edit_message),
            route("DELETE", one, self.delete_message),
        )

    def begin(
        self,
        kind: InteractionType,
        person: User,
        channel: Channel,
        data: Json,
        *,
        shown_as: str = "",
        source: Message | None = None,
        users_own: bool = False,
    ) -> Interaction:
        """Send INTERACTION_CREATE; the person hears of it when no answer comes in time."""
        now = self._clock()
        life = self._times["interaction_token_s"]
        self._open = {token: one for token, one in self._open.items() if now - one.at < 2 * life}
        token = secrets.token_urlsafe(96)
        name = str(data.get("name", ""))
        one = Interaction(
            self._world.snowflake(), token, kind, person, channel, now, shown_as, name, source=source
        )
        one.users_own = users_own or bool(source and source.interaction and source.interaction.users_own)
        self._open[token] = one
        self._gateway.dispatch("INTERACTION_CREATE", None, None, lambda _: self._payload(one, data))
        loop = asyncio.get_running_loop()
        self._deadlines[token] = loop.call_later(self._times["first_answer_s"], self._give_up, one)
        return one

    async def choices(self, one: Interaction) -> list[Json]:
        """Wait for the choices that the bot answers an autocomplete with; none when it is too late."""
        future: asyncio.Future[list[Json]] = asyncio.get_running_loop().create_future()
        self._answered[one.token] = future
        return await future

    def end_tokens(self) -> None:
        """Take no further request by any token that was given."""
        self._open.clear()

    def stop(self) -> None:
        """Forget all deadlines."""
        for deadline in self._deadlines.values():
            deadline.cancel()

    async def callback(self, call: Call) -> tuple[int, Any]:
        """POST the first answer to an interaction."""
        one = self._open.get(call.path["interaction_token"])
        if one is None or call.id("interaction_id") != one.id:
            raise ApiError(Refusal.UNKNOWN_INTERACTION)
        if one.acknowledged:
            raise ApiError(Refusal.ALREADY_ACKNOWLEDGED)
        if self._clock() - one.at > self._times["first_answer_s"]:
            raise ApiError(Refusal.UNKNOWN_INTERACTION)
        kind = call.fields.get("type")
        if kind not in _ANSWERS_TO[one.type]:
            allowed = ", ".join(map(str, _ANSWERS_TO[one.type]))
            raise invalid("type", "BASE_TYPE_CHOICES", f"Value must be one of {{{allowed}}}.")
        data: Json = call.fields.get("data") or {}
        if kind in (_ANSWER, _DEFER):
            self._first_message(one, kind, data, call)
        elif kind == _UPDATE and one.source is not None:
            self._edit(one.source, data, call)
        elif kind == _CHOICES and (future := self._answered.pop(one.token, None)):
            future.set_result(data.get("choices") or [])
        one.original = one.original or one.source
        one.acknowledged = True
        if deadline := self._deadlines.pop(one.token, None):
            deadline.cancel()
        if call.query.get("with_response", "").lower() not in ("1", "true"):
            return 204, None
        return 200, self._callback_response(one, kind)

    async def create_followup(self, call: Call) -> tuple[int, Any]:
        """POST a follow-up; right after a deferral it fills the message that says thinking."""
        one = self._interaction(call)
        original = one.original
        if original is not None and original.id not in one.channel.messages:
            original = None
        if original is not None and original.flags & LOADING:
            self._edit(original, call.fields, call)
            return 200, self._payloads.message(original)
        if one.users_own and one.follow_ups >= _FOLLOW_UPS_OF_USERS_OWN:
            raise ApiError(Refusal.TOO_MANY_FOLLOW_UPS)
        one.follow_ups += 1
        message = self._message(one, bool((call.fields.get("flags") or 0) & EPHEMERAL))
        message.reply_to, message.type = original, 19 if original else 0
        self._publish(message, call.fields, call)
        return 200, self._payloads.message(message)

    async def get_message(self, call: Call) -> tuple[int, Any]:
        """GET the original answer or a follow-up."""
        return 200, self._payloads.message(self._target(call))

    async def edit_message(self, call: Call) -> tuple[int, Any]:
        """PATCH the original answer or a follow-up."""
        message = self._target(call)
        self._edit(message, call.fields, call)
        return 200, self._payloads.message(message)

    async def delete_message(self, call: Call) -> tuple[int, Any]:
        """DELETE the original answer or a follow-up."""
        message = self._target(call)
        del message.channel.messages[message.id]
        self._world.announce(Change("delete", message.channel, message))
        return 204, None

    def _interaction(self, call: Call) -> Interaction:
        one = self._open.get(call.path["interaction_token"])
        if one is None or call.id("application_id") != self._world.application_id:
            raise ApiError(Refusal.INVALID_WEBHOOK_TOKEN)
        if self._clock() - one.at > self._times["interaction_token_s"]:
            raise ApiError(Refusal.INVALID_WEBHOOK_TOKEN)
        if not one.acknowledged:
            raise ApiError(Refusal.UNKNOWN_WEBHOOK)
        return one

    def _target(self, call: Call) -> Message:
        one = self._interaction(call)
        if call.path["message_id"] == "@original":
            message = one.original
        else:
            message = one.channel.messages.get(call.id("message_id"))
        mine = message is not None and (message.interaction is one or message is one.original)
        if message is None or not mine or message.id not in one.channel.messages:
            raise ApiError(Refusal.UNKNOWN_MESSAGE)
        return message

    def _message(self, one: Interaction, ephemeral: bool) -> Message:
        message = Message(self._world.snowflake(), one.channel, self._world.bot, self._world.now())
        message.interaction = one
        if ephemeral:
            message.flags |= EPHEMERAL
            message.only_for = one.user
        return message

    def _first_message(self, one: Interaction, kind: int, data: Json, call: Call) -> None:
        message = self._message(one, bool((data.get("flags") or 0) & EPHEMERAL))
        message.reply_to = one.source
        message.type = 20 if one.type == InteractionType.COMMAND else 19
        if kind == _DEFER:
            message.flags |= LOADING
            one.channel.messages[message.id] = message
            self._world.announce(Change("message", one.channel, message))
        else:
            self._publish(message, data, call)
        one.original = message

    def _publish(self, message: Message, data: Json, call: Call) -> None:
        compose(self._world, message, data, call.uploads)
        message.channel.messages[message.id] = message
        self._world.announce(Change("message", message.channel, message))

    def _edit(self, message: Message, data: Json, call: Call) -> None:
        compose(self._world, message, data, call.uploads, by_edit=not message.flags & LOADING)
        if message.flags & LOADING:
            message.flags &= ~LOADING
        else:
            message.edits += 1
            message.edited_at = self._world.now()
        self._world.announce(Change("edit", message.channel, message))

    def _callback_response(self, one: Interaction, kind: int) -> Json:
        about: Json = {"id": str(one.id), "type": one.type}
        response: Json = {"interaction": about}
        if kind in (_ANSWER, _DEFER, _UPDATE) and one.original is not None:
            about |= {
                "response_message_id": str(one.original.id),
                "response_message_loading": bool(one.original.flags & LOADING),
                "response_message_ephemeral": one.original.only_for is not None,
            }
            response["resource"] = {"type": kind, "message": self._payloads.message(one.original)}
        return response

    def _give_up(self, one: Interaction) -> None:
        self._deadlines.pop(one.token, None)
        if future := self._answered.pop(one.token, None):
            future.set_result([])
        else:
            text = "The application did not respond"
            self._report({"type": "answer", "to": str(one.user.id), "text": text})

    def _payload(self, one: Interaction, data: Json) -> Json:
        in_guild = one.channel.kind != "dm"
        permissions = str(self._world.permissions(one.user, one.channel))
        payload: Json = {
            "id": str(one.id),
            "application_id": str(self._world.application_id),
            "type": one.type,
            "token": one.token,
            "version": 1,
            "data": data,
            "channel": self._payloads.channel(one.channel) | {"permissions": permissions},
            "channel_id": str(one.channel.id),
            "locale": one.user.locale,
            "app_permissions": str(self._world.permissions(self._world.bot, one.channel)),
            "entitlements": [],
            "authorizing_integration_owners": self._payloads.integration_owners(one),
            "context": 0 if in_guild else 1,
            "attachment_size_limit": 10 * 1024 * 1024,
        }
        if in_guild:
            guild_id = str(self._world.guild_id)
            member = self._payloads.member_with_user(one.user) | {"permissions": permissions}
            guild = {"id": guild_id, "locale": self._world.guild_locale, "features": []}
            payload |= {
                "guild_id": guild_id,
                "guild_locale": self._world.guild_locale,
                "guild": guild,
                "member": member,
            }
        else:
            payload["user"] = user(one.user)
        if one.source is not None:
            payload["message"] = self._payloads.message(one.source)
        return payload
