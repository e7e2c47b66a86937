"""The answer to an interaction: a command, a press on a button, or a form.

An interaction has rate limits of its own and can speak to one person alone. It ends after 15
minutes. Where the bot sees the channel, that is a second way to what everybody can see (`alternate`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import discord

from bots.discord.capabilities import FOLLOW_UPS, INTERACTION, LAST_REQUEST_AFTER_S, LAST_WORD_AFTER_S
from bots.discord.events import is_users_own
from bots.discord.exchange import ALREADY_ANSWERED, Answer, ask, outcome_of, perform
from bots.discord.reading import DiscordReading
from bots.discord.surface import NOBODY, ChannelSurface, edited, files_of, view_of
from core.messages import Form, MessageRef, Place
from core.ports.clock import Clock
from core.ports.surface import Capabilities, OpenThread
from core.streaming.operations import (
    BucketKey,
    Delivered,
    MessageContent,
    NotSent,
    NotSentReason,
    OperationKind,
    Outcome,
    Unknown,
)

_log = logging.getLogger(__name__)

_TITLE, _HINT = 45, 100  # characters; docs: "Component Reference" (Label), "Modal"


class InteractionSurface:
    """A slash command's answer, or what a person who pressed a button is told.

    Discord wants the first answer within 3 s. Unless the core sends or calls `typing` before
    `acknowledge_after_s`, the surface defers by itself; run `acknowledge_in_time` for that.
    """

    capabilities: Capabilities = INTERACTION
    address = ""

    def __init__(
        self,
        interaction: discord.Interaction[discord.Client],
        place: Place,
        account: str,
        channel: ChannelSurface | None,
        clock: Clock,
        *,
        acknowledge_after_s: float = 2.0,
        private: bool = False,
    ) -> None:
        """`channel`: the second way to what everybody can see; None where the bot cannot see it.
        `private`: the answer will be for the asker alone, and so is the sign that we think."""
        self._interaction = interaction
        self._place = place
        self._account = account
        self._channel = channel
        self._clock = clock
        self._acknowledge_after_s = acknowledge_after_s
        self._key = BucketKey("interaction", str(interaction.id))
        self._private = private
        self._source_id = None if interaction.message is None else str(interaction.message.id)
        self._is_press = self._source_id is not None  # or a form that a press opened
        self._first_answer = asyncio.Lock()
        self._acknowledged = False
        self._thinking = False  # deferred, and no text stands in its place yet
        self._original_id: str | None = None
        # docs: "Interactions, Followup Messages"
        self._follow_ups_left = FOLLOW_UPS if channel is None and is_users_own(interaction) else None
        # Not by the interaction's own date: this machine's clock may be wrong by more than that.
        self._began_at = clock.monotonic()

    @property
    def account(self) -> str:
        return self._account

    @property
    def place(self) -> Place:
        return self._place

    @property
    def alternate(self) -> ChannelSurface | None:
        return self._channel

    @property
    def ends_at(self) -> float:
        return self._began_at + LAST_WORD_AFTER_S

    @property
    def open_thread(self) -> OpenThread | None:
        return self._channel.open_thread if self._channel is not None else None

    @property
    def reading(self) -> DiscordReading | None:
        return self._channel.reading if self._channel is not None else None

    @property
    def messages_left(self) -> int | None:
        if self._follow_ups_left is None:
            return None
        in_place = not self._is_press and (self._thinking or not self._acknowledged)
        return self._follow_ups_left + in_place

    def buckets(self, kind: OperationKind) -> tuple[BucketKey, ...] | None:
        over = self._clock.monotonic() >= self._began_at + LAST_REQUEST_AFTER_S
        return None if over else (self._key,)

    async def acknowledge_in_time(self) -> None:
        """Wait until the safety time is over, then defer unless there was an answer."""
        await asyncio.sleep(self._acknowledge_after_s)
        await self.typing()

    async def send(self, content: MessageContent, reply_to: MessageRef | None) -> Outcome:
        async with self._first_answer:
            return await self._send(content)

    @property
    def open_form(self) -> Callable[[Form], Awaitable[Outcome]] | None:
        is_form = self._interaction.type is discord.InteractionType.modal_submit
        return None if self._acknowledged or is_form else self._open_form

    async def edit(self, message_id: str, content: MessageContent) -> Outcome:
        if message_id == self._source_id:
            async with self._first_answer:
                if not self._acknowledged and (outcome := await self._update(content)) is not None:
                    return outcome
                if self._original_id is None:  # else it stands for our own answer to the press
                    return await self._edit_original(content)
        if message_id == self._original_id:
            return await self._edit_original(content)
        call = partial(self._edit_follow_up, message_id, content)
        return await perform(call, self._key, message_id, with_file=bool(content.file))

    async def delete(self, message_id: str) -> Outcome:
        if message_id == self._original_id:
            return await perform(self._interaction.delete_original_response, self._key, message_id)
        call = partial(self._interaction.followup.delete_message, int(message_id))
        return await perform(call, self._key, message_id)

    async def typing(self) -> Outcome | None:
        """Defer, unless there is an answer already. A press is acknowledged without a visible sign."""
        async with self._first_answer:
            if self._acknowledged:
                return None
            defer = partial(
                self._interaction.response.defer, ephemeral=self._private, thinking=not self._is_press
            )
            answer = await ask(defer)
            outcome = outcome_of(answer, self._key) if isinstance(answer, Answer) else answer
            if isinstance(answer, Answer) and (answer.status < 300 or answer.code == ALREADY_ANSWERED):
                self._acknowledged = True
                self._thinking = not self._is_press
            else:
                _log.warning("%s: interaction %s stays open: %s", self._place, self._key.id, outcome)
            return outcome

    async def react(self, ref: MessageRef, emoji: str) -> None:
        if self._channel is not None:
            await self._channel.react(ref, emoji)

    async def _send(self, content: MessageContent) -> Outcome:
        if not self._acknowledged:
            outcome = await self._answer(content)
            if outcome is not None:
                return outcome
        if not self._thinking:
            return await self._follow_up(content)
        if content.private is not self._private:
            # Everybody sees that we think, and a private answer cannot take that place; nor the other way.
            gone = await perform(self._interaction.delete_original_response, self._key, "@original")
            if isinstance(gone, Unknown) or (
                isinstance(gone, NotSent) and gone.reason is not NotSentReason.MESSAGE_GONE
            ):
                return gone
            self._thinking = False
            return await self._follow_up(content)
        outcome = await self._edit_original(content)
        if isinstance(outcome, Delivered):
            self._thinking, self._original_id = False, outcome.message_id
        return outcome

    async def _open_form(self, form: Form) -> Outcome:
        async with self._first_answer:
            if self._acknowledged:
                return NotSent(NotSentReason.EXPIRED, detail="the interaction was answered before")
            answer = await ask(lambda: self._interaction.response.send_modal(_modal(form)))
            outcome = outcome_of(answer, self._key, form.data) if isinstance(answer, Answer) else answer
            self._acknowledged = not isinstance(outcome, NotSent) or outcome.reason is NotSentReason.EXPIRED
            return outcome

    async def _update(self, content: MessageContent) -> Outcome | None:
        """Edit what was pressed, as the first answer; None when an earlier one had been taken."""
        answer = await ask(lambda: self._interaction.response.edit_message(**edited(content)))
        if not isinstance(answer, Answer):
            return answer
        outcome = outcome_of(answer, self._key, self._source_id or "", with_file=bool(content.file))
        if answer.code == ALREADY_ANSWERED:
            self._acknowledged = True
            return None
        self._acknowledged = self._acknowledged or isinstance(outcome, Delivered)
        return outcome

    async def _answer(self, content: MessageContent) -> Outcome | None:
        """The first answer; None when an earlier try, whose outcome was unknown, had been taken."""
        answer = await ask(lambda: self._interaction.response.send_message(**_message(content)))
        if not isinstance(answer, Answer):
            return answer
        if answer.code == ALREADY_ANSWERED:
            self._acknowledged = True
            self._thinking = not self._is_press
            return None
        outcome = outcome_of(answer, self._key, with_file=bool(content.file))
        if isinstance(outcome, Delivered):
            self._acknowledged, self._original_id = True, outcome.message_id
        return outcome

    async def _follow_up(self, content: MessageContent) -> Outcome:
        def call() -> Awaitable[object]:
            return self._interaction.followup.send(**_message(content))

        outcome = await perform(call, self._key, with_file=bool(content.file))
        if self._follow_ups_left is not None and not isinstance(outcome, NotSent):
            self._follow_ups_left -= 1
        return outcome

    async def _edit_follow_up(self, message_id: str, content: MessageContent) -> None:
        await self._interaction.followup.edit_message(int(message_id), **edited(content))

    async def _edit_original(self, content: MessageContent) -> Outcome:
        def call() -> Awaitable[object]:
            return self._interaction.edit_original_response(**edited(content))

        message_id = self._original_id or (self._source_id or "" if self._is_press else "")
        return await perform(call, self._key, message_id, with_file=bool(content.file))


def _message(content: MessageContent) -> dict[str, Any]:
    """The arguments that a first answer and a follow-up share."""
    return {
        "content": content.body.text,
        "allowed_mentions": NOBODY,
        "ephemeral": content.private,
        "silent": content.silent,
        "suppress_embeds": True,
        "view": view_of(content.controls) or discord.utils.MISSING,
        "files": files_of(content) or discord.utils.MISSING,
    }


def _modal(form: Form) -> discord.ui.Modal:
    """A form as the library wants it; what is filled in comes back by the fields' names."""
    modal = discord.ui.Modal(title=form.title[:_TITLE], custom_id=form.data, timeout=None)
    for field in form.fields:
        style = discord.TextStyle.paragraph if field.long else discord.TextStyle.short
        text = discord.ui.TextInput[discord.ui.View](
            custom_id=field.name,
            style=style,
            default=field.value or None,
            required=field.required,
            max_length=field.max_length,
        )
        modal.add_item(
            discord.ui.Label(
                text=field.label[:_TITLE], description=field.hint[:_HINT] or None, component=text
            )
        )
    return modal
