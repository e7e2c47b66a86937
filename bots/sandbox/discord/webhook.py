"""The webhook of an interaction: its original answer and follow-ups, for fifteen minutes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bots.sandbox.discord.context import Context
from bots.sandbox.discord.errors import ApiError, Refusal
from bots.sandbox.discord.http import Call, Route
from bots.sandbox.discord.interaction_messages import InteractionMessages
from bots.sandbox.discord.interactions import Interactions
from bots.sandbox.discord.models import Interaction, Message
from bots.sandbox.discord.payloads import LOADING

_WEBHOOK = "/webhooks/{application_id}/{interaction_token}"
_FOLLOW_UPS_OF_USERS_OWN = 5  # docs: "Interactions, Followup Messages"


class InteractionWebhook:
    """What the bot may do with an interaction's token after the first answer."""

    def __init__(self, context: Context, interactions: Interactions) -> None:
        self._world = context.world
        self._payloads = context.payloads
        self._times = context.limits.times
        self._clock = context.clock
        self._interactions = interactions
        self._messages = InteractionMessages(context.world)

    def routes(self) -> Sequence[Route]:
        """Every endpoint of this module; all draw from the interaction token's bucket."""

        def route(method: str, path: str, handler: Any) -> Route:
            return Route(method, path, "interaction", handler, auth=False)

        one = _WEBHOOK + "/messages/{message_id}"
        return (
            route("POST", _WEBHOOK, self.create_followup),
            route("GET", one, self.get_message),
            route("PATCH", one, self.edit_message),
            route("DELETE", one, self.delete_message),
        )

    async def create_followup(self, call: Call) -> tuple[int, Any]:
        """POST a follow-up; right after a deferral it fills the message that says thinking."""
        one = self._interaction(call)
        original = one.original
        if original is not None and original.id not in one.channel.messages:
            original = None
        if original is not None and original.flags & LOADING:
            self._messages.edit(original, call.fields, call)
            return 200, self._payloads.message(original)
        if one.users_own and one.follow_ups >= _FOLLOW_UPS_OF_USERS_OWN:
            raise ApiError(Refusal.TOO_MANY_FOLLOW_UPS)
        one.follow_ups += 1
        return 200, self._payloads.message(self._messages.follow_up(one, original, call))

    async def get_message(self, call: Call) -> tuple[int, Any]:
        """GET the original answer or a follow-up."""
        return 200, self._payloads.message(self._target(call))

    async def edit_message(self, call: Call) -> tuple[int, Any]:
        """PATCH the original answer or a follow-up."""
        message = self._target(call)
        self._messages.edit(message, call.fields, call)
        return 200, self._payloads.message(message)

    async def delete_message(self, call: Call) -> tuple[int, Any]:
        """DELETE the original answer or a follow-up."""
        self._messages.delete(self._target(call))
        return 204, None

    def _interaction(self, call: Call) -> Interaction:
        one = self._interactions.opened.get(call.path["interaction_token"])
        if one is None or call.id("application_id") != self._world.application_id:
            raise ApiError(Refusal.INVALID_WEBHOOK_TOKEN)
        if self._clock() - one.at > self._times["interaction_token_s"]:
            raise ApiError(Refusal.INVALID_WEBHOOK_TOKEN)
        if not one.acknowledged:
            raise ApiError(Refusal.UNKNOWN_WEBHOOK)
        if one.channel.id not in self._world.channels:
            raise ApiError(Refusal.UNKNOWN_CHANNEL)
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
