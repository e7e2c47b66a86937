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
from contextlib import aclosing
from functools import partial

from core.catalogue import say
from core.configuration import ModelChoice
from core.conversation.catchup import Citations, transcript
from core.conversation.history import Question
from core.conversation.preferences import Sees
from core.conversation.tokens import Budgets
from core.conversation.window import is_blank, messages_for, prompt_size
from core.messages import Person
from core.policy.budgets import Refused
from core.policy.spending import estimate_tokens, size_of
from core.ports.clock import Clock, Timer
from core.ports.completions import (
    Answering,
    ChatMessage,
    CompletionRequest,
    Completions,
    Finished,
    FinishReason,
    ModelError,
    ModelErrorKind,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    Usage,
)
from core.service.buttons import GOES_ON, Buttons
from core.service.choosing import Choices
from core.service.conversations import Conversations
from core.service.door import unanswered
from core.service.driver import Driver, Shown
from core.service.failures import reason_of
from core.service.moderated import Side
from core.service.moderating import Moderator, NotPassedError
from core.service.notices import Notices
from core.service.refusals import mark_of, words_of
from core.service.spending import Reservation, Spending
from core.service.steps import Known
from core.service.summaries import Summaries
from core.service.surroundings import Surroundings
from core.service.turn import Tally, Turn
from core.service.usage import Book
from core.streaming.answer import Ending
from core.streaming.operations import Button, NotSentReason

log = logging.getLogger(__name__)

_ANSWER_TOKENS = 1_024  # what is reserved for an answer whose length nobody limits; it may grow beyond
_OF_THE_PROMPT_ASKED, _OF_THE_PROMPT = (
    0.7,
    0.3,
)  # at most, for what was said around: asked for just that; else
_SAMPLE = 1_000  # characters: whatever shows nothing in so many shows nothing
_UNBILLED = frozenset(  # errors with which a provider refuses before it does any work
    {
        ModelErrorKind.UNREACHABLE,
        ModelErrorKind.NOT_AN_API,
        ModelErrorKind.UNAUTHORIZED,
        ModelErrorKind.UNKNOWN_MODEL,
        ModelErrorKind.RATE_LIMITED,
        ModelErrorKind.NO_CREDIT,
        ModelErrorKind.CONTEXT_TOO_LONG,
        ModelErrorKind.BAD_REQUEST,
    }
)


