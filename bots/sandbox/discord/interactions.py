"""Interactions: what a person does with the application, and the bot's first answer within 3 s."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bots.sandbox.discord.command_rules import STRING, check_choices
from bots.sandbox.discord.context import Context
from bots.sandbox.discord.errors import ApiError, FormErrors, Refusal
from bots.sandbox.discord.gateway import Gateway
from bots.sandbox.discord.http import Call, Route
from bots.sandbox.discord.interaction_messages import InteractionMessages
from bots.sandbox.discord.interaction_payload import interaction_payload
from bots.sandbox.discord.modals import checked_modal, drawn_modal
from bots.sandbox.discord.models import Channel, Interaction, InteractionType, Json, Message, User
from bots.sandbox.discord.payloads import LOADING

_ANSWER, _DEFER, _DEFER_UPDATE, _UPDATE, _CHOICES, _MODAL = 4, 5, 6, 7, 8, 9
_ANSWERS_TO = {
    InteractionType.COMMAND: (_ANSWER, _DEFER, _MODAL),
    InteractionType.COMPONENT: (_ANSWER, _DEFER, _DEFER_UPDATE, _UPDATE, _MODAL),
    InteractionType.AUTOCOMPLETE: (_CHOICES,),
    InteractionType.MODAL: (_ANSWER, _DEFER, _DEFER_UPDATE, _UPDATE),
}
_NEEDS_A_MESSAGE = (_DEFER_UPDATE, _UPDATE)
_KEPT_MODALS = 100


@dataclass(frozen=True)
class OpenModal:
    """A form in front of a person: the checked payload, and the interaction that it answers."""

    payload: Json
    asked: Interaction


class Interactions:
    """Starts interactions for people and takes the first answer to each.

    `opened` are the interactions by token; `modals` the forms that people have before them, by the id of
    the interaction which they answer.
    """

    def __init__(self, context: Context, gateway: Gateway) -> None:
        self._world = context.world
        self._payloads = context.payloads
        self._gateway = gateway
        self._times = context.limits.times
        self._clock = context.clock
        self._report = context.report
        self._messages = InteractionMessages(context.world)
        self._deadlines: dict[str, asyncio.TimerHandle] = {}
        self._completing: dict[str, tuple[int, asyncio.Future[list[Json]]]] = {}
        self.opened: dict[str, Interaction] = {}
        self.modals: dict[str, OpenModal] = {}

    def routes(self) -> Sequence[Route]:
        """The endpoint of this module, which draws from the interaction token's bucket."""
        path = "/interactions/{interaction_id}/{interaction_token}/callback"
        return (Route("POST", path, "interaction", self.callback, auth=False),)

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
        target: Message | User | None = None,
        before: Interaction | None = None,
    ) -> Interaction:
        """Send INTERACTION_CREATE; the person hears of it when no answer comes in time."""
        now = self._clock()
        life = self._times["interaction_token_s"]
        self.opened = {token: one for token, one in self.opened.items() if now - one.at < 2 * life}
        one = Interaction(
            self._world.snowflake(),
            secrets.token_urlsafe(96),
            kind,
            person,
            channel,
            now,
            shown_as,
            str(data.get("name", "")),
            source=source,
            target=target,
            before=before,
        )
        installed_by = before or (source.interaction if source else None)
        one.users_own = users_own or bool(installed_by and installed_by.users_own)
        self.opened[one.token] = one
        payload = interaction_payload(self._world, self._payloads, one, data)
        self._gateway.dispatch("INTERACTION_CREATE", None, None, lambda _: payload)
        loop = asyncio.get_running_loop()
        self._deadlines[one.token] = loop.call_later(self._times["first_answer_s"], self._give_up, one)
        return one

    async def choices(self, one: Interaction, kind: int) -> list[Json]:
        """Wait for the choices that the bot answers an autocomplete with; none when it is too late.

        `kind` is the type of the option being typed.
        """
        future: asyncio.Future[list[Json]] = asyncio.get_running_loop().create_future()
        self._completing[one.token] = kind, future
        return await future

    def end_tokens(self) -> None:
        """Take no further request by any token that was given."""
        self.opened.clear()

    def stop(self) -> None:
        """Forget all deadlines."""
        for deadline in self._deadlines.values():
            deadline.cancel()
        for _, future in self._completing.values():
            future.cancel()

    async def callback(self, call: Call) -> tuple[int, Any]:
        """POST the first answer to an interaction."""
        one = self.opened.get(call.path["interaction_token"])
        if one is None or call.id("interaction_id") != one.id:
            raise ApiError(Refusal.UNKNOWN_INTERACTION)
        if one.acknowledged:
            raise ApiError(Refusal.ALREADY_ACKNOWLEDGED)
        if self._clock() - one.at > self._times["first_answer_s"]:
            raise ApiError(Refusal.UNKNOWN_INTERACTION)
        kind = call.fields.get("type")
        allowed = [n for n in _ANSWERS_TO[one.type] if n not in _NEEDS_A_MESSAGE or one.source is not None]
        errors = FormErrors()
        errors.choice("type", kind, allowed)
        errors.check()
        if kind == _UPDATE and one.source is not None and one.source.id not in one.channel.messages:
            raise ApiError(Refusal.UNKNOWN_MESSAGE)
        self._answer(one, int(kind or 0), call.fields.get("data") or {}, call)
        one.original = one.original or one.source
        one.acknowledged = True
        if deadline := self._deadlines.pop(one.token, None):
            deadline.cancel()
        if call.query.get("with_response", "").lower() not in ("1", "true"):
            return 204, None
        return 200, self._callback_response(one, int(kind or 0))

    def _answer(self, one: Interaction, kind: int, data: Json, call: Call) -> None:
        match kind:
            case t if t == _ANSWER:
                one.original = self._messages.answer(one, data, call)
            case t if t == _DEFER:
                one.original = self._messages.defer(one, data)
            case t if t == _UPDATE and one.source is not None:
                self._messages.edit(one.source, data, call)
            case t if t == _MODAL:
                self._open_modal(one, data)
            case t if t == _CHOICES:
                option_type, future = self._completing.get(one.token, (STRING, None))
                errors = FormErrors()
                check_choices(errors, "data.choices", option_type, data.get("choices") or [])
                errors.check()
                self._completing.pop(one.token, None)
                if future is not None and not future.done():
                    future.set_result(data.get("choices") or [])

    def _open_modal(self, one: Interaction, data: Json) -> None:
        self.modals[str(one.id)] = OpenModal(checked_modal(data), one)
        while len(self.modals) > _KEPT_MODALS:
            del self.modals[next(iter(self.modals))]
        drawn = drawn_modal(data) | {"id": str(one.id), "chat": str(one.channel.id)}
        self._report({"type": "modal", "to": str(one.user.id), "modal": drawn})

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
        elif kind == _MODAL:
            response["resource"] = {"type": kind}
        return response

    def _give_up(self, one: Interaction) -> None:
        self._deadlines.pop(one.token, None)
        _, future = self._completing.pop(one.token, (STRING, None))
        if future is not None and not future.done():
            future.set_result([])
        elif one.type is not InteractionType.AUTOCOMPLETE:
            text = "The application did not respond"
            self._report({"type": "answer", "to": str(one.user.id), "text": text})
