"""A turn: one question, the model's stream, one growing answer, one ending.

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
import secrets
from collections.abc import Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field

from core.catalogue import say
from core.configuration import ModelChoice
from core.conversation.history import ConversationKey, Exchange, History, Question
from core.conversation.window import is_blank, messages_for, prompt_size
from core.messages import MessageRef
from core.policy.spending import Reservation, Spending, size_of, size_within, tokens_in
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
from core.ports.surface import Surface
from core.service.choosing import Choices, Manner
from core.service.continuing import Continuations
from core.service.door import unanswered
from core.service.driver import Driver, Showing, Shown
from core.service.languages import language_of
from core.service.notices import Notices
from core.service.usage import Book, Counted
from core.streaming.answer import Answer, Ending
from core.streaming.operations import Button, ButtonStyle, NotSentReason

log = logging.getLogger(__name__)

STOP = "stop:"
"""What the Stop button's data begins with; the turn's id follows."""
_ANSWER_TOKENS = 1_024  # what is reserved for an answer whose length nobody limits; it may grow beyond
_LEAST_PROMPT_TOKENS = 200
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


class Turn:
    """What is known of one turn while it lives. `id` cannot be guessed: buttons can be forged."""

    def __init__(self, question: Question, key: ConversationKey, surface: Surface, answer: Answer) -> None:
        self.id = secrets.token_hex(8)
        self.question = question
        self.locale = language_of(question.asker, question.place)
        self.key = key
        self.surface = surface
        self.answer = answer
        self.answered_by = (
            ""  # the model that gave the answer, or the last one asked; its usage is booked to it
        )
        self.manner: Manner | None = None  # None: it has not begun
        self.forgotten = False  # whoever asked has had everything deleted: nothing of it is kept
        self.over = asyncio.Event()  # the answer has ended; it may not be shown yet
        self.showing: Showing | None = None
        self.shown: asyncio.Task[Shown] | None = None
        self._streaming: asyncio.Timeout | None = None

    @property
    def conversation_id(self) -> str | None:
        """None where the place is the conversation."""
        return self.key.id

    @property
    def messages(self) -> tuple[MessageRef, ...]:
        return self.showing.messages if self.showing else ()

    @property
    def place_gone(self) -> bool:
        """Nothing more can be shown where this was asked."""
        return (
            self.shown is not None
            and self.shown.done()
            and not self.shown.cancelled()
            and self.shown.result().reason is NotSentReason.PLACE_GONE
        )

    def close(self, ending: Ending, now: float, mark: str = "", buttons: tuple[Button, ...] = ()) -> None:
        """End the answer; the first ending wins. For the turn's own stream, which then returns."""
        self.answer.end(ending, now, mark=mark, buttons=buttons)
        self.over.set()

    def cut(self, ending: Ending, now: float, mark: str, buttons: tuple[Button, ...] = ()) -> bool:
        """End the answer from outside, and the model's stream at once; False when it has ended already."""
        if self.answer.ended:
            return False
        self.close(ending, now, mark, buttons)
        if self._streaming is not None:
            self._streaming.reschedule(0)
        return True

    async def until_cut(self, work: Coroutine[object, object, None]) -> None:
        """Await the work, or drop it when somebody cuts the turn.

        asyncio's time-out is its one scope that cancels what is inside and nothing else: it is set to
        now by `cut`, and otherwise never.
        """
        try:
            async with asyncio.timeout(None) as self._streaming:
                await work
        except TimeoutError:
            if not self.answer.ended:
                raise
        finally:
            self._streaming = None


@dataclass(slots=True)
class _Tally:
    """Tokens of one turn: what the provider counted, else an estimate."""

    prompt: int
    before: list[Counted] = field(
        default_factory=list
    )  # by models that gave nothing, before another was asked
    streamed: int = 0  # bytes: a delta is too small to be estimated alone
    covered: int = 0  # bytes that the reservation is known to cover: up to there no delta need ask it
    counted: Usage | None = None
    billed: bool = True

    @property
    def used(self) -> int:
        return self._earlier + self._own.prompt_tokens + self._own.completion_tokens

    def counts(self, model: str) -> tuple[Counted, ...]:
        """What each model used, the last one asked being `model`; only those that used anything."""
        own = Counted(model, self._own.prompt_tokens, self._own.completion_tokens)
        return (*self.before, own) if own.prompt_tokens or own.completion_tokens else tuple(self.before)

    def another_answers(self, than: str) -> None:
        """What model `than` counted stays its own; nothing that was streamed can be seen."""
        if self.counted:
            self.before.append(Counted(than, self.counted.prompt_tokens, self.counted.completion_tokens))
            self.counted = None
        self.streamed = self.covered = 0

    def within(self, reservation: Reservation) -> bool:
        """Whether the answer may go on: what it has used by now is covered, or has been counted anyway."""
        if self.streamed <= self.covered or self.counted is not None:
            return True
        if not reservation.covers(self.used):
            return False
        self.covered = size_within(reservation.tokens - self.prompt - self._earlier)
        return True

    @property
    def _own(self) -> Usage:
        """Of the last one asked."""
        if self.counted:
            return self.counted
        return Usage(self.prompt, tokens_in(self.streamed)) if self.billed else Usage(0, 0)

    @property
    def _earlier(self) -> int:
        return sum(one.prompt_tokens + one.completion_tokens for one in self.before)


