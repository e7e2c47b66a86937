"""From a question whose turn it is in its lane to a turn in line: whether anything is asked, and where it
belongs."""

from __future__ import annotations

from dataclasses import replace

from core.catalogue import say
from core.conversation.history import Question, lane_of
from core.conversation.window import is_blank
from core.ports.surface import Surface
from core.service.buttons import Buttons
from core.service.conversations import Conversations
from core.service.door import unanswered
from core.service.intake import LONGEST_QUESTION, Now
from core.service.languages import language_of
from core.service.line import Line
from core.service.notices import Notices
from core.service.queue import TurnQueue
from core.service.records import Records
from core.service.surroundings import Surroundings
from core.service.threads import Threads
from core.service.turn import Turn
from core.streaming.answer import Answer
from core.streaming.view_settings import Foot


class Beginnings:
    def __init__(
        self,
        *,
        conversations: Conversations,
        surroundings: Surroundings,
        threads: Threads,
        records: Records,
        queue: TurnQueue,
        line: Line,
        buttons: Buttons,
        notices: Notices,
        max_answer_chars: int,
    ) -> None:
        self._conversations = conversations
        self._surroundings = surroundings
        self._threads = threads
        self._records = records
        self._queue = queue
        self._line = line
        self._buttons = buttons
        self._notices = notices
        self._max_answer_chars = max_answer_chars

    async def begin(self, question: Question, surface: Surface, now: Now) -> None:
        """Begin its turn, or tell the asker why there is none; see `core.service.intake.Intake`."""
        asker, ref = question.asker, question.ref
        if await self._came_before(question, surface):
            unanswered("duplicate", question.event_id, question.place, asker)
            return
        locale = language_of(asker, question.place)
        if question.quote is not None and await self._surroundings.hides(question.quote, asker):
            question = replace(question, quote=replace(question.quote, text="", replies_to=None))
            self._notices.reply(surface, asker, say("apart.quoted", locale), ref=ref)
            if is_blank(question.text):
                unanswered("apart", question.event_id, question.place, asker)
                return
        question = await self._conversations.attributed(question, self._queue.turns)
        quoted = question.quote is not None and not is_blank(question.quote.text)
        if is_blank(question.text) and not quoted:
            unanswered("empty", question.event_id, question.place, asker)
            words = say("empty", locale)
            self._notices.reply(surface, asker, words, ref=ref, event_id=question.event_id)
            return
        if len(question.text) > LONGEST_QUESTION:
            unanswered("too_long", question.event_id, question.place, asker)
            words = say("too_long", locale, length=len(question.text), limit=LONGEST_QUESTION)
            self._notices.reply(surface, asker, words, ref=ref, event_id=question.event_id)
            return
        question, surface = await self._threads.moved(question, surface)
        question = replace(question, place=self._conversations.lanes.now_at(question.place))
        ref = question.reply_to
        async with self._conversations.lanes.lock(lane_of(question.place, asker, private=question.private)):
            joined = await self._conversations.join(question, self._queue.turns)
            asked = now(question)
            if asked is None:  # its message was deleted meanwhile
                return
            answer = Answer(max_chars=self._max_answer_chars)
            taken = self._line.add(Turn(asked, joined, surface, answer), tells=True)
        if taken and joined.paused is not None:
            resume = self._buttons.resume(joined.paused, question.place, locale)
            self._notices.reply(surface, asker, say("paused", locale), ref=ref, foot=Foot(((resume,),)))

    async def _came_before(self, question: Question, surface: Surface) -> bool:
        """Whether another process has answered it, or begun to. Only a platform that offers again what it may
        not have told is asked about: where events are kept, what was handled does not come here."""
        if surface.capabilities.keeps_events:
            return False
        return await self._records.was_handled(surface.account, question.event_id)
