"""What people send, from the event to a turn in the queue; and the way everything ends at shutdown.

`core.commands` stands before this and takes the slash commands; all else comes here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import TypeVar

from core.catalogue import say
from core.configuration import ModelChoice
from core.conversation.history import Question, lane_of
from core.conversation.preferences import Busy, answers
from core.conversation.tokens import Budgets
from core.conversation.window import is_blank
from core.messages import (
    Addressed,
    BotAdded,
    ButtonPress,
    FormSubmitted,
    Incoming,
    IncomingCommand,
    IncomingMessage,
    MessageDeleted,
    MessageEdited,
    Person,
    Place,
    PlaceMoved,
)
from core.policy.access import Access
from core.policy.frequency import Frequency
from core.ports.alerts import Alerts
from core.ports.clock import Clock
from core.ports.completions import Completions
from core.ports.journal import Journal
from core.ports.store import Store
from core.ports.surface import Surface
from core.service.approvals import Approvals
from core.service.buttons import Buttons
from core.service.changes import Changes
from core.service.choosing import Choices
from core.service.conversations import Conversations
from core.service.door import Door, unanswered
from core.service.driver import Driver
from core.service.events import Events
from core.service.exchanges import Exchanges
from core.service.flooding import Flooding
from core.service.intake import LONGEST_QUESTION, Intake, Now
from core.service.languages import language_of
from core.service.moderating import Moderator
from core.service.moves import Moves
from core.service.notices import Notices
from core.service.presses import Presses
from core.service.queue import STREAMS, QueueFullError, TurnQueue
from core.service.records import Records
from core.service.recovery import Recovery, kept
from core.service.room import Room
from core.service.signing import Signer
from core.service.spending import Spending
from core.service.summaries import Summaries
from core.service.surroundings import Surroundings
from core.service.tasks import Tasks
from core.service.threads import Threads
from core.service.turn import Turn
from core.service.turns import Turns
from core.service.usage import Book
from core.streaming.answer import DEFAULT_MAX_CHARS, Answer, Ending
from core.streaming.view_settings import Foot

log = logging.getLogger(__name__)

_T = TypeVar("_T")

_AT_ONCE = {"in_all": 200, "each": 5}  # of what takes long
QUEUED_AFTER_S = 0.5
"""Who waits no longer than this is told of no line; nor is who sends a flood told of each place in it."""
KEEP_S = 0.5
"""After the last marks: for the store to keep what was said."""


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
        store: Store,
        journal: Journal,
        signer: Signer | None = None,
        max_answer_chars: int = DEFAULT_MAX_CHARS,
        summarises: Callable[[ModelChoice], bool] = lambda _: True,
        book: Book | None = None,
        moderator: Moderator | None = None,
        alerts: Alerts | None = None,
    ) -> None:
        """`store`: one whose conversations outlive its failures (`core.adapters.steady_store`), or in memory.
        `journal`: what outlives this process in the middle of its turns.
        `signer`: None for buttons that end with this process. `summarises`: False for a model that is too
        small to be of help with summaries. `book`: where what a turn used is written down; None: nowhere.
        `moderator`: has what is asked and answered judged.
        `alerts`: who is told of what another process left and nobody can go on with."""
        self.choices = choices
        self._driver = driver
        self._clock = clock
        self._max_answer_chars = max_answer_chars
        self._tasks = Tasks()
        self.records = Records(journal, clock)
        self.events = Events(journal, clock, self._tasks)
        self.notices = Notices(driver, clock, self._tasks, self.events)
        self.signer = signer or Signer()
        self.approvals = Approvals(
            access,
            store,
            driver,
            clock,
            self._tasks,
            signer=self.signer,
            per_hour=lambda: choices.configuration.access.requests_per_hour,
            locale=lambda: choices.defaults.language,
        )
        self.door = Door(
            access, self.approvals, choices, notices=self.notices, clock=clock, events=self.events
        )
        self.threads = Threads(choices, self.notices, clock)
        self._conversations = Conversations(store, clock, choices.pause_s, choices.apart)
        self._buttons = Buttons(self.signer)
        self.surroundings = Surroundings(store, choices, clock, access)
        budgets = Budgets()
        self._summaries = Summaries(
            completions=completions,
            conversations=self._conversations,
            budgets=budgets,
            spending=spending,
            tasks=self._tasks,
            wanted=summarises,
            withheld=self.surroundings.withholds,
            book=book,
        )
        turns = Turns(
            completions=completions,
            choices=choices,
            driver=driver,
            clock=clock,
            spending=spending,
            conversations=self._conversations,
            summaries=self._summaries,
            surroundings=self.surroundings,
            budgets=budgets,
            notices=self.notices,
            buttons=self._buttons,
            shut_out=self._is_shut_out,
            is_admin=access.is_admin,
            streams=STREAMS,
            book=book,
            moderator=moderator,
        )
        self._queue = TurnQueue(turns.run, self._tasks)
        self._intake = Intake(clock, self._tasks, self.events, self._admit)
        self._flooding = Flooding(self._intake, self._queue, self.notices, clock)
        self._changes = Changes(self._intake, self._queue, store)
        self._moves = Moves(self._queue, self._conversations, choices, self.approvals, clock)
        self.exchanges = Exchanges(
            conversations=self._conversations,
            queue=self._queue,
            driver=driver,
            clock=clock,
            buttons=self._buttons,
            line_up=partial(self._line_up, tells=False),
            max_answer_chars=max_answer_chars,
        )
        self._presses = Presses(
            buttons=self._buttons,
            conversations=self._conversations,
            exchanges=self.exchanges,
            queue=self._queue,
            door=self.door,
            notices=self.notices,
            events=self.events,
        )
        self._later = Room(**_AT_ONCE)
        line_up = partial(self._line_up, tells=False)
        self.recovery = Recovery(self.records, clock, line_up, max_chars=max_answer_chars, alerts=alerts)
        self._greetings = Frequency(1, 3_600.0)

    async def handle(self, incoming: Incoming, surface: Surface) -> None:
        """Take an event that is no command; see `core.ports.surface.Handle`."""
        match incoming:
            case IncomingMessage():
                self._message(incoming, surface)
            case ButtonPress():
                self._presses.take(incoming, surface)
            case MessageEdited():
                await self._changes.edited(incoming)
                await self.surroundings.edited(incoming)
            case MessageDeleted():
                await self._changes.deleted(incoming)
            case PlaceMoved():
                await self._moves.moved(incoming)
            case BotAdded():
                self._greet(incoming, surface)
            case IncomingCommand() | FormSubmitted():
                raise TypeError("commands go through core.commands.dispatch")

    async def know(self, place: Place) -> None:
        """Have read what the gate looks at, as far as the store can be read."""
        await self.approvals.known()
        await self.choices.at(place)
        if not self.choices.is_known(place):  # somebody chose meanwhile
            await self.choices.at(place)

    def listen(self, message: IncomingMessage) -> None:
        """Keep what was said for others where a place wants that, whether or not it is for the bot."""
        if self.surroundings.hears(message):
            self._tasks.start(self.surroundings.overhear(message), f"overheard in {message.place}")

    def speaks_to_us(self, message: IncomingMessage) -> bool:
        """Whether its author expects an answer."""
        return message.addressed is not Addressed.NO and self._is_for_us(message)

    @property
    def answering(self) -> bool:
        """Whether an answer is on its way, or a question waits for one."""
        return bool(self._queue.running)

    def ask(self, question: Question, surface: Surface) -> None:
        """Answer a question of somebody whom the door has admitted, as soon as its conversation is free.

        It is private only where its answer can be.
        """
        if question.private and not surface.capabilities.private_answers:
            question = replace(question, private=False)
        if self._flooding.holds_back(question, surface):
            return
        if not self._intake.take(question, surface):
            self._busy(question, surface)

    def beside(self, work: Coroutine[object, object, _T], name: str) -> asyncio.Task[_T]:
        """Do what the caller need not see the end of; it ends with the service. `name`: for the log, ids
        only."""
        return self._tasks.start(work, name)

    def later(
        self,
        work: Coroutine[object, object, None],
        name: str,
        *,
        of: Person,
        surface: Surface,
        event_id: str,
    ) -> bool:
        """Do what takes long beside everything else. `name`: for the log, ids only. `surface`, `event_id`: of
        the event that asked for it, which is not handled before it is done. False, and it is not done, where
        too much of that is under way, in all or by the person whom it is for."""
        who = str(of)
        if not self._later.enter(who):
            work.close()
            return False

        async def done() -> None:
            try:
                await work
            finally:
                self._later.leave(who)

        self.events.run_for(surface, event_id, done(), name)
        return True

    async def conversation_of(self, place: Place, person: Person) -> str | None:
        """The id of the conversation that the person goes on with by writing there; None where the place is
        the conversation."""
        return await self._conversations.own(place, person)

    async def forgotten(self, person: str) -> None:
        """See `core.service.personal_data.Forgotten`. Their answers that still grow end, and are not kept;
        those of others go on without what they said."""
        self.choices.forget(person)
        self._summaries.forget(person)
        self.approvals.names.forget(person)
        for question in self._intake.forget(person):
            unanswered("forgotten", question.event_id, question.place, question.asker)
        for turn in self._queue.drop_waiting(person):
            turn.finish()  # it may be kept only after all else of theirs is gone
            unanswered("forgotten", turn.question.event_id, turn.question.place, turn.question.asker)
        for turn in self._queue.running:
            if str(turn.question.asker) == person:
                turn.forgotten = True
                if turn.cut(Ending.STOPPED, self._clock.monotonic(), say("ending.stopped", turn.locale)):
                    self._driver.changed(turn.answer)
        for turn in self._queue.turns:
            if str(turn.question.asker) != person:
                turn.let_go_of(person)
        self.records.forget(person)

    async def stop(self, *, streams_until: float, marks_until: float) -> int:
        """Take nothing more; let streams finish until the first time, mark the rest, show until the second.

        Both are on the clock's monotonic time. Returns how many answers could not be completed on screen.
        """
        self.door.closing = True
        await self._wait_for([self._intake.close()], streams_until)
        for turn in self._queue.drop_waiting():
            unanswered("closing", turn.question.event_id, turn.question.place, turn.question.asker)
        running = self._queue.running
        await self._wait_for([turn.over for turn in running], streams_until)
        now = self._clock.monotonic()
        for turn in running:
            if turn.cut(Ending.INTERRUPTED, now, say("ending.interrupted", turn.locale)):
                self._driver.changed(turn.answer)
        unmarked = await self._driver.close(marks_until)
        self.events.closed = True
        await self._wait_for([turn.finished for turn in running], marks_until + KEEP_S)
        await self.events.close(marks_until + KEEP_S)
        await self.records.close(marks_until + KEEP_S)
        await self._tasks.close()
        return unmarked

    async def _wait_for(self, events: list[asyncio.Event], deadline: float) -> None:
        async def all_over() -> None:
            for event in events:
                await event.wait()

        loop = asyncio.get_running_loop()
        waits = {loop.create_task(all_over()), loop.create_task(self._clock.sleep_until(deadline))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _message(self, message: IncomingMessage, surface: Surface) -> None:
        if self._intake.waits_for(message):
            if self.door.is_new(message):
                self._intake.join(message)
            return
        if not self._is_for_us(message):
            unanswered("not_addressed", message.event_id, message.place, message.author, level=logging.DEBUG)
            return
        mentioned = message.addressed is Addressed.MENTION
        overheard = message.addressed is Addressed.NO
        if not self.door.is_new(message):
            return
        if not self.door.takes(message, surface, mentioned=mentioned):
            return
        if message.has_attachments and not overheard:
            words = say("attachment", language_of(message.author, message.place))
            event_id = message.event_id
            self.notices.reply(surface, message.author, words, ref=message.ref, event_id=event_id)
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

    async def _admit(self, question: Question, surface: Surface, now: Now) -> None:
        question = replace(question, place=self._conversations.now_at(question.place))
        asker, ref = question.asker, question.ref
        if await self._came_before(question, surface):
            unanswered("duplicate", question.event_id, question.place, asker)
            return
        locale = language_of(asker, question.place)
        if question.quote is not None and await self.surroundings.hides(question.quote, asker):
            question = replace(question, quote=replace(question.quote, text="", replies_to=None))
            self.notices.reply(surface, asker, say("apart.quoted", locale), ref=ref)
            if is_blank(question.text):
                unanswered("apart", question.event_id, question.place, asker)
                return
        quoted = question.quote is not None and not is_blank(question.quote.text)
        if is_blank(question.text) and not quoted:
            unanswered("empty", question.event_id, question.place, asker)
            words = say("empty", locale)
            self.notices.reply(surface, asker, words, ref=ref, event_id=question.event_id)
            return
        if len(question.text) > LONGEST_QUESTION:
            unanswered("too_long", question.event_id, question.place, asker)
            words = say("too_long", locale, length=len(question.text), limit=LONGEST_QUESTION)
            self.notices.reply(surface, asker, words, ref=ref, event_id=question.event_id)
            return
        question = await self._conversations.attributed(question, self._queue.turns)
        question, surface = await self.threads.moved(question, surface)
        ref = question.reply_to
        async with self._conversations.lock(lane_of(question.place, asker, private=question.private)):
            joined = await self._conversations.join(question, self._queue.turns)
            changed = now()
            if changed is None:  # its message was deleted meanwhile
                return
            question = replace(question, text=changed.text)
            taken = self._line_up(Turn(question, joined, surface, Answer(max_chars=self._max_answer_chars)))
        if taken and joined.paused is not None:
            resume = self._buttons.resume(joined.paused, question.place, locale)
            self.notices.reply(surface, asker, say("paused", locale), ref=ref, foot=Foot(((resume,),)))

    async def _is_shut_out(self, question: Question) -> bool:
        await self.know(question.place)
        return self.door.shuts_out(question.payer, question.place)

    async def _came_before(self, question: Question, surface: Surface) -> bool:
        """Whether another process has answered it, or begun to. Only a platform that offers again what it may
        not have told is asked about: where events are kept, what was handled does not come here."""
        if surface.capabilities.keeps_events:
            return False
        return await self.records.was_handled(surface.account, question.event_id)

    def _line_up(self, turn: Turn, *, tells: bool = True) -> bool:
        """Whether there was room for it; else the asker is told, if it `tells`."""
        question, surface = turn.question, turn.surface
        try:
            before = self._queue.add(turn)
            self._keep(turn)
        except QueueFullError:
            self._busy(question, surface, tells=tells)
            return False
        if before and turn.known is None and not self._interrupts(turn):
            log.info("turn %s in %s waits behind %d", turn.id, question.place, before)
            soon = self._clock.monotonic() + QUEUED_AFTER_S
            self._clock.call_at(soon, lambda: self._tell_of_line(turn, before))
        return True

    def _tell_of_line(self, turn: Turn, before: int) -> None:
        if not self._queue.waits(turn):
            return
        words, ref = say("queued", turn.locale, place=before), turn.question.reply_to
        self.notices.tell(turn.surface, turn.question.asker, words, ref=ref, reaction="reaction.queued")

    def _busy(self, question: Question, surface: Surface, *, tells: bool = True) -> None:
        unanswered("busy", question.event_id, question.place, question.asker)
        if tells:
            words = say("busy", language_of(question.asker, question.place))
            self.notices.tell(
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
            turn.record = self.records.taken_over(
                turn.id, str(turn.question.asker), turn.answer, turn.answer.length
            )
            return
        turn.record = self.records.begin(kept(turn, self._clock.wall()), turn.answer)
        self.events.taken(turn.surface, turn.question.event_ids)

    def _interrupts(self, turn: Turn) -> bool:
        """Whether it ends the answer before it, which is then shown with its mark."""
        if self.choices.busy(turn.question.place) is not Busy.INTERRUPT:
            return False
        for running in self._queue.running:
            same = running.conversation_id == turn.conversation_id
            if same and running.question.asker.id == turn.question.asker.id:
                mark = say("ending.overtaken", running.locale)
                if running.cut(Ending.STOPPED, self._clock.monotonic(), mark):
                    self._driver.changed(running.answer)
                return True
        return False

    def _greet(self, added: BotAdded, surface: Surface) -> None:
        heard = (str(added.place), added.hears_everything)  # added again with other rights is news
        if not self.door.is_new(added) or not self._greetings.take(heard, self._clock.monotonic()):
            return
        locale = language_of(added.author, added.place)
        words = say("added.hears_everything" if added.hears_everything else "added.privacy_mode", locale)
        self.notices.reply(surface, added.author, words, ref=None, event_id=added.event_id)
