"""Summaries made in the background, so that a long conversation stays within what its model takes.

The law: at most one at a time for each conversation, paid from the same budget as answers. What fails costs
nobody an answer: without a summary the model sees the newest turns alone, and the next turn tries again.
"""

from __future__ import annotations

import logging
from contextlib import aclosing

from core.conversation.summary import SummaryRequest, summary_request
from core.conversation.tokens import Budgets
from core.conversation.window import prompt_size
from core.policy.spending import Spending, estimate_tokens
from core.ports.completions import (
    CompletionRequest,
    Completions,
    Finished,
    FinishReason,
    ModelError,
    TextDelta,
    Usage,
)
from core.ports.store import StoreError, Summary
from core.service.conversations import Conversations
from core.service.tasks import Tasks
from core.service.turn import Tally, Turn
from core.settings import ModelSettings

log = logging.getLogger(__name__)


class Summaries:
    """`wanted`: False where the model is too small to be of help with them."""

    def __init__(
        self,
        *,
        completions: Completions,
        model: ModelSettings,
        conversations: Conversations,
        budgets: Budgets,
        spending: Spending,
        tasks: Tasks,
        wanted: bool = True,
    ) -> None:
        self._completions = completions
        self._model = model
        self._conversations = conversations
        self._budgets = budgets
        self._spending = spending
        self._tasks = tasks
        self._wanted = wanted
        self._under_way: set[str] = set()

    def consider(self, turn: Turn) -> None:
        """After a turn whose answer is kept: see to it that what is said next still fits."""
        if self._wanted and turn.conversation_id not in self._under_way:
            self._under_way.add(turn.conversation_id)
            self._tasks.start(self._make(turn.conversation_id, turn.id), f"summary after turn {turn.id}")

    async def _make(self, conversation_id: str, leaf_id: str) -> None:
        try:
            path = await self._conversations.store.path(leaf_id)
            before = await self._conversations.store.summary(tuple(message.id for message in path))
            budget = self._budgets.of(self._model.name, conversation_id)
            room = budget - estimate_tokens(self._model.system_prompt or "")
            request = summary_request(path, before, prompt_tokens=room)
            text = await self._ask(request) if request else ""
            if request and text:
                made = Summary(conversation_id, request.until_id, text, estimate_tokens(text))
                await self._conversations.store.set_summary(made)
                log.info("conversation %s: a summary of %d tokens", conversation_id, made.tokens)
        except (ModelError, StoreError) as error:
            log.info("conversation %s has no new summary: %s", conversation_id, error)
        finally:
            self._under_way.discard(conversation_id)

    async def _ask(self, request: SummaryRequest) -> str:
        """The model's words; empty where today's tokens are used up, or its provider would not let it."""
        tally = Tally(prompt_size(request.messages))
        reservation = self._spending.reserve(prompt=tally.prompt, answer=request.tokens)
        if reservation is None:
            return ""
        asked = CompletionRequest(request.messages, self._model.name, max_tokens=request.tokens)
        parts: list[str] = []
        reason = FinishReason.OTHER
        try:
            async with aclosing(self._completions.stream(asked)) as events:
                async for event in events:
                    match event:
                        case TextDelta(text):
                            parts.append(text)
                            tally.streamed += len(text.encode(errors="replace"))
                        case Usage():
                            tally.counted = event
                        case Finished():
                            reason = event.reason
        except ModelError:
            tally.billed = bool(parts)
            raise
        finally:
            reservation.settle(tally.used)
        return "" if reason is FinishReason.CONTENT_FILTER else "".join(parts).strip()[: request.tokens * 8]
