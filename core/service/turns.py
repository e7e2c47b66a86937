"""Doing turns: one question, the model's stream, one growing answer, one ending.

    begin ─► reserve tokens ─► show ─► stream ──► complete | length | filtered | failed   (the model)
                 └► spent: told, over    ├──────► stopped                                 (a person)
                                         └──────► interrupted                             (shutdown, lost)
    every ending ─► settle and book tokens ─► wait until it is shown ─► history

Whoever ends a turn first decides how it ended; the text that is there is kept. A turn never raises,
but for its own cancellation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from core.catalogue import say
from core.conversation.history import Question
from core.policy.budgets import Refused
from core.ports.clock import Clock, Timer
from core.service.buttons import Buttons
from core.service.conversations import Conversations
from core.service.door import unanswered
from core.service.driver import Driver
from core.service.endings import Endings
from core.service.generation import Generation
from core.service.notices import Notices
from core.service.prompts import Prompts
from core.service.showing import Shown
from core.service.spending import Spending
from core.service.steps import Known
from core.service.summaries import Summaries
from core.service.turn import Tally, Turn
from core.service.usage import Book
from core.streaming.answer import Ending
from core.streaming.operations import Button, NotSentReason

log = logging.getLogger(__name__)

_ANSWER_TOKENS: Final = 1_024
"""What is reserved for an answer whose length nobody limits; it may grow beyond."""

_GIVEN_UP: Final = {NotSentReason.UNAVAILABLE, NotSentReason.REJECTED, NotSentReason.FULL}
"""Why an answer is not shown although its place is there."""


class Turns:
    """Does turns; one instance for all. `shut_out`: whether whoever was let in may ask there no more by now.
    `streams`: how many there are at once."""

    def __init__(
        self,
        *,
        prompts: Prompts,
        generation: Generation,
        endings: Endings,
        driver: Driver,
        clock: Clock,
        spending: Spending,
        conversations: Conversations,
        summaries: Summaries,
        notices: Notices,
        buttons: Buttons,
        shut_out: Callable[[Question], Awaitable[bool]],
        streams: int,
        book: Book | None = None,
    ) -> None:
        self._prompts = prompts
        self._generation = generation
        self._endings = endings
        self._driver = driver
        self._clock = clock
        self._spending = spending
        self._conversations = conversations
        self._summaries = summaries
        self._notices = notices
        self._buttons = buttons
        self._shut_out = shut_out
        self._book = book
        self._streams = asyncio.Semaphore(streams)

    async def run(self, turn: Turn) -> None:
        """Answer the question; returns when the answer is shown and kept as far as it can be."""
        tally = Tally(0)
        try:
            try:
                async with self._streams:
                    if turn.told_of_place is not None:
                        self._notices.take_back(turn.told_of_place)
                    if turn.known is not None and turn.record is not None:
                        await turn.record.tries()
                    if turn.known is not None and turn.known.is_shown:
                        await self._show_what_is_known(turn, turn.known)
                    elif await self._may_begin(turn):
                        await self._answer(turn, tally)
            except Exception:
                # Whatever went wrong in one turn, the questions that wait behind it are served.
                log.exception("turn %s in %s failed", turn.id, turn.question.place)
                self._tell_that_it_failed(turn)
            try:
                if turn.shown is not None:
                    await self._keep(turn, turn.shown, tally)
            except Exception:
                log.exception("turn %s in %s is shown, but cannot be kept", turn.id, turn.question.place)
            if not _is_left(turn):
                turn.finish()
        finally:
            turn.finished.set()

    async def _may_begin(self, turn: Turn) -> bool:
        ours = turn.record is None or await turn.record.is_ours()
        gone = "deleted" if turn.withdrawn else "closing" if turn.answer.ending is Ending.INTERRUPTED else ""
        reason = gone if ours else "duplicate"
        if not reason and await self._shut_out(turn.question):
            reason = "denied"
            payer, ref = turn.question.payer, turn.question.reply_to
            words = say("refused.denied", turn.locale)
            self._notices.tell(turn.surface, payer, words, ref=ref, reaction="reaction.refused")
        if reason:
            unanswered(reason, turn.question.event_id, turn.question.place, turn.question.payer)
        return not reason

    async def _answer(self, turn: Turn, tally: Tally) -> None:
        question = turn.question
        manner = await self._prompts.gather(turn)
        if manner is None:
            return
        choice = manner.choice
        tally.prompt = self._prompts.size(turn, choice)
        answer = choice.max_tokens or _ANSWER_TOKENS
        reservation = await self._spending.reserve(
            question.payer, question.place, choice.model, prompt=tally.prompt, answer=answer
        )
        if isinstance(reservation, Refused):
            self._endings.refused(turn, reservation)
            return
        limit: Timer | None = None
        tally.billed = False  # until the model is asked
        try:
            turn.buttons_under = self._under
            await self._conversations.keep_question(turn)
            self._show(turn, reasoning=manner.preferences.reasoning, streaming=manner.preferences.streaming)
            limit = self._endings.in_time(turn)
            tally.billed = not turn.answer.ended
            if not turn.answer.ended:  # else it was cut before the model was asked
                await turn.until_cut(self._generation.run(turn, choice, reservation, tally))
        except asyncio.CancelledError:
            self._endings.interrupted(turn)
            raise
        finally:
            if limit is not None:
                limit.cancel()
            counted = tally.counts(turn.answered_by)
            await reservation.settle(counted)
            if self._book is not None and counted:
                await self._book(question.payer, question.place, counted)

    def _show(self, turn: Turn, *, reasoning: bool, streaming: bool) -> None:
        question = turn.question
        turn.showing = self._driver.show(
            turn.answer,
            turn.surface,
            reply_to=question.reply_to,
            stop=self._buttons.stop(turn.id, question.place, turn.locale),
            private=question.private,
            nonce=turn.id,
            show_reasoning=reasoning,
            streaming=streaming,
            locale=turn.locale,
            over=turn.again.over if turn.again else (),
            typing=not (turn.again and turn.again.told),
            standing=turn.known.standing if turn.known else (),
            recorder=turn.record,
        )
        turn.shown = asyncio.get_running_loop().create_task(turn.showing.finished())
        turn.shown.add_done_callback(lambda _: self._endings.lost(turn))

    async def _show_what_is_known(self, turn: Turn, known: Known) -> None:
        """Of an answer that another process had begun to show: with the ending that it had, or a mark that it
        was interrupted."""
        await self._conversations.find_question(turn)
        if turn.answer.ending is Ending.INTERRUPTED:
            return  # the bot was stopped meanwhile: the next process shows it
        turn.buttons_under = self._under
        if known.ended is None:
            self._endings.interrupted(turn)
        else:
            turn.answered_by = known.ended.model
            # Perhaps it must not be asked; a model that declined it would do so again.
            turn.withdrawn = known.ended.ending is Ending.FILTERED and not turn.answer.length
            now, ended = self._clock.monotonic(), known.ended
            turn.answer.end(ended.ending, now, mark=ended.mark, buttons=ended.buttons)
            turn.over.set()
        self._show(turn, reasoning=False, streaming=True)

    def _tell_that_it_failed(self, turn: Turn) -> None:
        """Also where nothing was to be shown yet: who asked is not left without a word."""
        self._endings.failed_unexpectedly(turn)
        if turn.showing is not None or turn.answer.ending is not Ending.FAILED:
            return
        try:
            self._show(turn, reasoning=False, streaming=True)
        except Exception:
            log.exception("turn %s in %s cannot be shown at all", turn.id, turn.question.place)

    async def _keep(self, turn: Turn, shown: asyncio.Task[Shown], tally: Tally) -> None:
        result: Shown | None = None
        try:
            result = await shown
        except asyncio.CancelledError:  # the driver has closed, or this task is to end
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
        by = f" by {turn.answered_by}" if turn.answered_by else ""
        log.info(
            "turn %s in %s%s: %s, %d characters, shown=%s",
            turn.id, turn.question.place, by, turn.answer.ending, turn.answer.length,
            result is not None and result.complete,
        )  # fmt: skip
        if turn.record is not None and not await turn.record.is_still_ours():
            return  # another process keeps it, and marks it
        if result is not None and result.reason in _GIVEN_UP and not result.marked:
            self._endings.broke_off(turn)
        await self._conversations.keep_answer(turn, tokens=tally.answer, model=turn.answered_by)
        if turn.kept:
            self._summaries.consider(turn)

    def _under(self, turn: Turn, ending: Ending, may_go_on: bool) -> tuple[Button, ...]:
        if turn.asked is None or not turn.surface.capabilities.buttons:
            return ()
        number, variants, goes_on = 1, 1, turn.id if may_go_on and turn.answer.length else ""
        if turn.again is not None:
            number, variants = turn.again.variants + 1, turn.again.variants + 1
        if turn.again is not None and turn.restored:
            number, variants, goes_on = turn.again.number, turn.again.variants, turn.again.goes_on
        return self._buttons.under(
            turn.question,
            turn.asked.id,
            goes_on,
            ending,
            number=number,
            variants=variants,
            may_go_on=bool(goes_on),
        )


def _is_left(turn: Turn) -> bool:
    """Whether the next process goes on with it: this one ended before it was begun with, or all shown."""
    if turn.shown is None:
        return turn.answer.ending is Ending.INTERRUPTED
    return turn.shown.cancelled()
