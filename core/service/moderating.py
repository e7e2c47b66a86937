"""Judging one text: set aside what it costs, ask, pay, and tell whoever runs the bot of a hit.

The law: text that nobody could judge in time counts as the configuration says, as a hit unless it says
otherwise. What is told and logged is where it was, whose, and which category: never the text.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Final

from core.catalogue import say
from core.configuration import ModerationRules
from core.conversation.window import said
from core.policy.budgets import Refused
from core.ports.alerts import Alerts, Cause
from core.ports.clock import Clock
from core.ports.completions import StreamEvent
from core.ports.moderation import Bill, Moderation, ModerationError, Verdict
from core.service.in_time import in_time
from core.service.moderated import Moderated, Side
from core.service.refusals import mark_of
from core.service.spending import Spending
from core.service.turn import Tally, Turn
from core.service.usage import Book, Counted

log = logging.getLogger(__name__)

CHECK_S: Final = 10.0
"""How long a verdict may take: with `before` somebody waits for it, and an answer ends no sooner."""
_HIT: Final = {Side.INPUT: "ending.not_asked", Side.OUTPUT: "ending.withheld"}


class NotPassedError(Exception):
    """The text must not pass. `mark`: the ending's, in words for whoever asked."""

    def __init__(self, side: Side, mark: str) -> None:
        super().__init__(f"{side}: {mark}")
        self.side = side
        self.mark = mark


class _SpentError(Exception):
    """What is left of a budget does not suffice to ask whoever judges."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.why)
        self.refused = refused


class Moderator:
    """One for the whole bot. `rules`: as they are now."""

    def __init__(
        self,
        moderation: Moderation,
        rules: Callable[[], ModerationRules],
        *,
        clock: Clock,
        spending: Spending,
        alerts: Alerts,
        book: Book | None = None,
    ) -> None:
        self._moderation = moderation
        self._rules = rules
        self._clock = clock
        self._spending = spending
        self._alerts = alerts
        self._book = book

    def over(
        self, events: AsyncGenerator[StreamEvent, None], turn: Turn, tally: Tally
    ) -> AsyncGenerator[StreamEvent, None]:
        """The turn's stream, as far as the rules let it pass; raises NotPassedError where they do not.

        Of the question its own words and what it quotes are judged: what others said around it is not whoever
        asks's doing, and could keep everybody there from being answered.
        """
        rules = self._rules()
        if not rules.on:
            return events
        return Moderated(
            events,
            partial(self._judge, turn, rules),
            rules,
            asked=said(turn.asked, named=False).content if turn.asked else "",
            reasons=turn.manner is not None and turn.manner.preferences.reasoning,
            tally=tally,
        ).stream()

    async def _judge(self, turn: Turn, rules: ModerationRules, side: Side, text: str) -> None:
        question = turn.question
        who = f"turn {turn.id} in {question.place} by {question.asker}: the {side}"
        try:
            verdict = await self._verdict(turn, rules.judge, text)
        except _SpentError as error:
            log.info("%s is not judged: a budget is used up", who)
            if rules.refuses:
                raise NotPassedError(side, mark_of(error.refused, turn.locale)) from None
            return
        except ModerationError as error:
            log.warning("%s cannot be judged: %s", who, error)
            self._alerts.raise_(Cause.JUDGE, about=rules.judge)
            if rules.refuses:
                raise NotPassedError(side, say("ending.unjudged", turn.locale)) from None
            return
        self._alerts.clear(Cause.JUDGE, about=rules.judge)
        if verdict.flagged:
            why = ", ".join(verdict.categories) or rules.judge
            log.warning("%s is flagged: %s", who, why)
            if rules.tells:
                self._alerts.raise_(Cause.MODERATION, about=str(question.place), why=why)
            raise NotPassedError(side, say(_HIT[side], turn.locale))

    async def _verdict(self, turn: Turn, judge: str, text: str) -> Verdict:
        """Paid from the same budgets as answers, whatever becomes of it."""
        payer, place = turn.question.payer, turn.question.place
        prompt, answer = self._moderation.price(text)
        reservation = (
            await self._spending.reserve(payer, place, judge, prompt=prompt, answer=answer, beside=True)
            if prompt
            else None
        )
        if isinstance(reservation, Refused):
            raise _SpentError(reservation)
        bill = Bill()
        try:
            verdict = await in_time(self._clock, CHECK_S, self._moderation.check(text, bill))
        finally:
            used = bill.prompt_tokens + bill.completion_tokens
            counts = (Counted(bill.model, bill.prompt_tokens, bill.completion_tokens),) if used else ()
            if reservation is not None:
                await reservation.settle(counts)
            if self._book is not None and counts:
                await self._book(payer, place, counts)
        if verdict is None:
            raise ModerationError(f"no verdict within {CHECK_S:g} s")
        return verdict
