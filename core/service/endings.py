"""How an answer ends, and in which words: whoever ends it first decides, and the text that is there is kept.

    complete | length | filtered | failed   (the model)    length   (a budget, the platform's own limit)
    stopped   (a person)    filtered   (a rule)            interrupted   (its place is gone, the process ends)

Each is the answer's only one, with its mark in the asker's language.
"""

from __future__ import annotations

import logging
from typing import Final

from core.catalogue import say
from core.conversation.window import is_blank
from core.policy.budgets import Refused
from core.ports.clock import Clock, Timer
from core.ports.completions import FinishReason, ModelError, ModelErrorKind
from core.service.door import unanswered
from core.service.driver import Driver
from core.service.failures import reason_of
from core.service.moderated import Side
from core.service.moderating import NotPassedError
from core.service.notices import Notices
from core.service.refusals import mark_of, words_of
from core.service.turn import Turn
from core.streaming.answer import Ending

log = logging.getLogger(__name__)

_SAMPLE: Final = 1_000  # characters: whatever shows nothing in so many shows nothing


class Endings:
    """Ends answers, each with its mark."""

    def __init__(self, driver: Driver, clock: Clock, notices: Notices) -> None:
        self._driver = driver
        self._clock = clock
        self._notices = notices

    def finished(self, turn: Turn, reason: FinishReason) -> None:
        """The model has ended its stream. Raises ModelError where it said nothing that anybody could see."""
        self._release(turn)
        if reason is FinishReason.CONTENT_FILTER:
            self._close(turn, Ending.FILTERED, say("ending.filtered", turn.locale))
        elif not turn.messages and _is_invisible(turn):
            raise ModelError(ModelErrorKind.EMPTY, f"no text, finish_reason {reason}")
        elif reason is FinishReason.LENGTH:
            self.full(turn)
        else:
            self._close(turn, Ending.COMPLETE, "")

    def full(self, turn: Turn) -> None:
        """It may become no longer."""
        self._close(turn, Ending.LENGTH, say("ending.length", turn.locale))

    def failed(self, turn: Turn, error: ModelError, *, goes_on: bool = False) -> None:
        """`goes_on`: the model was shown more of the conversation than the question."""
        question, surface = turn.question, turn.surface
        log.warning("turn %s in %s by %s: %s", turn.id, question.place, question.asker, error)
        if error.kind is ModelErrorKind.EMPTY:
            mark = say("ending.empty", turn.locale)
        else:
            mark = say("ending.failed", turn.locale, reason=reason_of(error, turn.locale, goes_on=goes_on))
        if not turn.answer.length and not self._notices.may_fail_aloud(surface, question.asker):
            mark = ""
            if question.reply_to is not None:
                self._notices.react(surface, question.reply_to, "reaction.sorry")
        self._close(turn, Ending.FAILED, mark)

    def failed_unexpectedly(self, turn: Turn) -> None:
        """By an error of ours, which the log has."""
        reason = say("model.unexpected", turn.locale)
        self._close(turn, Ending.FAILED, say("ending.failed", turn.locale, reason=reason))

    def not_passed(self, turn: Turn, error: NotPassedError) -> None:
        """A question that must not be asked is let go of, too: else the next one could lead back to it."""
        if error.side is Side.INPUT and turn.again is None:
            turn.withdrawn, turn.buttons_under = True, None
        self._close(turn, Ending.FILTERED, error.mark)

    def spent(self, turn: Turn, refused: Refused) -> None:
        """A budget is used up while it grows: it does not go on."""
        self._close(turn, Ending.LENGTH, mark_of(refused, turn.locale), may_go_on=False)

    def refused(self, turn: Turn, refused: Refused) -> None:
        """A budget has no room before the model was asked: nothing is shown but why."""
        question = turn.question
        unanswered(f"spent_{refused.why}", question.event_id, question.place, question.payer)
        words = words_of(refused, turn.locale, goes_on=turn.goes_on)
        self._notices.tell(
            turn.surface,
            question.payer,
            words,
            ref=question.reply_to,
            reaction="reaction.refused",
            kind="reaction.sorry",  # one line with what else is not answered then, as of a flood
        )
        turn.close(Ending.FAILED, self._clock.monotonic(), words)

    def interrupted(self, turn: Turn) -> None:
        self._close(turn, Ending.INTERRUPTED, say("ending.interrupted", turn.locale))

    def stopped(self, turn: Turn) -> bool:
        """Somebody wants no more of it; False where it has ended already. So with the others that
        end it from outside."""
        return self._cut(turn, Ending.STOPPED, say("ending.stopped", turn.locale))

    def withdrawn(self, turn: Turn) -> None:
        """Its question was deleted: nobody waits for it, and where nothing of it stands yet nothing need."""
        turn.withdrawn, turn.buttons_under = True, None
        begun = turn.answer.length or turn.messages
        self._cut(turn, Ending.STOPPED, say("ending.stopped", turn.locale) if begun else "")

    def overtaken(self, turn: Turn) -> bool:
        """Its asker asked something else."""
        return self._cut(turn, Ending.STOPPED, say("ending.overtaken", turn.locale))

    def cut_off(self, turn: Turn) -> bool:
        """The process ends."""
        return self._cut(turn, Ending.INTERRUPTED, say("ending.interrupted", turn.locale))

    def in_time(self, turn: Turn) -> Timer | None:
        """Have the answer end while it still can where its platform lets none go on for ever."""
        if turn.surface.ends_at is None:
            return None
        return self._clock.call_at(turn.surface.ends_at, lambda: self._cut_at_limit(turn))

    def lost(self, turn: Turn) -> None:
        """Shown before it has ended means that it is lost: the model need not go on for nobody."""
        if turn.cut(Ending.INTERRUPTED, self._clock.monotonic(), say("ending.interrupted", turn.locale)):
            log.info("turn %s in %s has no place any more", turn.id, turn.question.place)

    def broke_off(self, turn: Turn) -> None:
        """It cannot be shown, and no message below it says so: its end may be all that stands, or the mark is
        in doubt itself. A reaction cannot stand there twice."""
        if turn.question.reply_to is not None:
            self._notices.react(turn.surface, turn.question.reply_to, "reaction.sorry")

    def _cut_at_limit(self, turn: Turn) -> None:
        if turn.answer.ended or turn.showing is None or turn.showing.ends_at is None:
            return
        self._cut(turn, Ending.LENGTH, say("ending.limit", turn.locale))

    def _cut(self, turn: Turn, ending: Ending, mark: str) -> bool:
        cut = turn.cut(ending, self._clock.monotonic(), mark)
        if cut:
            self._driver.changed(turn.answer)
        return cut

    def _close(self, turn: Turn, ending: Ending, mark: str, *, may_go_on: bool = True) -> None:
        self._release(turn)
        turn.close(ending, self._clock.monotonic(), mark, may_go_on=may_go_on)
        self._driver.changed(turn.answer)

    def _release(self, turn: Turn) -> None:
        """What was held back because it could have become a citation."""
        if turn.citations is not None and not turn.answer.ended and (rest := turn.citations.end()):
            turn.answer.append(rest, self._clock.monotonic())


def _is_invisible(turn: Turn) -> bool:
    """Whether nobody would see the answer where it was asked: an opened fence shows nothing on Telegram."""
    sample = turn.answer.text.strip()[:_SAMPLE]
    return is_blank(turn.surface.capabilities.renderer.render(sample).text)
