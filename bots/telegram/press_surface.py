"""Where what answers a press on a button appears: on the screen of whoever pressed, else in the chat."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Final

from telegram import Bot

from bots.telegram.capabilities import BOT, TELEGRAM
from bots.telegram.drafts import Drafts
from bots.telegram.outcomes import outcome_of
from bots.telegram.surface import ChatSurface
from core.messages import MessageRef, Person, Place, PlaceKind
from core.ports.surface import Capabilities
from core.streaming.operations import (
    BucketKey,
    Delivered,
    MessageContent,
    NotSent,
    NotSentReason,
    OperationKind,
    Outcome,
)

_MAX_ALERT: Final = 200  # characters; core.telegram.org/bots/api#answercallbackquery
_MAX_TOAST: Final = 60  # a longer one than a phone's line is gone before it is read
_OVER: Final = NotSent(NotSentReason.EXPIRED, detail="this press was answered before")
_WORTH_ANOTHER_TRY: Final = frozenset({NotSentReason.RATE_LIMITED, NotSentReason.UNAVAILABLE})

logger = logging.getLogger(__name__)


class PressSurface(ChatSurface):
    """The surface of a button press: its private answer appears on the presser's screen alone.

    A press can be answered once, at no cost to the chat's limits. After that this is the chat itself; what is
    not private belongs to `alternate`, which counts it.
    """

    def __init__(
        self,
        bot: Bot,
        place: Place,
        query_id: str,
        capabilities: Capabilities = TELEGRAM,
        drafts: Drafts | None = None,
        *,
        presser: Person | None = None,
    ) -> None:
        alone = place.kind is PlaceKind.PRIVATE
        answering = replace(
            capabilities, private_answers=True, private_lines_only=not alone, private_lines_pass=True
        )
        super().__init__(bot, place, answering, drafts)
        self.alternate = ChatSurface(bot, place, capabilities, drafts)
        self.presser = self.alternate.presser = presser
        self._query_id = query_id
        self._claimed = False
        self.answered = asyncio.Event()

    def buckets(self, kind: OperationKind) -> tuple[BucketKey, ...]:
        if kind is OperationKind.SEND and not self._claimed:
            return (BucketKey(BOT),)
        return super().buckets(kind)

    async def send(self, content: MessageContent, reply_to: MessageRef | None) -> Outcome:
        alone = self._place.kind is PlaceKind.PRIVATE
        if not content.private or (alone and (content.controls or content.file)):
            return await super().send(content, reply_to)
        return await self._answer(content.body.text[:_MAX_ALERT])

    async def edit(self, message_id: str, content: MessageContent) -> Outcome:
        return _OVER if message_id == self._query_id else await super().edit(message_id, content)

    async def delete(self, message_id: str) -> Outcome:
        return _OVER if message_id == self._query_id else await super().delete(message_id)

    async def answer_empty(self) -> None:
        """End the button's spinning, unless an answer did or is about to."""
        outcome = await self._answer("")
        if outcome != _OVER and not isinstance(outcome, Delivered):
            logger.debug("press in %s not answered: %s", self._place, outcome)

    async def _answer(self, text: str) -> Outcome:
        if self._claimed:
            return _OVER
        self._claimed = True
        call = self._bot.answer_callback_query(
            self._query_id, text or None, show_alert=len(text) > _MAX_TOAST
        )
        outcome = await outcome_of(call, self._query_id)
        if isinstance(outcome, NotSent) and outcome.reason in _WORTH_ANOTHER_TRY:
            self._claimed = False
        else:
            self.answered.set()
        return outcome
