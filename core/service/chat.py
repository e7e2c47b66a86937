"""What people send, from the event to a turn in the queue; and the way everything ends at shutdown.

`core.commands` stands before this and takes the slash commands; all else comes here.
"""

from __future__ import annotations

import asyncio
import logging

from core.catalogue import say
from core.conversation.history import History, Question
from core.conversation.preferences import answers
from core.conversation.window import is_blank
from core.messages import (
    Addressed,
    BotAdded,
    ButtonPress,
    Incoming,
    IncomingCommand,
    IncomingMessage,
    MessageRef,
    Person,
    Place,
)
from core.policy.access import Access
from core.policy.frequency import Frequency
from core.policy.spending import Spending
from core.ports.clock import Clock
from core.ports.completions import Completions
from core.ports.surface import Surface
from core.service.choosing import Choices
from core.service.continuing import CONTINUE, Continuations, going_on
from core.service.door import Door, unanswered
from core.service.driver import Driver
from core.service.languages import language_of
from core.service.notices import Notices
from core.service.queue import STREAMS, QueueFullError, TurnQueue
from core.service.tasks import Tasks
from core.service.turns import STOP, Turn, Turns
from core.service.usage import Book
from core.streaming.answer import DEFAULT_MAX_CHARS, Answer, Ending

log = logging.getLogger(__name__)

LONGEST_QUESTION = 12_000
"""Characters: twice a Discord command's longest argument, three times Telegram's longest message."""


