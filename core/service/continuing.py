"""Answers that their platform ended: whoever asked may have them go on, with a button under the last page.

The law: once each, for the asker alone, and as long as it is remembered; a restart forgets.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Final

from core.catalogue import say
from core.conversation.history import Question
from core.messages import ButtonPress, Quote
from core.service.languages import language_of
from core.streaming.operations import Button

CONTINUE: Final = "continue:"
"""What the Continue button's data begins with; the id of the turn that was cut follows."""
_REMEMBERED: Final = 1_000


class Continuations:
    """What can be gone on with. An id is a turn's, which cannot be guessed."""

    def __init__(self) -> None:
        self._questions: OrderedDict[str, Question] = OrderedDict()

    def offer(self, turn_id: str, question: Question) -> Button:
        """The button to put under the answer to `question`."""
        self._questions[turn_id] = question
        if len(self._questions) > _REMEMBERED:
            self._questions.popitem(last=False)
        return Button(CONTINUE + turn_id, say("button.continue", language_of(question.asker, question.place)))

    def forget_person(self, person: str) -> None:
        """Their questions go on no more."""
        for turn_id in [id_ for id_, asked in self._questions.items() if str(asked.asker) == person]:
            del self._questions[turn_id]

    def question(self, press: ButtonPress) -> Question | None:
        """The one whose answer this press is about; None where it cannot go on (any more)."""
        asked = self._questions.get(press.data.removeprefix(CONTINUE))
        return asked if asked is not None and asked.place.chat_id == press.place.chat_id else None

    def forget(self, press: ButtonPress) -> None:
        """It goes on: not a second time."""
        del self._questions[press.data.removeprefix(CONTINUE)]


def going_on(press: ButtonPress, asked: Question) -> Question:
    """What to ask the model now. It replies to the answer, and so belongs to its conversation."""
    return replace(
        asked,
        event_id=press.event_id,
        asker=press.author,
        text=say("continue.question", language_of(press.author, press.place)),
        ref=None,
        quote=Quote(press.ref, author_name="", text="", by_us=True),
    )