class Turns:
    """Does turns; one instance for all. `choices`: asked how a question is answered, as its turn begins.
    `shut_out`: whether whoever was let in may ask there no more by now; `is_admin`: of the bot."""

    def __init__(
        self,
        *,
        completions: Completions,
        choices: Choices,
        driver: Driver,
        clock: Clock,
        spending: Spending,
        conversations: Conversations,
        summaries: Summaries,
        surroundings: Surroundings,
        budgets: Budgets,
        notices: Notices,
        buttons: Buttons,
        shut_out: Callable[[Question], Awaitable[bool]],
        is_admin: Callable[[Person], bool],
        streams: int,
        book: Book | None = None,
        moderator: Moderator | None = None,
    ) -> None:
        self._completions = completions
        self._choices = choices
        self._driver = driver
        self._clock = clock
        self._spending = spending
        self._conversations = conversations
        self._summaries = summaries
        self._surroundings = surroundings
        self._budgets = budgets
        self._notices = notices
        self._buttons = buttons
        self._shut_out = shut_out
        self._is_admin = is_admin
        self._book = book
        self._moderator = moderator
        self._streams = asyncio.Semaphore(streams)

    async def run(self, turn: Turn) -> None:
        """Answer the question; returns when the answer is shown and kept as far as it can be."""
        tally = Tally(0)
        try:
            try:
                async with self._streams:
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
        reason = "duplicate" if not ours else "closing" if turn.answer.ended else ""
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
        if turn.asked is None:
            turn.earlier = await self._surroundings.chain(question, turn.surface)
        await self._conversations.prepare(turn)
        if turn.asked is not None and self._surroundings.withholds((turn.asked.asker,), question.place):
            # Since it was asked, as before a restart; or somebody else wants it answered again.
            unanswered("denied", question.event_id, question.place, question.asker)
            return
        if self._surroundings.withholds(turn.speakers, question.place):
            turn.summary = None  # it may tell of what is withheld
        admin = self._is_admin(question.payer)
        manner = turn.manner = await self._choices.manner(question, turn.conversation_id, admin=admin)
        choice = manner.choice
        self._answers(turn, choice.model)
        if manner.from_before:
            await self._conversations.read(turn, self._budgets.of(choice, turn.conversation_id))
            turn.path = self._surroundings.of_the_served(turn.path, question.place)
        await self._leave_out_quotes(turn)
        if self._is_void(turn):
            return
        if manner.preferences.sees is Sees.CHANNEL and not question.about:
            turn.about = await self._surroundings.lately(question, turn.conversation_id, turn.surface)
        tally.prompt = prompt_size(self._messages(turn, choice))
        answer = choice.max_tokens or _ANSWER_TOKENS
        reservation = await self._spending.reserve(
            question.payer, question.place, choice.model, prompt=tally.prompt, answer=answer
        )
        if isinstance(reservation, Refused):
            self._refuse(turn, reservation)
            return
        limit: Timer | None = None
        tally.billed = False  # until the model is asked
        try:
            turn.buttons_under = partial(self._under, turn)
            await self._conversations.keep_question(turn)
            self._show(turn, reasoning=manner.preferences.reasoning, streaming=manner.preferences.streaming)
            limit = self._at_its_limit(turn)
            tally.billed = not turn.answer.ended
            if not turn.answer.ended:  # else it was cut before the model was asked
                await turn.until_cut(self._stream(turn, choice, reservation, tally))
        except asyncio.CancelledError:
            self._close(turn, Ending.INTERRUPTED, say("ending.interrupted", turn.locale))
            raise
        finally:
            if limit is not None:
                limit.cancel()
            counted = tally.counts(turn.answered_by)
            await reservation.settle(counted)
            if self._book is not None and counted:
                await self._book(question.payer, question.place, counted)

    def _is_void(self, turn: Turn) -> bool:
        """Whether nothing is left to ask, as after the store was asked; who asked is told."""
        question = turn.question
        if turn.forgotten:
            unanswered("forgotten", question.event_id, question.place, question.asker)
            return True
        if turn.asked is None or not (is_blank(turn.asked.text) and is_blank(turn.asked.quote)):
            return False
        # It was nothing but a quote, and whoever wrote that was forgotten, or is withheld by now.
        unanswered("empty", question.event_id, question.place, question.payer)
        words = say("message.empty", turn.locale)
        self._notices.reply(turn.surface, question.payer, words, ref=question.reply_to)
        return True

    async def _leave_out_quotes(self, turn: Turn) -> None:
        """Of what they wrote who are denied, or apart from others' questions, by now."""
        messages = (*turn.path, *filter(None, [turn.asked]))
        quoted = {person for message in messages for person in message.quotes}
        turn.leave_out_quotes_of(await self._surroundings.withheld(quoted, turn.question))

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
            standing=turn.known.standing if turn.known else (),
            recorder=turn.record,
        )
        turn.shown = asyncio.get_running_loop().create_task(turn.showing.finished())
        # Shown before it has ended means that it is lost: the model need not go on for nobody.
        turn.shown.add_done_callback(lambda _: self._cut_lost(turn))

    async def _show_what_is_known(self, turn: Turn, known: Known) -> None:
        """Of an answer that another process had begun to show: with the ending that it had, or a mark that it
        was interrupted."""
        await self._conversations.find_question(turn)
        if (
            turn.answer.ending is Ending.INTERRUPTED
        ):  # the bot was stopped meanwhile: the next process shows it
            return
        turn.buttons_under = partial(self._under, turn)
        if known.ended is None:
            self._close(turn, Ending.INTERRUPTED, say("ending.interrupted", turn.locale))
        else:
            turn.answered_by = known.ended.model
            # Perhaps it must not be asked; a model that declined it would do so again.
            turn.withdrawn = known.ended.ending is Ending.FILTERED and not turn.answer.length
            now, ended = self._clock.monotonic(), known.ended
            turn.answer.end(ended.ending, now, mark=ended.mark, buttons=ended.buttons)
            turn.over.set()
        self._show(turn, reasoning=False, streaming=True)

    def _at_its_limit(self, turn: Turn) -> Timer | None:
        """Have the answer end while it still can where its platform lets none go on for ever."""
        if turn.surface.ends_at is None:
            return None
        return self._clock.call_at(turn.surface.ends_at, lambda: self._cut_at_limit(turn))

    def _cut_at_limit(self, turn: Turn) -> None:
        if turn.answer.ended or turn.showing is None or turn.showing.ends_at is None:
            return
        turn.cut(Ending.LENGTH, self._clock.monotonic(), say("ending.limit", turn.locale))
        self._driver.changed(turn.answer)

    def _cut_lost(self, turn: Turn) -> None:
        if turn.cut(Ending.INTERRUPTED, self._clock.monotonic(), say("ending.interrupted", turn.locale)):
            log.info("turn %s in %s has no place any more", turn.id, turn.question.place)

    def _tell_that_it_failed(self, turn: Turn) -> None:
        """Also where nothing was to be shown yet: who asked is not left without a word."""
        reason = say("model.unexpected", turn.locale)
        self._close(turn, Ending.FAILED, say("ending.failed", turn.locale, reason=reason))
        if turn.showing is not None or turn.answer.ending is not Ending.FAILED:
            return
        try:
            self._show(turn, reasoning=False, streaming=True)
        except Exception:
            log.exception("turn %s in %s cannot be shown at all", turn.id, turn.question.place)

    async def _keep(self, turn: Turn, shown: asyncio.Task[Shown], tally: Tally) -> None:
        complete = False
        try:
            result = await shown
            complete = result.complete
            if result.reason is NotSentReason.UNAVAILABLE:
                self._tell_that_it_broke_off(turn, result)
        except asyncio.CancelledError:  # the driver has closed, or this task is to end
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
        log.info(
            "turn %s in %s by %s: %s, %d characters, shown=%s",
            turn.id, turn.question.place, turn.answered_by, turn.answer.ending, turn.answer.length, complete,
        )  # fmt: skip
        if turn.record is not None and not await turn.record.is_still_ours():
            return  # another process keeps it
        await self._conversations.keep_answer(turn, tokens=tally.answer, model=turn.answered_by)
        if turn.kept:
            self._summaries.consider(turn)

    def _tell_that_it_broke_off(self, turn: Turn, shown: Shown) -> None:
        """Its platform was given up, as after two sends of which nobody knows whether they were taken. Below
        whatever stands there by now this is its one ending mark; where all of it may stand there, and its own
        mark with it, only a reaction says that it may not."""
        question = turn.question
        if shown.end_in_doubt and not shown.messages and question.reply_to is not None:
            self._notices.react(turn.surface, question.reply_to, "reaction.sorry")
        elif shown.messages or not shown.end_in_doubt:
            words = f"*{say('ending.broken', turn.locale)}*"
            ref = question.reply_to
            self._notices.mark(turn.surface, question.asker, words, ref=ref, private=question.private)

    def _under(self, turn: Turn, ending: Ending, may_go_on: bool) -> tuple[Button, ...]:
        if turn.asked is None or not turn.surface.capabilities.buttons:
            return ()
        number, variants = 1, 1
        if turn.again is not None:
            earlier, variants = turn.again.number, turn.again.variants
            number, variants = (earlier, variants) if turn.restored else (variants + 1, variants + 1)
        goes_on = may_go_on and ending in GOES_ON and bool(turn.answer.length) and not turn.restored
        return self._buttons.under(
            turn.question,
            turn.asked.id,
            turn.id,
            number=number,
            variants=variants,
            goes_on=goes_on,
            interrupted=ending is Ending.INTERRUPTED,
        )

    async def _stream(self, turn: Turn, choice: ModelChoice, reservation: Reservation, tally: Tally) -> None:
        while True:
            messages = self._messages(turn, choice)
            request = CompletionRequest(
                messages, choice.model, temperature=choice.temperature, max_tokens=choice.max_tokens
            )
            try:
                await self._stream_once(turn, request, reservation, tally)
            except NotPassedError as error:
                self._end_by_rule(turn, error)
            except ModelError as error:
                if self._may_show_less(error, turn, messages):
                    tokens = self._budgets.refused(
                        choice, turn.conversation_id, estimated=prompt_size(messages)
                    )
                    log.info("turn %s: too long for %s; from now on %d tokens", turn.id, choice.model, tokens)
                    if prompt_size(self._messages(turn, choice)) < prompt_size(messages):
                        continue
                tally.billed = bool(turn.answer.length) or error.kind not in _UNBILLED
                self._fail(turn, error)
            return

    async def _stream_once(
        self, turn: Turn, request: CompletionRequest, reservation: Reservation, tally: Tally
    ) -> None:
        events = self._completions.stream(request)
        if self._moderator is not None:
            events = self._moderator.over(events, turn, tally)
        async with aclosing(events):
            async for event in events:
                self._take(turn, event, tally)
                if isinstance(event, Usage):
                    self._budgets.learn(
                        turn.answered_by,
                        turn.conversation_id,
                        estimated=prompt_size(request.messages),
                        counted=event.prompt_tokens,
                    )
                if turn.answer.full:
                    self._close(turn, Ending.LENGTH, say("ending.length", turn.locale))
                elif (refused := await tally.beyond(reservation)) is not None:
                    self._close(turn, Ending.LENGTH, mark_of(refused, turn.locale), may_go_on=False)
                if turn.answer.ended:
                    return
        raise ModelError(ModelErrorKind.BROKEN_STREAM, "the stream ended without its ending")

    def _take(self, turn: Turn, event: StreamEvent, tally: Tally) -> None:
        now = self._clock.monotonic()
        match event:
            case Answering(model):
                tally.another_answers(turn.answered_by)
                self._answers(turn, model)
            case TextDelta(text):
                turn.let_go_of_what_was_said()
                tally.streamed += size_of(text)
                turn.answer.append(turn.citations.feed(text) if turn.citations else text, now)
                self._driver.changed(turn.answer)
            case ReasoningDelta(text):
                tally.streamed += size_of(text)
                turn.answer.append_reasoning(text)
            case Usage():
                tally.counted = event
            case Finished(reason):
                self._finish(turn, reason)

    def _answers(self, turn: Turn, model: str) -> None:
        turn.answered_by = model
        if turn.record is not None:
            turn.record.model = model

    def _finish(self, turn: Turn, reason: FinishReason) -> None:
        self._flush(turn)
        if reason is FinishReason.CONTENT_FILTER:
            self._close(turn, Ending.FILTERED, say("ending.filtered", turn.locale))
        elif not turn.messages and _is_invisible(turn):
            raise ModelError(ModelErrorKind.EMPTY, f"no text, finish_reason {reason}")
        elif reason is FinishReason.LENGTH:
            self._close(turn, Ending.LENGTH, say("ending.length", turn.locale))
        else:
            self._close(turn, Ending.COMPLETE, "")

    def _fail(self, turn: Turn, error: ModelError) -> None:
        question, surface = turn.question, turn.surface
        log.warning("turn %s in %s by %s: %s", turn.id, question.place, question.asker, error)
        if error.kind is ModelErrorKind.EMPTY:
            mark = say("ending.empty", turn.locale)
        else:
            mark = say("ending.failed", turn.locale, reason=reason_of(error, turn.locale))
        if not turn.answer.length and not self._notices.may_fail_aloud(surface, question.asker):
            mark = ""
            if question.reply_to is not None:
                self._notices.react(surface, question.reply_to, "reaction.sorry")
        self._close(turn, Ending.FAILED, mark)

    def _end_by_rule(self, turn: Turn, error: NotPassedError) -> None:
        """A question that must not be asked is let go of, too: else the next one could lead back to it."""
        if error.side is Side.INPUT and turn.again is None:
            turn.withdrawn, turn.buttons_under = True, None
        self._close(turn, Ending.FILTERED, error.mark)

    def _may_show_less(self, error: ModelError, turn: Turn, messages: tuple[ChatMessage, ...]) -> bool:
        return (
            error.kind is ModelErrorKind.CONTEXT_TOO_LONG
            and not turn.answer.length
            and (bool(turn.about) or any(message.role == "assistant" for message in messages))
        )

    def _messages(self, turn: Turn, choice: ModelChoice) -> tuple[ChatMessage, ...]:
        if turn.asked is None:
            raise RuntimeError("the question is not prepared")
        budget = self._budgets.of(choice, turn.conversation_id)
        from_before = turn.manner is None or turn.manner.from_before
        return messages_for(
            turn.asked,
            turn.path,
            system_prompt=choice.system_prompt,
            prompt_tokens=budget,
            named=from_before and turn.named,
            summary=turn.summary if from_before else None,
            locale=turn.locale,
            context=self._context(turn, choice, budget),
        )

    def _context(self, turn: Turn, choice: ModelChoice, budget: int) -> str:
        """What was said around the question, as far as there is room."""
        if not turn.about or turn.asked is None:
            return ""
        asked_for = bool(turn.question.about)
        room = budget - estimate_tokens(choice.system_prompt or "") - estimate_tokens(turn.asked.text)
        share = _OF_THE_PROMPT_ASKED if asked_for else _OF_THE_PROMPT
        told = transcript(turn.about, tokens=int(room * share), numbered=asked_for)
        if asked_for:
            turn.citations = Citations(told.links)
        return told.words

    def _flush(self, turn: Turn) -> None:
        """What was held back because it could have become a citation."""
        if turn.citations is not None and not turn.answer.ended and (rest := turn.citations.end()):
            turn.answer.append(rest, self._clock.monotonic())

    def _refuse(self, turn: Turn, refused: Refused) -> None:
        question = turn.question
        unanswered(f"spent_{refused.why}", question.event_id, question.place, question.payer)
        words = words_of(refused, turn.locale)
        self._notices.tell(
            turn.surface, question.payer, words, ref=question.reply_to, reaction="reaction.sorry"
        )
        turn.close(Ending.FAILED, self._clock.monotonic(), words)

    def _close(self, turn: Turn, ending: Ending, mark: str, *, may_go_on: bool = True) -> None:
        self._flush(turn)
        turn.close(ending, self._clock.monotonic(), mark, may_go_on=may_go_on)
        self._driver.changed(turn.answer)


def _is_left(turn: Turn) -> bool:
    """Whether the next process goes on with it: this one ended before it was begun with, or all shown."""
    if turn.shown is None:
        return turn.answer.ending is Ending.INTERRUPTED
    return turn.shown.cancelled()


def _is_invisible(turn: Turn) -> bool:
    """Whether nobody would see the answer where it was asked: an opened fence shows nothing on Telegram."""
    sample = turn.answer.text.strip()[:_SAMPLE]
    return is_blank(turn.surface.capabilities.renderer.render(sample).text)
