"""Which exchange is meant, and what of it stands there, once what has just ended is kept."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

from core.conversation.history import lane_of, shown_in, stands_in
from core.conversation.window import asks_to_go_on
from core.messages import MessageRef, Place
from core.ports.store import LaneKey, Message, Role
from core.service.buttons import GOES_ON
from core.service.caller import Caller
from core.service.conversations import Conversations
from core.service.queue import TurnQueue


class ExchangeLookup:
    """Looks at the store and at the turns that wait or run; changes nothing."""

    def __init__(self, conversations: Conversations, queue: TurnQueue) -> None:
        self._conversations = conversations
        self._store = conversations.store
        self._queue = queue
        self._changes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def found(self, caller: Caller, ref: MessageRef | None) -> Message | None:
        """The message shown by `ref`, else the last one of the caller's lane."""
        lane = lane_of(caller.place, caller.person)
        if ref is not None:
            [shown] = shown_in(lane, [ref.message_id])
            return await self._store.shown(shown) if ref.chat_id == caller.place.chat_id else None
        await self.settled(lane)
        kept = await self._conversations.lanes.end(lane)
        return await self._store.message(kept.leaf_id) if kept and kept.leaf_id else None

    async def unanswered(self, caller: Caller, leaf: Message | None) -> Message | None:
        """The question asked last, after the leaf of their lane, where it has got no answer."""
        lane = lane_of(caller.place, caller.person)
        kept = await self._conversations.lanes.end(lane)
        if kept is None:
            return None
        after = leaf.id if leaf else None
        last = await self._store.last_question(kept.conversation_id, after, lane.person)
        return None if last is None or await self._store.answers(last.id) else last

    async def question_of(self, found: Message | None) -> Message | None:
        """The question itself, or what an answer is one to."""
        if found is None or found.role is Role.USER:
            return found
        return await self._store.message(found.parent_id) if found.parent_id else None

    async def exchange_of(self, found: Message | None) -> tuple[Message, ...]:
        """The questions of one exchange as people see it, newest first: an answer that went on is one with
        what it went on from."""
        questions: list[Message] = []
        question = await self.question_of(found)
        while question is not None:
            questions.append(question)
            above = await self._went_on_from(question)
            question = await self.question_of(above)
        return tuple(questions)

    async def _went_on_from(self, question: Message) -> Message | None:
        """The answer that this had go on; None where somebody asked it."""
        if question.parent_id is None or not asks_to_go_on(question) or await self._store.shows(question.id):
            return None
        above = await self._store.message(question.parent_id)
        return above if above is not None and above.ending in GOES_ON else None  # it may have been forgotten

    async def standing(
        self, answers: tuple[Message, ...], place: Place
    ) -> tuple[Message | None, tuple[str, ...]]:
        """Which of the variants is shown, and by which messages here: ids of what the place was before may be
        those of other messages."""
        for answer in reversed(answers):
            if shows := await self._store.shows(answer.id):
                return answer, tuple(shown.message_id for shown in shows if stands_in(shown, place))
        return None, ()

    async def ref_of(self, question: Message, place: Place) -> MessageRef | None:
        """The message by which it was asked here."""
        shows = [one for one in await self._store.shows(question.id) if stands_in(one, place)]
        return MessageRef(place.chat_id, shows[0].message_id) if shows else None

    async def settled(self, lane: LaneKey) -> None:
        """Wait for what has ended there and is not kept yet: people answer to what they see."""
        for turn in self._queue.turns:
            if turn.joined.lane == lane and turn.answer.ended:
                await turn.finished.wait()

    async def is_kept(self, message_id: str) -> bool:
        """Whether no turn for this question, or with this answer, waits or runs. One that has ended is waited
        for: buttons can be pressed a moment before their answer is kept."""
        for turn in self._queue.turns:
            if message_id in {turn.id, turn.asked.id if turn.asked else ""}:
                if not turn.answer.ended:
                    return False
                await turn.finished.wait()
        return True

    def changing(self, question_id: str) -> asyncio.Lock:
        """To be held from looking which answer to a question stands there until another one is on its way."""
        return self._changes.setdefault(question_id, asyncio.Lock())
