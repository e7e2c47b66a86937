"""How a turn takes its place in line: what it waits behind, what it ends, and who is told of it."""

from __future__ import annotations

import logging
from typing import Final

from core.catalogue import say
from core.conversation.history import Question
from core.conversation.preferences import Busy
from core.ports.clock import Clock
from core.ports.surface import Surface
from core.service.choosing import Choices
from core.service.door import unanswered
from core.service.endings import Endings
from core.service.events import Events
from core.service.lanes import Lanes
from core.service.languages import language_of
from core.service.notices import Notices
from core.service.queue import QueueFullError, TurnQueue
from core.service.records import Records
from core.service.recovery import kept
from core.service.turn import Turn

log = logging.getLogger(__name__)

QUEUED_AFTER_S: Final = 0.5
"""Who waits no longer than this is told of no line; nor is who sends a flood told of each place in it."""


class Line:
    """Every turn comes in by it: of a question, of a press, of another process."""

    def __init__(
        self,
        *,
        queue: TurnQueue,
        lanes: Lanes,
        records: Records,
        events: Events,
        choices: Choices,
        endings: Endings,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._lanes = lanes
        self._records = records
        self._events = events
        self._choices = choices
        self._endings = endings
        self._notices = notices
        self._clock = clock

    def add(self, turn: Turn, *, tells: bool = False) -> bool:
        """Whether there was room for it; else the asker is told, if it `tells`."""
        place = self._lanes.now_at(turn.question.place)
        if place != turn.question.place:  # it has moved since the question was asked
            turn.move(place)
        try:
            before = self._queue.add(turn)
            self._keep(turn)
        except QueueFullError:
            self.full(turn.question, turn.surface, tells=tells)
            return False
        if before and turn.known is None and not self._interrupts(turn):
            log.info("turn %s in %s waits behind %d", turn.id, turn.question.place, before)
            soon = self._clock.monotonic() + QUEUED_AFTER_S
            self._clock.call_at(soon, lambda: self._tell_of_place(turn, before))
        return True

    def full(self, question: Question, surface: Surface, *, tells: bool = True) -> None:
        """There is no room for the question."""
        unanswered("busy", question.event_id, question.place, question.asker)
        if tells:
            words = say("busy", language_of(question.asker, question.place))
            self._notices.tell(
                surface,
                question.asker,
                words,
                ref=question.reply_to,
                reaction="reaction.sorry",
                event_id=question.event_id,
            )

    def _keep(self, turn: Turn) -> None:
        """Have the journal keep it before anything of it is visible."""
        if turn.known is not None:
            turn.record = self._records.taken_over(
                turn.id, str(turn.question.asker), turn.answer, turn.answer.length
            )
            return
        turn.record = self._records.begin(kept(turn, self._clock.wall()), turn.answer)
        self._events.taken(turn.surface, turn.question.event_ids)

    def _interrupts(self, turn: Turn) -> bool:
        """Whether it ends the answer before it, which is then shown with its mark."""
        if self._choices.busy(turn.question.place) is not Busy.INTERRUPT:
            return False
        for running in self._queue.running:
            same = running.conversation_id == turn.conversation_id
            if same and running.question.asker.id == turn.question.asker.id:
                self._endings.overtaken(running)
                return True
        return False

    def _tell_of_place(self, turn: Turn, before: int) -> None:
        if not self._queue.waits(turn):
            return
        words, ref = say("queued", turn.locale, place=before), turn.question.reply_to
        turn.told_of_place = self._notices.tell(
            turn.surface, turn.question.asker, words, ref=ref, reaction="reaction.queued"
        )
