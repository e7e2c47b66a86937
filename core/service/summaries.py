"""Summaries made in the background, so that a long conversation stays within what its model takes.

The law: at most one at a time for each conversation, paid from the same budget as answers. What fails costs
nobody an answer: without a summary the model sees the newest turns alone, and the next turn tries again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import aclosing

from core.configuration import ModelChoice
from core.conversation.summary import SummaryRequest, summary_request
from core.conversation.tokens import Budgets
from core.conversation.window import is_named, prompt_size
from core.messages import Place
from core.policy.budgets import Refused
from core.policy.spending import estimate_tokens
from core.ports.completions import (
    Answering,
    CompletionRequest,
    Completions,
    Finished,
    FinishReason,
    ModelError,
    TextDelta,
    Usage,
)
from core.ports.store import Message, Outlined, StoreError, Summary
from core.service.conversations import Conversations
from core.service.spending import Spending
from core.service.tasks import Tasks
from core.service.turn import Tally, Turn
from core.service.usage import Book

log = logging.getLogger(__name__)


class Summaries:
    """`wanted`: False of a model that is too small to be of help with them. `withheld`: whether no model may
    be shown any more what some of these people said: then no summary is made of it."""

    def __init__(
        self,
        *,
        completions: Completions,
        conversations: Conversations,
        budgets: Budgets,
        spending: Spending,
        tasks: Tasks,
        wanted: Callable[[ModelChoice], bool],
        withheld: Callable[[Iterable[str], Place], bool] = lambda *_: False,
        book: Book | None = None,
    ) -> None:
        self._completions = completions
        self._conversations = conversations
        self._budgets = budgets
        self._spending = spending
        self._tasks = tasks
        self._wanted = wanted
        self._withheld = withheld
        self._book = book
        self._under_way: dict[str, asyncio.Task[None]] = {}  # by conversation
        self._told: dict[str, frozenset[str]] = {}  # by conversation: who speaks in what is summed up now

    def consider(self, turn: Turn) -> None:
        """After a turn whose answer is kept: see to it that what is said next still fits."""
        choice = turn.manner.choice if turn.manner else None
        conversation_id = turn.conversation_id
        if choice is None or not self._wanted(choice) or conversation_id in self._under_way:
            return
        if turn.apart:  # it would be a request for others that holds what they wrote
            return
        making = self._make(turn, choice)
        self._under_way[conversation_id] = self._tasks.start(making, f"summary after turn {turn.id}")

    def forget(self, person: str) -> None:
        """Make none any more out of what somebody, `str(Person)`, said."""
        for conversation_id, making in tuple(self._under_way.items()):
            if person in self._told.get(conversation_id, {person}):
                making.cancel()

    async def _make(self, turn: Turn, choice: ModelChoice) -> None:
        store, conversation_id = self._conversations.store, turn.conversation_id
        try:
            said = outline, before, path = await self._said(turn)
            told = turn.speakers | {one.asker for one in outline}
            if self._withheld(told, turn.question.place):
                return
            self._told[conversation_id] = told
            budget = self._budgets.of(choice, conversation_id)
            room = budget - estimate_tokens(choice.system_prompt or "")
            named = is_named(outline)
            request = summary_request(path, before, prompt_tokens=room, named=named, locale=turn.locale)
            as_it_was = hash(said)
            del said, outline, before, path  # it is long, and so may the model take
            text = await self._ask(request, choice, turn) if request else ""
            if not request or not text:
                return
            if hash(await self._said(turn)) != as_it_was:  # somebody may have had it forgotten meanwhile
                log.info("conversation %s has no new summary: it has changed meanwhile", conversation_id)
            else:
                made = Summary(conversation_id, request.until_id, text, estimate_tokens(text))
                await store.set_summary(made)
                log.info("conversation %s: a summary of %d tokens", conversation_id, made.tokens)
        except (ModelError, StoreError) as error:
            log.info("conversation %s has no new summary: %s", conversation_id, error)
        finally:
            self._under_way.pop(conversation_id, None)
            self._told.pop(conversation_id, None)

    async def _said(self, turn: Turn) -> tuple[tuple[Outlined, ...], Summary | None, tuple[Message, ...]]:
        """All of it without its text, the newest summary, and what that says nothing of."""
        store = self._conversations.store
        outline = await store.outline(turn.id)
        ids = tuple(message.id for message in outline)
        before = await store.summary(ids)
        told = 0 if before is None else ids.index(before.until_id) + 1
        return outline, before, await store.path(turn.id, limit=len(ids) - told)

    async def _ask(self, request: SummaryRequest, choice: ModelChoice, turn: Turn) -> str:
        """The model's words; empty where a budget is used up, or its provider would not let it."""
        tally = Tally(prompt_size(request.messages))
        payer, place = turn.question.payer, turn.question.place
        reservation = await self._spending.reserve(
            payer, place, choice.model, prompt=tally.prompt, answer=request.tokens, beside=True
        )
        if isinstance(reservation, Refused):
            return ""
        asked = CompletionRequest(request.messages, choice.model, max_tokens=request.tokens)
        parts: list[str] = []
        answered_by = choice.model
        reason = FinishReason.OTHER
        try:
            async with aclosing(self._completions.stream(asked)) as events:
                async for event in events:
                    match event:
                        case Answering(model):
                            tally.another_answers(answered_by)
                            answered_by = model
                            parts.clear()
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
            counted = tally.counts(answered_by)
            await reservation.settle(counted)
            if self._book is not None and counted:
                await self._book(payer, place, counted)
        return "" if reason is FinishReason.CONTENT_FILTER else "".join(parts).strip()[: request.tokens * 8]