class ChatService:
    """The bot's one service, shared by all its platforms. They reach it through the Dispatcher."""

    def __init__(
        self,
        *,
        completions: Completions,
        choices: Choices,
        driver: Driver,
        clock: Clock,
        access: Access,
        spending: Spending,
        max_answer_chars: int = DEFAULT_MAX_CHARS,
        book: Book | None = None,
    ) -> None:
        """`book`: where what each turn used is written down; None: nowhere."""
        self.choices = choices
        self._driver = driver
        self._clock = clock
        self._max_answer_chars = max_answer_chars
        self._tasks = Tasks()
        self._history = History()
        self.notices = Notices(driver, clock, self._tasks)
        self.door = Door(access, self.notices, clock)
        self._continuations = Continuations()
        turns = Turns(
            completions=completions,
            choices=choices,
            driver=driver,
            clock=clock,
            spending=spending,
            history=self._history,
            notices=self.notices,
            continuations=self._continuations,
            streams=STREAMS,
            book=book,
        )
        self._queue = TurnQueue(turns.run, self._tasks)
        self._greetings = Frequency(1, 3_600.0)

    async def handle(self, incoming: Incoming, surface: Surface) -> None:
        """Take an event that is no command; see `core.ports.surface.Handle`."""
        match incoming:
            case IncomingMessage():
                self._message(incoming, surface)
            case ButtonPress():
                self._press(incoming, surface)
            case BotAdded():
                self._greet(incoming, surface)
            case IncomingCommand():
                raise TypeError("commands go through core.commands.dispatch")

    @property
    def answering(self) -> bool:
        """Whether an answer is on its way, or a question waits for one."""
        return bool(self._queue.running)

    def ask(self, question: Question, surface: Surface) -> None:
        """Answer a question of somebody whom the door has admitted, as soon as its conversation is free."""
        asker, ref = question.asker, question.ref
        quoted = question.quote is not None and not is_blank(question.quote.text)
        if is_blank(question.text) and not quoted:
            unanswered("empty", question.event_id, question.place, asker)
            self.notices.reply(surface, asker, say("empty", language_of(asker, question.place)), ref=ref)
            return
        if len(question.text) > LONGEST_QUESTION:
            unanswered("too_long", question.event_id, question.place, asker)
            locale = language_of(asker, question.place)
            words = say("too_long", locale, length=len(question.text), limit=LONGEST_QUESTION)
            self.notices.reply(surface, asker, words, ref=ref)
            return
        self._enqueue(question, surface)

    async def conversation_of(self, place: Place, person: Person) -> str | None:
        """The id of the conversation that the person goes on with by writing there; None where the place is
        the conversation."""
        return self._history.own(place, person, self._clock.monotonic()).id

    async def forgotten(self, person: str) -> None:
        """See `core.service.personal_data.Forgotten`. Their answers that still grow end, and are not kept."""
        for turn in self._queue.drop_waiting(person):
            unanswered("forgotten", turn.question.event_id, turn.question.place, turn.question.asker)
        for turn in self._queue.running:
            if str(turn.question.asker) == person:
                turn.forgotten = True
                if turn.cut(Ending.STOPPED, self._clock.monotonic(), say("ending.stopped", turn.locale)):
                    self._driver.changed(turn.answer)
        self._history.forget(person)
        self._continuations.forget_person(person)

    async def stop(self, *, streams_until: float, marks_until: float) -> int:
        """Take nothing more; let streams finish until the first time, mark the rest, show until the second.

        Both are on the clock's monotonic time. Returns how many answers could not be completed on screen.
        """
        self.door.closing = True
        for turn in self._queue.drop_waiting():
            unanswered("closing", turn.question.event_id, turn.question.place, turn.question.asker)
        running = self._queue.running
        await self._wait_for(running, streams_until)
        now = self._clock.monotonic()
        for turn in running:
            if turn.cut(Ending.INTERRUPTED, now, say("ending.interrupted", turn.locale)):
                self._driver.changed(turn.answer)
        unmarked = await self._driver.close(marks_until)
        await self._tasks.close()
        return unmarked

    async def _wait_for(self, turns: tuple[Turn, ...], deadline: float) -> None:
        async def all_over() -> None:
            for turn in turns:
                await turn.over.wait()

        loop = asyncio.get_running_loop()
        waits = {loop.create_task(all_over()), loop.create_task(self._clock.sleep_until(deadline))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _message(self, message: IncomingMessage, surface: Surface) -> None:
        if not self._is_for_us(message):
            unanswered("not_addressed", message.event_id, message.place, message.author, level=logging.DEBUG)
            return
        mentioned = message.addressed is Addressed.MENTION
        overheard = message.addressed is Addressed.NO
        if not self.door.is_new(message):
            return
        if not self.door.admits(message, surface, ref=message.ref, mentioned=mentioned, tells=not overheard):
            return
        if message.has_attachments and not overheard:
            words = say("attachment", language_of(message.author, message.place))
            self.notices.reply(surface, message.author, words, ref=message.ref)
            if is_blank(message.text):
                unanswered("attachment", message.event_id, message.place, message.author)
                return
        self.ask(
            Question(
                message.event_id, message.place, message.author, message.text, message.ref, message.quote
            ),
            surface,
        )

    def _is_for_us(self, message: IncomingMessage) -> bool:
        """Nobody who did not speak to the bot is told that there was nothing to read in what they said."""
        preferences = self.choices.known(message.place)
        wanted = answers(
            preferences, message.addressed, message.text, mentions_others=message.mentions_others
        )
        return wanted and not (message.addressed is Addressed.NO and is_blank(message.text))

    def _enqueue(self, question: Question, surface: Surface) -> bool:
        """Whether there was room for it."""
        now = self._clock.monotonic()
        if question.quote is not None:
            self._link_growing(question.quote.ref)
        key = self._history.conversation_of(question, now)
        turn = Turn(question, key, surface, Answer(max_chars=self._max_answer_chars))
        try:
            before = self._queue.add(turn)
        except QueueFullError:
            unanswered("busy", question.event_id, question.place, question.asker)
            words = say("busy", turn.locale)
            self.notices.tell(surface, question.asker, words, ref=question.ref, reaction="reaction.sorry")
            return False
        if before:
            log.info("turn %s in %s waits behind %d", turn.id, question.place, before)
            words = say("queued", turn.locale, place=before)
            self.notices.tell(surface, question.asker, words, ref=question.ref, reaction="reaction.queued")
        return True

    def _link_growing(self, ref: MessageRef) -> None:
        """A reply to an answer that still grows belongs to its conversation."""
        for turn in self._queue.running:
            if ref in turn.messages:
                self._history.link(turn.question.place, ref, turn.key)

    def _press(self, press: ButtonPress, surface: Surface) -> None:
        if not self.door.is_new(press):
            return
        if press.data.startswith(CONTINUE):
            self._continue(press, surface)
        else:
            self._stop(press, surface)

    def _continue(self, press: ButtonPress, surface: Surface) -> None:
        asked = self._continuations.question(press)
        locale = language_of(press.author, press.place)
        if asked is None:
            unanswered("continue_over", press.event_id, press.place, press.author)
            self.notices.reply(surface, press.author, say("continue.over", locale), ref=None)
        elif asked.asker.id != press.author.id:
            unanswered("continue_not_theirs", press.event_id, press.place, press.author)
            self.notices.reply(surface, press.author, say("continue.not_yours", locale), ref=None)
        elif self.door.admits(press, surface, ref=None) and self._enqueue(going_on(press, asked), surface):
            self._continuations.forget(press)

    def _stop(self, press: ButtonPress, surface: Surface) -> None:
        turn = self._queue.find(press.data.removeprefix(STOP)) if press.data.startswith(STOP) else None
        if turn is None or turn.question.place.chat_id != press.place.chat_id:
            reason = "over"
        elif press.author.id != turn.question.asker.id and not press.author.manages_messages:
            reason = "not_yours"
        elif turn.cut(Ending.STOPPED, self._clock.monotonic(), say("ending.stopped", turn.locale)):
            self._driver.changed(turn.answer)
            reason = "done"
        else:  # its ending is on the way to the platform
            reason = "done" if turn.answer.ending is Ending.STOPPED else "finishing"
        if reason != "done":
            unanswered(f"stop_{reason}", press.event_id, press.place, press.author)
        if not press.answers_itself:
            words = say(f"stop.{reason}", language_of(press.author, press.place))
            self.notices.reply(surface, press.author, words, ref=None)

    def _greet(self, added: BotAdded, surface: Surface) -> None:
        heard = (str(added.place), added.hears_everything)  # added again with other rights is news
        if not self.door.is_new(added) or not self._greetings.take(heard, self._clock.monotonic()):
            return
        locale = language_of(added.author, added.place)
        words = say("added.hears_everything" if added.hears_everything else "added.privacy_mode", locale)
        self.notices.reply(surface, added.author, words, ref=None)
