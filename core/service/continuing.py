"""Continue: an answer that was cut goes on, once, by a question of its own; then its button goes.

A button and a command both come here. Each returns the key of the words to tell the person, "" where what
happens speaks for itself.
"""

from __future__ import annotations

from collections.abc import Callable

from core.catalogue import say
from core.conversation.history import Joined, Question, lane_of, stands_in, was_private
from core.conversation.window import is_withdrawn
from core.messages import MessageRef
from core.ports.store import Message
from core.service.buttons import GOES_ON, Buttons
from core.service.caller import Caller
from core.service.conversations import Conversations
from core.service.driver import Driver
from core.service.exchange_lookup import ExchangeLookup
from core.service.languages import language_of
from core.service.turn import Turn
from core.streaming.answer import Answer

_CONTINUED = 1_000  # answers of which it is remembered that they went on
_EVENT = "continue:"  # and the answer's id, so that the journal takes it once, whoever presses again


def goes_on_from(turn: Turn) -> str:
    """The id of the answer that it has go on; "" for a question that somebody asked."""
    event_id = turn.question.event_id
    return event_id.removeprefix(_EVENT) if event_id.startswith(_EVENT) else ""


class Continuing:
    """`line_up`: puts a turn into the queue and says whether there was room."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        lookup: ExchangeLookup,
        driver: Driver,
        buttons: Buttons,
        line_up: Callable[[Turn], bool],
        max_answer_chars: int,
    ) -> None:
        self._conversations = conversations
        self._store = conversations.store
        self._lookup = lookup
        self._driver = driver
        self._buttons = buttons
        self._line_up = line_up
        self._max_answer_chars = max_answer_chars
        self._continued: dict[str, None] = {}

    def may_go_on(self, answer: Message) -> bool:
        """Whether it was cut, and has not gone on as far as is remembered."""
        return answer.ending in GOES_ON and answer.id not in self._continued

    async def go_on(self, caller: Caller, ref: MessageRef | None = None) -> str:
        """Have a cut answer go on: the one shown by `ref`, else the last one of their lane."""
        found = await self._lookup.found(caller, ref)
        return "continue.nothing" if found is None else await self.go_on_from(caller, found.id)

    async def go_on_from(self, caller: Caller, answer_id: str, ref: MessageRef | None = None) -> str:
        """Once for each answer: then its button goes. `ref`: whose button was pressed."""
        await self._lookup.is_kept(answer_id)
        answer = await self._store.message(answer_id)
        questions = await self._lookup.exchange_of(answer)
        first = questions[-1].id if questions else answer_id
        async with self._lookup.changing(first):
            kept = await self._store.message(first)
            if answer is None or answer.ending not in GOES_ON or kept is None or is_withdrawn(kept):
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
        if not caller.may_change(answer):
            return "continue.not_yours"
        if answer.id in self._continued:
            return "continue.already"
        lane = lane_of(caller.place, caller.person, private=private)
        async with self._conversations.lanes.lock(lane):
            if answer.id in self._continued:  # by a press that came at the same time
                return "continue.already"
            words = say("continue.question", language_of(caller.person, caller.place))
            question = Question(f"{_EVENT}{answer.id}", caller.place, caller.person, words, private=private)
            joined = Joined(answer.conversation_id, answer.id, lane)
            by_channel = caller.pressed and not private
            surface = caller.channel if by_channel else caller.surface
            turn = Turn(question, joined, surface, Answer(max_chars=self._max_answer_chars))
            if not self._line_up(turn):
                return "busy"
            self._continued[answer.id] = None
            if len(self._continued) > _CONTINUED:
                del self._continued[next(iter(self._continued))]
            if turn.record is not None and not await turn.record.is_ours():
                return "continue.already"  # in a process before this one
            await self._conversations.move(lane, answer.conversation_id, answer.id)
        return ""

    async def _take_continue(self, caller: Caller, answer: Message, message_id: str, private: bool) -> None:
        """Take it from under an answer that went on, where that still stands there and is to stay."""
        surface = caller.surface if caller.pressed else caller.channel
        question = await self._lookup.question_of(answer)
        answers = await self._store.answers(question.id) if question else ()
        if question is None or answer.id not in [one.id for one in answers]:  # forgotten meanwhile
            self._driver.put_buttons(surface, message_id, (), private=private)
            return
        async with self._lookup.changing(question.id):
            if not await self._lookup.is_kept(question.id):
                return
            answers = await self._store.answers(question.id)
            shown, _ = await self._lookup.standing(answers, caller.place)
            if shown is not None and shown.id != answer.id:
                return
            asked = Question("", caller.place, caller.asker_of(question), question.text, private=private)
            buttons = self._buttons.under(
                asked,
                question.id,
                answer.id,
                answer.ending,
                number=next((n for n, one in enumerate(answers, 1) if one.id == answer.id), 1),
                variants=len(answers),
                may_go_on=False,
            )
            self._driver.put_buttons(surface, message_id, buttons, private=private)