class Turns:
    """Does turns; one instance for all. `choices`: asked how a question is answered, as its turn begins."""

    def __init__(
        self,
        *,
        completions: Completions,
        choices: Choices,
        driver: Driver,
        clock: Clock,
        spending: Spending,
        history: History,
        notices: Notices,
        continuations: Continuations,
        streams: int,
        book: Book | None = None,
    ) -> None:
        self._completions = completions
        self._choices = choices
        self._driver = driver
        self._clock = clock
        self._spending = spending
        self._history = history
        self._notices = notices
        self._continuations = continuations
        self._shown_less: dict[tuple[str, int], int] = {}  # than a model's budget, which it refused
        self._book = book
        self._streams = asyncio.Semaphore(streams)

    async def run(self, turn: Turn) -> None:
        """Answer the question; returns when the answer is shown as far as it can be."""
        try:
            async with self._streams:
                await self._answer(turn)
        except Exception:
            # Whatever went wrong in one turn, the questions that wait behind it are served.
            log.exception("turn %s in %s failed", turn.id, turn.question.place)
            self._close(
                turn,
                Ending.FAILED,
                say("ending.failed", turn.locale, reason=say("model.unexpected", turn.locale)),
            )
        if turn.shown is not None:
            self._keep(turn, await turn.shown)

    async def _answer(self, turn: Turn) -> None:
        question = turn.question
        if turn.answer.ended:
            unanswered("closing", question.event_id, question.place, question.asker)
            return
        manner = turn.manner = await self._choices.manner(question, turn.conversation_id)
        choice = manner.choice
        turn.answered_by = choice.model
        tally = _Tally(prompt=prompt_size(self._messages(turn, choice)))
        reservation = self._spending.reserve(prompt=tally.prompt, answer=choice.max_tokens or _ANSWER_TOKENS)
        if reservation is None:
            self._refuse_spent(turn)
            return
        stop = Button(STOP + turn.id, say("button.stop", turn.locale), ButtonStyle.DANGER)
        turn.showing = self._driver.show(
            turn.answer,
            turn.surface,
            reply_to=question.ref,
            stop=stop,
            private=question.private,
            nonce=turn.id,
            show_reasoning=manner.preferences.reasoning,
            streaming=manner.preferences.streaming,
            locale=turn.locale,
        )
        turn.shown = asyncio.get_running_loop().create_task(turn.showing.finished())
        # Shown before it has ended means that it is lost: the model need not go on for nobody.
        turn.shown.add_done_callback(lambda _: self._cut_lost(turn))
        limit = self._at_its_limit(turn)
        try:
            await turn.until_cut(self._stream(turn, choice, reservation, tally))
        except asyncio.CancelledError:
            self._close(turn, Ending.INTERRUPTED, say("ending.interrupted", turn.locale))
            raise
        finally:
            if limit is not None:
                limit.cancel()
            reservation.settle(tally.used)
            if self._book is not None and (counted := tally.counts(turn.answered_by)):
                await self._book(question.asker, question.place, counted)

    def _at_its_limit(self, turn: Turn) -> Timer | None:
        """Have the answer end while it still can where its platform lets none go on for ever."""
        if turn.surface.ends_at is None:
            return None
        return self._clock.call_at(turn.surface.ends_at, lambda: self._cut_at_limit(turn))

    def _cut_at_limit(self, turn: Turn) -> None:
        if turn.answer.ended or turn.showing is None or turn.showing.ends_at is None:
            return
        button = self._continuations.offer(turn.id, turn.question)
        buttons = (button,) if turn.surface.capabilities.buttons else ()
        turn.cut(Ending.LENGTH, self._clock.monotonic(), say("ending.limit", turn.locale), buttons)
        self._driver.changed(turn.answer)

    def _cut_lost(self, turn: Turn) -> None:
        if turn.cut(Ending.INTERRUPTED, self._clock.monotonic(), say("ending.interrupted", turn.locale)):
            log.info("turn %s in %s has no place any more", turn.id, turn.question.place)

    def _keep(self, turn: Turn, shown: Shown) -> None:
        log.info(
            "turn %s in %s by %s: %s, %d characters, shown=%s",
            turn.id, turn.question.place, turn.answered_by, turn.answer.ending, turn.answer.length,
            shown.complete,
        )  # fmt: skip
        if not turn.forgotten and (text := turn.answer.text.strip()):
            exchange = Exchange(turn.question, text, shown.messages, self._clock.monotonic())
            self._history.record(turn.key, exchange)

    async def _stream(self, turn: Turn, choice: ModelChoice, reservation: Reservation, tally: _Tally) -> None:
        while True:
            messages = self._messages(turn, choice)
            request = CompletionRequest(
                messages, choice.model, temperature=choice.temperature, max_tokens=choice.max_tokens
            )
            try:
                await self._stream_once(turn, request, reservation, tally)
            except ModelError as error:
                if self._may_show_less(error, turn, messages):
                    less = max(_LEAST_PROMPT_TOKENS, prompt_size(messages) // 2)
                    self._shown_less[choice.model, choice.prompt_tokens] = less
                    log.info("turn %s: too long for %s; from now on %d tokens", turn.id, choice.model, less)
                    continue
                tally.billed = bool(turn.answer.length) or error.kind not in _UNBILLED
                self._fail(turn, error)
            return

    async def _stream_once(
        self, turn: Turn, request: CompletionRequest, reservation: Reservation, tally: _Tally
    ) -> None:
        async with aclosing(self._completions.stream(request)) as events:
            async for event in events:
                self._take(turn, event, tally)
                if turn.answer.full:
                    self._close(turn, Ending.LENGTH, say("ending.length", turn.locale))
                elif not tally.within(reservation):
                    self._close(turn, Ending.LENGTH, say("ending.spent", turn.locale))
                if turn.answer.ended:
                    return
        raise ModelError(ModelErrorKind.BROKEN_STREAM, "the stream ended without its ending")

    def _take(self, turn: Turn, event: StreamEvent, tally: _Tally) -> None:
        now = self._clock.monotonic()
        match event:
            case Answering(model):
                tally.another_answers(turn.answered_by)
                turn.answered_by = model
            case TextDelta(text):
                tally.streamed += size_of(text)
                turn.answer.append(text, now)
                self._driver.changed(turn.answer)
            case ReasoningDelta(text):
                tally.streamed += size_of(text)
                turn.answer.append_reasoning(text)
            case Usage():
                tally.counted = event
            case Finished(reason):
                self._finish(turn, reason)

    def _finish(self, turn: Turn, reason: FinishReason) -> None:
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
            mark = say("ending.failed", turn.locale, reason=say(f"model.{error.kind}", turn.locale))
        if not turn.answer.length and not self._notices.may_fail_aloud(surface, question.asker):
            mark = ""
            if question.ref is not None:
                self._notices.react(surface, question.ref, "reaction.sorry")
        self._close(turn, Ending.FAILED, mark)

    def _may_show_less(self, error: ModelError, turn: Turn, messages: tuple[ChatMessage, ...]) -> bool:
        return (
            error.kind is ModelErrorKind.CONTEXT_TOO_LONG
            and not turn.answer.length
            and any(message.role == "assistant" for message in messages)
        )

    def _messages(self, turn: Turn, choice: ModelChoice) -> tuple[ChatMessage, ...]:
        before = self._history.before(turn.question, turn.key, self._clock.monotonic())
        return messages_for(
            turn.question,
            before if turn.manner is None or turn.manner.from_before else (),
            system_prompt=choice.system_prompt,
            prompt_tokens=self._shown_less.get((choice.model, choice.prompt_tokens), choice.prompt_tokens),
        )

    def _refuse_spent(self, turn: Turn) -> None:
        question = turn.question
        unanswered("spent", question.event_id, question.place, question.asker)
        minutes = -(-int(self._spending.resets_in_s()) // 60)
        words = say("spent", turn.locale, hours=minutes // 60, minutes=minutes % 60)
        self._notices.tell(turn.surface, question.asker, words, ref=question.ref, reaction="reaction.sorry")
        turn.close(Ending.FAILED, self._clock.monotonic(), words)

    def _close(self, turn: Turn, ending: Ending, mark: str) -> None:
        turn.close(ending, self._clock.monotonic(), mark)
        self._driver.changed(turn.answer)


def _is_invisible(turn: Turn) -> bool:
    """Whether nobody would see the answer where it was asked: an opened fence shows nothing on Telegram."""
    sample = turn.answer.text.strip()[:_SAMPLE]
    return is_blank(turn.surface.capabilities.renderer.render(sample).text)
