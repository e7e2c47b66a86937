"""What people do with exchanges that were had: answer again, choose a variant, go on, take back, begin anew.

A button, a command and a message's menu all come here. Each returns the key of the words to tell the person,
"" where what happens speaks for itself. Only who asked may, or who manages messages there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final
from weakref import WeakValueDictionary

from core.catalogue import say
from core.conversation.history import Joined, Question, lane_of, shown_in, stands_in, was_private
from core.messages import MessageRef, Person, Place
from core.ports.clock import Clock
from core.ports.store import Lane, LaneKey, Message, Role, StoreError
from core.ports.surface import Surface
from core.service.buttons import GOES_ON, Buttons
from core.service.conversations import Conversations, new_id
from core.service.driver import Driver
from core.service.endings import Endings
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
_CONTINUED = 1_000  # answers of which it is remembered that they went on


@dataclass(frozen=True, slots=True)
class Caller:
    """Who wants something, and where. `surface`: where an answer to the event belongs; `pressed`: it is a
    press on a button, which needs no answer that everybody sees."""

    place: Place
    person: Person
    surface: Surface
    event_id: str
    pressed: bool = False


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
        self._queue = queue
        self._endings = endings
        self._driver = driver
        self._clock = clock
        self._buttons = buttons
        self._line_up = line_up
        self._max_answer_chars = max_answer_chars
        self._continued: dict[str, None] = {}
        self._changes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

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
        found = await self._found(caller, ref)
        question = None if ref is not None else await self._died(caller, found)
        question = question or await self._question_of(found)
        if question is None:
            return Retried("retry.unknown")
        return await self.retry_question(caller, question, ref)

    async def retry_question(
        self, caller: Caller, question: Message, ref: MessageRef | None = None
    ) -> Retried:
        """The variant takes the place of the answer that stands there, which `ref` shows if it is given."""
        if not _may(caller.person, question):
            return Retried("retry.not_yours")
        async with self._changing(question.id):
            return await self._retry(caller, question, ref)

    async def _retry(self, caller: Caller, question: Message, ref: MessageRef | None) -> Retried:
        place = caller.place
        if not await self._is_kept(question.id):
            return Retried("retry.busy")
        answers = await self._store.answers(question.id)
        shown, over = await self._standing(answers, place)
        if not over and ref is not None and shown is None and ref != await self._ref_of(question, place):
            over = (ref.message_id,)  # what stands there is no answer but a mark
        again = Again(
            question,
            over,
            earlier=shown.text if shown else "",
            number=answers.index(shown) + 1 if shown else 0,
            variants=len(answers),
            told=bool(over) and caller.surface.capabilities.private_answers and not caller.pressed,
        )
        asker = _asker_of(question, caller)
        by = None if asker is caller.person else caller.person
        ref_of_it = await self._ref_of(question, place)
        asked = Question(caller.event_id, place, asker, question.text, ref_of_it, by=by)
        joined = Joined(question.conversation_id, question.parent_id, lane_of(place, asker))
        turn = Turn(asked, joined, _channel_of(caller.surface), self._answer(), again)
        await self._driver.buttons_settled(caller.surface, over)
        if not self._line_up(turn):
            return Retried("busy")
        return Retried("", tuple(MessageRef(place.chat_id, message_id) for message_id in over))

    async def step(self, caller: Caller, question_id: str, number: int) -> str:
        """Show the `number`th answer to a question, from 1, in place of the one that stands there."""
        question = await self._store.message(question_id)
        if question is None:
            return "variant.unknown"
        if not _may(caller.person, question):
            return "variant.not_yours"
        async with self._changing(question_id):
            if not await self._is_kept(question_id):
                return "retry.busy"
            answers = await self._store.answers(question_id)
            shown, over = await self._standing(answers, caller.place)
            if not over or not 1 <= number <= len(answers):
                return "variant.unknown"
            if answers[number - 1] != shown:
                chosen = answers[number - 1]
                buttons = self._buttons_of(caller, question, chosen, number, len(answers))
                await self._driver.buttons_settled(caller.surface, over)
                await self._show(caller, chosen, over, buttons)
        return ""

    async def go_on(self, caller: Caller, ref: MessageRef | None = None) -> str:
        """Have a cut answer go on: the one shown by `ref`, else the last one of their lane."""
        found = await self._found(caller, ref)
        return "continue.nothing" if found is None else await self.go_on_from(caller, found.id)

    async def go_on_from(self, caller: Caller, answer_id: str, ref: MessageRef | None = None) -> str:
        """Once for each answer: then its button goes. `ref`: whose button was pressed."""
        await self._is_kept(answer_id)
        answer = await self._store.message(answer_id)
        if answer is None or answer.ending not in GOES_ON:
            if ref is not None:
                self._driver.put_buttons(caller.surface, ref.message_id, ())
            return "continue.over" if caller.pressed else "continue.nothing"
        shows = await self._store.shows(answer.id)
        private = any(map(was_private, shows))
        key = await self._go_on_from(caller, answer, private)
        here = [one.message_id for one in shows if stands_in(one, caller.place)]
        stands = ref.message_id if ref is not None else next(reversed(here), "")
        if key in {"", "continue.already"} and stands:
            await self._take_continue(caller, answer, stands, private)
        return key

    async def _go_on_from(self, caller: Caller, answer: Message, private: bool) -> str:
        if not _may(caller.person, answer):
            return "continue.not_yours"
        if answer.id in self._continued:
            return "continue.already"
        lane = lane_of(caller.place, caller.person, private=private)
        async with self._conversations.lanes.lock(lane):
            if answer.id in self._continued:  # by a press that came at the same time
                return "continue.already"
            words = say("continue.question", language_of(caller.person, caller.place))
            event_id = f"continue:{answer.id}"  # so that the journal takes it once, whoever presses again
            question = Question(event_id, caller.place, caller.person, words, private=private)
            joined = Joined(answer.conversation_id, answer.id, lane)
            by_channel = caller.pressed and not private
            surface = _channel_of(caller.surface) if by_channel else caller.surface
            turn = Turn(question, joined, surface, self._answer())
            if not self._line_up(turn):
                return "busy"
            self._continued[answer.id] = None
            if len(self._continued) > _CONTINUED:
                del self._continued[next(iter(self._continued))]
            if turn.record is not None and not await turn.record.is_ours():
                return "continue.already"  # in a process before this one
            await self._conversations.move(lane, answer.conversation_id, answer.id)
        return ""

    async def undo(self, caller: Caller, *, private: bool = False) -> str:
        """Take back the last exchange of their lane, with its messages: the question's where we may."""
        lane = lane_of(caller.place, caller.person, private=private)
        await self._settled(lane)
        async with self._conversations.lanes.lock(lane):
            kept = await self._conversations.lanes.end(lane)
            running = (turn for turn in self._queue.turns if not turn.finished.is_set())
            if kept is not None and any(_is_of(turn, kept) for turn in running):
                return "undo.busy"
            last = await self._store.message(kept.leaf_id) if kept and kept.leaf_id else None
            question = await self._question_of(last)
            if question is None:
                return "undo.nothing"
            if not _may(caller.person, question):
                return "undo.not_yours"
            _, over = await self._standing(await self._store.answers(question.id), caller.place)
            asked = [one for one in await self._store.shows(question.id) if stands_in(one, caller.place)]
            try:
                await self._store.remove(question.id)
            except StoreError as error:
                log.error("an exchange in %s cannot be taken back: %s", caller.place, error)
                return "not_stored"
        channel = _channel_of(caller.surface)
        self._driver.delete(channel, over)
        self._driver.delete(channel, tuple(shown.message_id for shown in asked))
        return "undo.done"

    async def resume(self, caller: Caller, leaf_id: str) -> str:
        """Go on with a conversation that had paused; what was said since comes along, once it is answered."""
        leaf = await self._store.message(leaf_id)
        if leaf is None:
            return "resume.over"
        lane = lane_of(caller.place, caller.person)
        if lane.person and not _may(caller.person, leaf):
            return "resume.not_yours"
        while True:
            async with self._conversations.lanes.lock(lane):
                kept = await self._conversations.lanes.end(lane)
                if kept is not None and kept.conversation_id == leaf.conversation_id:
                    return "resume.over"
                running = [turn for turn in self._queue.running if kept and _is_of(turn, kept)]
                if not running:
                    await self._move(lane, kept, leaf)
                    return "resume.done"
            await running[0].finished.wait()

    async def _move(self, lane: LaneKey, kept: Lane | None, leaf: Message) -> None:
        since = await self._store.path(kept.leaf_id) if kept and kept.leaf_id else ()
        for message in since:
            shown = await self._store.shows(message.id)
            moved = replace(message, id=new_id(), conversation_id=leaf.conversation_id, parent_id=leaf.id)
            await self._store.add(moved, shown)
            leaf = moved
        await self._conversations.move(lane, leaf.conversation_id, leaf.id)

    async def _show(
        self, caller: Caller, chosen: Message, over: tuple[str, ...], buttons: tuple[Button, ...]
    ) -> None:
        answer, now = self._answer(), self._clock.monotonic()
        answer.append(chosen.text, now)
        ending = _ending_of(chosen)
        locale = language_of(caller.person, caller.place)
        answer.end(ending, now, mark=_mark_of(ending, locale), buttons=buttons)
        showing = self._driver.show(
            answer, _channel_of(caller.surface), notice=True, nonce=new_id(), locale=locale, over=over
        )
        shown = await showing.finished()
        place = self._conversations.lanes.now_at(caller.place)
        lane = lane_of(place, _asker_of(chosen, caller))
        stands = shown_in(lane, [ref.message_id for ref in shown.messages if ref.chat_id == place.chat_id])
        await self._conversations.show_variant(lane, chosen, stands)

    async def _take_continue(self, caller: Caller, answer: Message, message_id: str, private: bool) -> None:
        """Take it from under an answer that went on, where that still stands there and is to stay."""
        surface = caller.surface if caller.pressed else _channel_of(caller.surface)
        question = await self._question_of(answer)
        answers = await self._store.answers(question.id) if question else ()
        if question is None or answer.id not in [one.id for one in answers]:  # forgotten meanwhile
            self._driver.put_buttons(surface, message_id, (), private=private)
            return
        async with self._changing(question.id):
            if not await self._is_kept(question.id):
                return
            answers = await self._store.answers(question.id)
            shown, _ = await self._standing(answers, caller.place)
            if shown is not None and shown.id != answer.id:
                return
            asked = Question("", caller.place, _asker_of(question, caller), question.text, private=private)
            buttons = self._buttons.under(
                asked,
                question.id,
                answer.id,
                _ending_of(answer),
                number=next((n for n, one in enumerate(answers, 1) if one.id == answer.id), 1),
                variants=len(answers),
                may_go_on=False,
            )
            self._driver.put_buttons(surface, message_id, buttons, private=private)

    def _buttons_of(
        self, caller: Caller, question: Message, answer: Message, number: int, variants: int
    ) -> tuple[Button, ...]:
        asked = Question("", caller.place, _asker_of(question, caller), question.text)
        return self._buttons.under(
            asked,
            question.id,
            answer.id,
            _ending_of(answer),
            number=number,
            variants=variants,
            may_go_on=answer.id not in self._continued,
        )

    async def _found(self, caller: Caller, ref: MessageRef | None) -> Message | None:
        lane = lane_of(caller.place, caller.person)
        if ref is not None:
            [shown] = shown_in(lane, [ref.message_id])
            return await self._store.shown(shown) if ref.chat_id == caller.place.chat_id else None
        await self._settled(lane)
        kept = await self._conversations.lanes.end(lane)
        return await self._store.message(kept.leaf_id) if kept and kept.leaf_id else None

    async def _died(self, caller: Caller, leaf: Message | None) -> Message | None:
        """The question asked last, after the leaf of their lane, where it has got no answer."""
        lane = lane_of(caller.place, caller.person)
        kept = await self._conversations.lanes.end(lane)
        if kept is None:
            return None
        after = leaf.id if leaf else None
        last = await self._store.last_question(kept.conversation_id, after, lane.person)
        return None if last is None or await self._store.answers(last.id) else last

    async def _question_of(self, found: Message | None) -> Message | None:
        if found is None or found.role is Role.USER:
            return found
        return await self._store.message(found.parent_id) if found.parent_id else None

    async def _standing(
        self, answers: tuple[Message, ...], place: Place
    ) -> tuple[Message | None, tuple[str, ...]]:
        """Which of the variants is shown, and by which messages here: ids of what the place was before may be
        those of other messages."""
        for answer in reversed(answers):
            if shows := await self._store.shows(answer.id):
                return answer, tuple(shown.message_id for shown in shows if stands_in(shown, place))
        return None, ()

    async def _ref_of(self, question: Message, place: Place) -> MessageRef | None:
        shows = [one for one in await self._store.shows(question.id) if stands_in(one, place)]
        return MessageRef(place.chat_id, shows[0].message_id) if shows else None

    async def _settled(self, lane: LaneKey) -> None:
        """Wait for what has ended there and is not kept yet: people answer to what they see."""
        for turn in self._queue.turns:
            if turn.joined.lane == lane and turn.answer.ended:
                await turn.finished.wait()

    async def _is_kept(self, message_id: str) -> bool:
        """Whether no turn for this question, or with this answer, waits or runs. One that has ended is waited
        for: buttons can be pressed a moment before their answer is kept."""
        for turn in self._queue.turns:
            if message_id in {turn.id, turn.asked.id if turn.asked else ""}:
                if not turn.answer.ended:
                    return False
                await turn.finished.wait()
        return True

    def _changing(self, question_id: str) -> asyncio.Lock:
        """Held from looking which answer to a question stands there until another one is on its way."""
        return self._changes.setdefault(question_id, asyncio.Lock())

    def _answer(self) -> Answer:
        return Answer(max_chars=self._max_answer_chars)


def _is_of(turn: Turn, lane: Lane) -> bool:
    return turn.conversation_id == lane.conversation_id


def _may(person: Person, message: Message) -> bool:
    return message.asker == str(person) or person.manages_messages


def _channel_of(surface: Surface) -> Surface:
    """Where messages can be edited that stand there already: an interaction edits its own alone."""
    return surface.alternate or surface


def _asker_of(message: Message, caller: Caller) -> Person:
    """Whoever asked. Of somebody else neither roles nor the language that they read are kept: the caller's
    language stands for theirs."""
    if message.asker == str(caller.person):
        return caller.person
    user_id = message.asker.partition(":")[2]
    return Person(caller.place.platform, user_id, message.name, locale=caller.person.locale)


def _ending_of(answer: Message) -> Ending:
    return next((ending for ending in Ending if ending == answer.ending), Ending.COMPLETE)


def _mark_of(ending: Ending, locale: str | None) -> str:
    key = _MARKS.get(ending)
    return say(key, locale) if key else ""
