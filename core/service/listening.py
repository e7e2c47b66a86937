"""Which messages are for the bot, and what becomes of those: a question, the rest of one, or a word about
what cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Callable

from core.catalogue import say
from core.conversation.history import Question
from core.conversation.preferences import answers
from core.conversation.window import is_blank
from core.messages import Addressed, IncomingMessage
from core.ports.surface import Surface
from core.service.choosing import Choices
from core.service.door import Door, unanswered
from core.service.intake import Intake
from core.service.languages import language_of
from core.service.notices import Notices
from core.service.surroundings import Surroundings
from core.service.tasks import Tasks


class Listening:
    """`ask`: takes the question of somebody whom the door has admitted."""

    def __init__(
        self,
        *,
        choices: Choices,
        surroundings: Surroundings,
        door: Door,
        intake: Intake,
        notices: Notices,
        tasks: Tasks,
        ask: Callable[[Question, Surface], None],
    ) -> None:
        self._choices = choices
        self._surroundings = surroundings
        self._door = door
        self._intake = intake
        self._notices = notices
        self._tasks = tasks
        self._ask = ask

    def overhear(self, message: IncomingMessage) -> None:
        """Keep what was said for others where a place wants that, whether or not it is for the bot."""
        if self._surroundings.hears(message):
            self._tasks.start(self._surroundings.overhear(message), f"overheard in {message.place}")

    def speaks_to_us(self, message: IncomingMessage) -> bool:
        """Whether its author expects an answer."""
        return message.addressed is not Addressed.NO and self._is_for_us(message)

    def take(self, message: IncomingMessage, surface: Surface) -> None:
        if self._intake.waits_for(message):
            if self._door.is_new(message):
                self._intake.join(message)
            return
        if not self._is_for_us(message):
            unanswered("not_addressed", message.event_id, message.place, message.author, level=logging.DEBUG)
            return
        mentioned = message.addressed is Addressed.MENTION
        overheard = message.addressed is Addressed.NO
        if not self._door.is_new(message):
            return
        if not self._door.takes(message, surface, mentioned=mentioned):
            return
        if message.has_attachments and not overheard:
            words = say("attachment", language_of(message.author, message.place))
            event_id = message.event_id
            self._notices.reply(surface, message.author, words, ref=message.ref, event_id=event_id)
            if is_blank(message.text):
                unanswered("attachment", message.event_id, message.place, message.author)
                return
        self._ask(
            Question(
                message.event_id, message.place, message.author, message.text, message.ref, message.quote
            ),
            surface,
        )

    def _is_for_us(self, message: IncomingMessage) -> bool:
        """Nobody who did not speak to the bot is told that there was nothing to read in what they said."""
        preferences = self._choices.known(message.place)
        wanted = answers(
            preferences, message.addressed, message.text, mentions_others=message.mentions_others
        )
        return wanted and not (message.addressed is Addressed.NO and is_blank(message.text))
