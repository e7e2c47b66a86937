"""Judging one text: set aside what it costs, ask, pay, and tell whoever runs the bot of a hit.

The law: text that nobody could judge in time counts as the configuration says, as a hit unless it says
otherwise. What is told and logged is where it was, whose, and which category: never the text.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Final

from core.configuration import ModerationRules
from core.conversation.window import said
from core.policy.spending import Spending
from core.ports.alerts import Alerts, Cause
from core.ports.clock import Clock
from core.ports.completions import StreamEvent
from core.ports.moderation import Bill, Moderation, ModerationError, Verdict
from core.service.in_time import in_time
from core.service.moderated import Moderated, Side
from core.service.turn import Tally, Turn
from core.service.usage import Book, Counted

log = logging.getLogger(__name__)

CHECK_S: Final = 10.0
"""How long a verdict may take: with `before` somebody waits for it, and an answer ends no sooner."""
_HIT: Final = {Side.INPUT: "ending.not_asked", Side.OUTPUT: "ending.withheld"}


class NotPassedError(Exception):
    """The text must not pass. `key`: of the words for whoever asked, as an ending's mark."""

    def __init__(self, side: Side, key: str) -> None:
        super().__init__(f"{side}: {key}")
        self.side = side
        self.key = key


class _SpentError(Exception):
    """Today's tokens do not suffice to ask whoever judges."""


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
            verdict = await self._verdict(turn, text)
        except _SpentError:
            log.info("%s is not judged: today's tokens are used up", who)
            if rules.refuses:
                raise NotPassedError(side, "ending.spent") from None
            return
        except ModerationError as error:
            log.warning("%s cannot be judged: %s", who, error)
            self._alerts.raise_(Cause.JUDGE, about=rules.judge)
            if rules.refuses:
                raise NotPassedError(side, "ending.unjudged") from None
            return
        self._alerts.clear(Cause.JUDGE, about=rules.judge)
        if verdict.flagged:
            why = ", ".join(verdict.categories) or rules.judge
            log.warning("%s is flagged: %s", who, why)
            if rules.tells:
                self._alerts.raise_(Cause.MODERATION, about=str(question.place), why=why)
            raise NotPassedError(side, _HIT[side])

    async def _verdict(self, turn: Turn, text: str) -> Verdict:
        """Paid from the same budget as answers, whatever becomes of it."""
        prompt, answer = self._moderation.price(text)
        reservation = self._spending.reserve(prompt=prompt, answer=answer) if prompt else None
        if prompt and reservation is None:
            raise _SpentError
        bill = Bill()
        try:
            verdict = await in_time(self._clock, CHECK_S, self._moderation.check(text, bill))
        finally:
            if reservation is not None:
                reservation.settle(bill.prompt_tokens + bill.completion_tokens)
            if self._book is not None and bill.prompt_tokens + bill.completion_tokens:
                counted = Counted(bill.model, bill.prompt_tokens, bill.completion_tokens)
                await self._book(turn.question.asker, turn.question.place, (counted,))
        if verdict is None:
            raise ModerationError(f"no verdict within {CHECK_S:g} s")
        return verdict
