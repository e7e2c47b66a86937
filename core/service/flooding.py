"""A flood costs one answer and one notice: the first question is answered, what waits behind it is let go.

What comes until it is over is not answered either. It is of one person in one place: others are served there.
"""

from __future__ import annotations

from core.catalogue import say
from core.conversation.history import Question
from core.policy.flood import QUIET_S, Floods, Flow
from core.ports.clock import Clock
from core.ports.surface import Surface
from core.service.door import unanswered
from core.service.intake import Intake
from core.service.languages import language_of
from core.service.notices import Notices
from core.service.queue import TurnQueue


class Flooding:
    """Asked about each question before it is taken."""

    def __init__(self, intake: Intake, queue: TurnQueue, notices: Notices, clock: Clock) -> None:
        self._intake = intake
        self._queue = queue
        self._notices = notices
        self._clock = clock
        self._floods = Floods()

    def holds_back(self, question: Question, surface: Surface) -> bool:
        """Whether it is too much, and not to be answered."""
        who, place = str(question.asker), str(question.place)
        flow = self._floods.came((who, place), self._clock.monotonic())
        if flow is Flow.CALM:
            return False
        _not_answered(question)
        if flow is Flow.BEGINS:
            self._let_go(who, place)
        if flow is Flow.BEGINS or surface.capabilities.private_answers:  # there each waits for an answer
            words = say("flood", language_of(question.asker, question.place), seconds=int(QUIET_S))
            ref = question.reply_to
            self._notices.tell(surface, question.asker, words, ref=ref, reaction="reaction.sorry")
        return True

    def _let_go(self, who: str, place: str) -> None:
        """All of theirs there but the first."""
        theirs = [
            turn
            for turn in self._queue.turns
            if (str(turn.question.asker), str(turn.question.place)) == (who, place)
        ]
        for turn in theirs[1:]:
            # Not what is begun, was asked by a press, or was shown by another process.
            if turn.known is None and turn.again is None and self._queue.drop(turn):
                _not_answered(turn.question)
                turn.finish()
        for question in self._intake.drop_all(who, place, but_first=not theirs):
            _not_answered(question)


def _not_answered(question: Question) -> None:
    unanswered("flood", question.event_id, question.place, question.asker)
