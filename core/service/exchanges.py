"""What people do with exchanges that were had: answer again, choose a variant, take back, begin anew.

To have one go on is `continuing.py`, to take up a conversation again `resuming.py`. A button, a command and
a message's menu all come here. Each returns the key of the words to tell the person, "" where what happens
speaks for itself. Only who asked may, or who manages messages there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from core.catalogue import say
from core.conversation.history import Joined, Question, lane_of, shown_in, stands_in
from core.conversation.window import is_withdrawn
from core.messages import MessageRef, Person, Place
from core.ports.clock import Clock
from core.ports.store import LaneKey, Message, StoreError
from core.service.buttons import Buttons
from core.service.caller import Caller
from core.service.continuing import Continuing
from core.service.conversations import Conversations, new_id
from core.service.driver import Driver
from core.service.endings import Endings
from core.service.exchange_lookup import ExchangeLookup
from core.service.languages import language_of
from core.service.queue import TurnQueue
from core.service.turn import Again, Turn
from core.streaming.answer import Answer, Ending
from core.streaming.operations import Button

log = logging.getLogger(__name__)

_MARKS: Final = MappingProxyType(  # under a variant that is shown again: why it failed is not kept
    {
        Ending.LENGTH: "ending.length",
        Ending.FILTERED: "ending.filtered_once",
        Ending.STOPPED: "ending.stopped",
        Ending.INTERRUPTED: "ending.interrupted",
        Ending.FAILED: "ending.broken",
    }
)
DONE: Final = frozenset({"new.done", "stop.done", "undo.done", "resume.done"})
"""What is said where something was done, which is not to be done again."""


@dataclass(frozen=True, slots=True)
class Retried:
    """`key`: as of all others here. `over`: the messages whose place the new answer takes, in order; none
    where it comes as a new one, or not at all."""

    key: str
    over: tuple[MessageRef, ...] = ()


class Exchanges:
    """`line_up`: puts a turn into the queue and says whether there was room."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        lookup: ExchangeLookup,
        continuing: Continuing,
        queue: TurnQueue,
        endings: Endings,
        driver: Driver,
        clock: Clock,
        buttons: Buttons,
        line_up: Callable[[Turn], bool],
        max_answer_chars: int,
    ) -> None:
        self._conversations = conversations
        self._store = conversations.store
        self._lookup = lookup
        self._continuing = continuing
        self._queue = queue
        self._endings = endings
        self._driver = driver
        self._clock = clock
        self._buttons = buttons
        self._line_up = line_up
        self._max_answer_chars = max_answer_chars

    async def new(self, place: Place, person: Person, *, private: bool = False) -> str:
        """The next question there begins a conversation."""
        lane = lane_of(place, person, private=private)
        async with self._conversations.lanes.lock(lane):
            await self._conversations.move(lane, new_id(), None)
        return "new.done"

    def stop(self, place: Place, person: Person) -> str:
        """End the answer that grows there: the person's own, else another's where they manage messages."""
        running = [turn for turn in self._queue.running if str(turn.question.place) == str(place)]
        theirs = [turn for turn in running if turn.question.asker.id == person.id]
        if not running:
            return "stop.nothing"
        if not theirs and not person.manages_messages:
            return "stop.not_yours"
        return self.end((theirs or running)[-1])

    def end(self, turn: Turn) -> str:
        """End a turn as a person's wish."""
        if self._endings.stopped(turn):
            return "stop.done"
        # Its ending is on the way to the platform.
        return "stop.done" if turn.answer.ending is Ending.STOPPED else "stop.finishing"

    async def retry(self, caller: Caller, ref: MessageRef | None = None) -> Retried:
        """Answer a question again: that of the answer shown by `ref`, else the last one of their lane."""
        found = await self._lookup.found(caller, ref)
        question = None if ref is not None else await self._lookup.unanswered(caller, found)
        question = question or await self._lookup.question_of(found)
        if question is None:
            return Retried("retry.unknown")
        return await self.retry_question(caller, question, ref)

    async def retry_question(
        self, caller: Caller, question: Message, ref: MessageRef | None = None
    ) -> Retried:
        """The variant takes the place of the answer that stands there, which `ref` shows if it is given."""
        if not caller.may_change(question):
            return Retried("retry.not_yours")
        async with self._lookup.changing(question.id):
            return await self._retry(caller, question, ref)

    async def _retry(self, caller: Caller, question: Message, ref: MessageRef | None) -> Retried:
        place = caller.place
        if not await self._lookup.is_kept(question.id):
            return Retried("retry.busy")
        kept = await self._store.message(question.id)
        if kept is None or is_withdrawn(kept):  # meanwhile
            return Retried("retry.unknown")
        question = kept
        answers = await self._store.answers(question.id)
        shown, over = await self._lookup.standing(answers, place)
        asked_by = await self._lookup.ref_of(question, place)
        if not over and ref is not None and shown is None and ref != asked_by:
            over = (ref.message_id,)  # what stands there is no answer but a mark
        again = Again(
            question,
            over,
            earlier=shown.text if shown else "",
            number=answers.index(shown) + 1 if shown else 0,
            variants=len(answers),
            goes_on=shown.id if shown and self._continuing.may_go_on(shown) else "",
            told=bool(over) and caller.surface.capabilities.private_answers and not caller.pressed,
        )
        asker = caller.asker_of(question)
        by = None if asker is caller.person else caller.person
        asked = Question(caller.event_id, place, asker, question.text, asked_by, by=by)
        joined = Joined(question.conversation_id, question.parent_id, lane_of(place, asker))
        turn = Turn(asked, joined, caller.channel, self._answer(), again)
        await self._driver.buttons_settled(caller.surface, over)
        if not self._line_up(turn):
            return Retried("busy")
        return Retried("", tuple(MessageRef(place.chat_id, message_id) for message_id in over))

    async def step(self, caller: Caller, question_id: str, number: int) -> str:
        """Show the `number`th answer to a question, from 1, in place of the one that stands there."""
        question = await self._store.message(question_id)
        if question is None:
            return "variant.unknown"
        if not caller.may_change(question):
            return "variant.not_yours"
        async with self._lookup.changing(question_id):
            if not await self._lookup.is_kept(question_id):
                return "retry.busy"
            answers = await self._store.answers(question_id)
            shown, over = await self._lookup.standing(answers, caller.place)
            if not over or not 1 <= number <= len(answers):
                return "variant.unknown"
            if answers[number - 1] != shown:
                chosen = answers[number - 1]
                buttons = self._buttons_of(caller, question, chosen, number, len(answers))
                await self._driver.buttons_settled(caller.surface, over)
                await self._show(caller, chosen, over, buttons)
        return ""

    async def undo(self, caller: Caller, *, private: bool = False) -> str:
        """Take back the last exchange of their lane, with its messages: the question's where we may."""
        lane = lane_of(caller.place, caller.person, private=private)
        await self._lookup.settled(lane)
        meant = await self._last_exchange(lane)
        async with AsyncExitStack() as held:
            for question in meant:
                await held.enter_async_context(self._lookup.changing(question.id))
            await held.enter_async_context(self._conversations.lanes.lock(lane))
            kept = await self._conversations.lanes.end(lane)
            running = (turn for turn in self._queue.turns if not turn.finished.is_set())
            if kept is not None and any(turn.conversation_id == kept.conversation_id for turn in running):
                return "undo.busy"
            exchange = await self._last_exchange(lane)
            if not exchange:
                return "undo.nothing"
            if not caller.may_change(exchange[-1]):
                return "undo.not_yours"
            if [one.id for one in exchange] != [one.id for one in meant]:  # another was asked meanwhile
                return "undo.busy"
            stood = [await self._messages_of(question, caller.place) for question in exchange]
            try:
                for question in exchange:
                    await self._store.remove(question.id)
            except StoreError as error:
                log.error("an exchange in %s cannot be taken back: %s", caller.place, error)
                return "not_stored"
        for over, asked in stood:
            self._driver.delete(caller.channel, over)
            self._driver.delete(caller.channel, asked)
        return "undo.done"

    async def _last_exchange(self, lane: LaneKey) -> tuple[Message, ...]:
        kept = await self._conversations.lanes.end(lane)
        last = await self._store.message(kept.leaf_id) if kept and kept.leaf_id else None
        return await self._lookup.exchange_of(last)

    async def _messages_of(self, question: Message, place: Place) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What stands there of its answer, and of the question itself."""
        _, over = await self._lookup.standing(await self._store.answers(question.id), place)
        shows = await self._store.shows(question.id)
        return over, tuple(one.message_id for one in shows if stands_in(one, place))

    async def _show(
        self, caller: Caller, chosen: Message, over: tuple[str, ...], buttons: tuple[Button, ...]
    ) -> None:
        answer, now = self._answer(), self._clock.monotonic()
        answer.append(chosen.text, now)
        ending = _ending_of(chosen)
        locale = language_of(caller.person, caller.place)
        answer.end(ending, now, mark=_mark_of(ending, locale), buttons=buttons)
        showing = self._driver.show(
            answer, caller.channel, notice=True, nonce=new_id(), locale=locale, over=over
        )
        shown = await showing.finished()
        place = self._conversations.lanes.now_at(caller.place)
        lane = lane_of(place, caller.asker_of(chosen))
        stands = shown_in(lane, [ref.message_id for ref in shown.messages if ref.chat_id == place.chat_id])
        await self._conversations.show_variant(lane, chosen, stands)

    def _buttons_of(
        self, caller: Caller, question: Message, answer: Message, number: int, variants: int
    ) -> tuple[Button, ...]:
        asked = Question("", caller.place, caller.asker_of(question), question.text)
        return self._buttons.under(
            asked,
            question.id,
            answer.id,
            answer.ending,
            number=number,
            variants=variants,
            may_go_on=self._continuing.may_go_on(answer),
        )

    def _answer(self) -> Answer:
        return Answer(max_chars=self._max_answer_chars)


def _ending_of(answer: Message) -> Ending:
    return next((ending for ending in Ending if ending == answer.ending), Ending.COMPLETE)


def _mark_of(ending: Ending, locale: str | None) -> str:
    key = _MARKS.get(ending)
    return say(key, locale) if key else ""
