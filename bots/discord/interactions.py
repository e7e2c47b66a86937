"""The answer to an interaction: a command, a press on a button, or a form.

An interaction has rate limits of its own and can speak to one person alone. It ends after 15
minutes. Where the bot sees the channel, that is a second way to what everybody can see (`alternate`).

The first answer goes by the event that came in; all others by the token alone, so that another
process can go on with them (opening.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final, cast

import discord
from discord.http import handle_message_parameters
from discord.webhook.async_ import async_context

from bots.discord.addresses import InteractionAddress
from bots.discord.capabilities import COMMAND, INTERACTION, LAST_REQUEST_AFTER_S, LAST_WORD_AFTER_S
from bots.discord.exchange import ALREADY_ANSWERED, Answer, ask, outcome_of, perform
from bots.discord.forms import modal_of
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

_LOADING: Final = discord.MessageFlags.loading.flag
_ORIGINAL: Final = "@original"
"""The first answer, whatever its id (docs: "Edit Original Interaction Response")."""


class InteractionSurface:
    """A slash command's answer, or what a person who pressed a button is told.

    Discord wants the first answer within 3 s. Unless the core sends or calls `typing` before
    `acknowledge_after_s`, the surface defers by itself; run `acknowledge_in_time` for that.
    """

    def __init__(
        self,
        *,
        webhook: discord.Webhook,
        response: discord.InteractionResponse[discord.Client] | None,
        kept: InteractionAddress,
        place: Place,
        account: str,
        channel: ChannelSurface | None,
        clock: Clock,
        acknowledge_after_s: float = 2.0,
        in_doubt: bool = False,
    ) -> None:
        """`webhook`: what the token leads to. `response`: for the first answer; None where an earlier process
        has given it: then it deferred, or the interaction is dead. `channel`: the second way to what
        everybody can see; None where the bot cannot see it. `in_doubt`: that process may have filled the
        place of its deferral with what is sent next."""
        self._webhook = webhook
        self._response = response
        self._kept = kept
        self._place = place
        self._account = account
        self._channel = channel
        self._clock = clock
        self._acknowledge_after_s = acknowledge_after_s
        self._key = BucketKey("interaction", kept.id)
        self._private = kept.private
        self._source_id = kept.source_id or None
        self._is_press = self._source_id is not None  # or a form that a press opened
        self.capabilities: Capabilities = INTERACTION if self._is_press else COMMAND
        self._first_answer = asyncio.Lock()
        self._acknowledged = response is None
        self._original_id = kept.original_id or None
        # Whether an earlier process has filled the place of its deferral: asked before anything is sent.
        self._is_unsure = response is None and not self._is_press and self._original_id is None
        self._in_doubt = in_doubt
        self._thinking = self._is_unsure  # deferred, and no text stands in its place yet
        self._follow_ups_left = kept.follow_ups_left
        self._began_at = clock.monotonic() - max(0.0, clock.wall() - kept.began_at)

    @property
    def address(self) -> str:
        """Anew with each answer: who was told of more goes on better."""
        return replace(
            self._kept, follow_ups_left=self._follow_ups_left, original_id=self._original_id or ""
        ).written()

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

    with_rights = hears_all = None

    @property
    def open_form(self) -> Callable[[Form], Awaitable[Outcome]] | None:
        return None if self._acknowledged or self._kept.is_form else self._open_form

    async def edit(self, message_id: str, content: MessageContent) -> Outcome:
        if message_id == self._source_id:
            async with self._first_answer:
                if not self._acknowledged and (outcome := await self._update(content)) is not None:
                    return outcome
                if self._original_id is None:  # else it stands for our own answer to the press
                    return await self._edit_original(content)
        if message_id == self._original_id:
            return await self._edit_original(content)
        outcome = await self._edit_by_token(message_id, message_id, content)
        if self._response is None:
            return await self._recovered(message_id, content, outcome)
        return outcome

    async def delete(self, message_id: str) -> Outcome:
        of_ours = _ORIGINAL if message_id == self._original_id else message_id
        return await self._delete_by_token(of_ours, message_id)

    async def typing(self) -> Outcome | None:
        """Defer, unless there is an answer already. A press is acknowledged without a visible sign."""
        async with self._first_answer:
            if self._acknowledged or self._response is None:
                return None
            defer = partial(self._response.defer, ephemeral=self._private, thinking=not self._is_press)
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
        if self._is_unsure and (refused := await self._look(content)) is not None:
            return refused
        if not self._acknowledged:
            outcome = await self._answer(content)
            if outcome is not None:
                return outcome
        if not self._thinking:
            return await self._follow_up(content)
        if content.private is not self._private:
            # Everybody sees that we think, and a private answer cannot take that place; nor the other way.
            gone = await self._delete_by_token(_ORIGINAL, _ORIGINAL)
            if isinstance(gone, Unknown) or (isinstance(gone, NotSent) and not _is_gone(gone)):
                return gone
            self._thinking = False
            return await self._follow_up(content)
        outcome = await self._edit_original(content)
        if isinstance(outcome, Delivered):
            self._thinking, self._original_id = False, outcome.message_id
        return outcome

    async def _look(self, content: MessageContent) -> NotSent | Unknown | None:
        """See what stands in the place of the deferral; what came of the question where that is not known.
        Where it is this very message, it stands in its own place."""
        answer = await ask(lambda: self._webhook.fetch_message(cast("int", _ORIGINAL)))
        if not isinstance(answer, Answer):
            return answer
        outcome = outcome_of(answer, self._key)
        if isinstance(outcome, Delivered):
            itself = self._in_doubt and content.private is self._private
            self._thinking = itself or bool(answer.fields.get("flags", 0) & _LOADING)
            self._original_id = None if self._thinking else outcome.message_id
        elif _is_gone(outcome):
            self._thinking = False
        else:
            return outcome
        self._is_unsure = False
        return None

    async def _open_form(self, form: Form) -> Outcome:
        async with self._first_answer:
            response = self._response
            if self._acknowledged or response is None:
                return NotSent(NotSentReason.EXPIRED, detail="the interaction was answered before")
            answer = await ask(lambda: response.send_modal(modal_of(form)))
            outcome = outcome_of(answer, self._key, form.data) if isinstance(answer, Answer) else answer
            self._acknowledged = not isinstance(outcome, NotSent) or outcome.reason is NotSentReason.EXPIRED
            return outcome

    async def _update(self, content: MessageContent) -> Outcome | None:
        """Edit what was pressed, as the first answer; None when an earlier one had been taken."""
        if (response := self._response) is None:
            return None
        answer = await ask(lambda: response.edit_message(**edited(content)))
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
        if (response := self._response) is None:
            return None
        answer = await ask(lambda: response.send_message(**_message(content)))
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
            return self._webhook.send(**_message(content))

        outcome = await perform(call, self._key, with_file=bool(content.file))
        if self._follow_ups_left is not None and not isinstance(outcome, NotSent):
            self._follow_ups_left -= 1
        return outcome

    async def _edit_original(self, content: MessageContent) -> Outcome:
        message_id = self._original_id or (self._source_id or "" if self._is_press else "")
        return await self._edit_by_token(_ORIGINAL, message_id, content)

    async def _recovered(self, message_id: str, content: MessageContent, outcome: Outcome) -> Outcome:
        """An earlier process sent this message: perhaps by the channel, which the token cannot edit.
        Whichever it was, the deferral no longer stands."""
        if isinstance(outcome, Delivered):
            self._thinking = self._is_unsure = False
        elif self._channel is not None and not self._private and _is_gone(outcome):
            return await self._channel.edit(message_id, content)
        return outcome

    async def _edit_by_token(self, which: str, message_id: str, content: MessageContent) -> Outcome:
        def call() -> Awaitable[object]:
            return _edit(self._webhook, which, content)

        return await perform(call, self._key, message_id, with_file=bool(content.file))

    async def _delete_by_token(self, which: str, message_id: str) -> Outcome:
        call = partial(self._webhook.delete_message, cast("int", which))
        return await perform(call, self._key, message_id)


async def _edit(webhook: discord.Webhook, which: str, content: MessageContent) -> object:
    """What `Webhook.edit_message` does, with the flag that it lacks: a deferral has none yet, and what takes
    its place would show the previews of its links."""
    flags = discord.MessageFlags(suppress_embeds=True)
    with handle_message_parameters(**edited(content), flags=flags) as params:
        return await async_context.get().edit_webhook_message(
            webhook.id,
            webhook.token or "",
            cast("int", which),
            session=webhook.session,
            proxy=webhook.proxy,
            proxy_auth=webhook.proxy_auth,
            payload=params.payload,
            multipart=params.multipart,
            files=params.files,
            with_components=bool(content.controls),
        )


def _is_gone(outcome: Outcome) -> bool:
    return isinstance(outcome, NotSent) and outcome.reason is NotSentReason.MESSAGE_GONE


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
