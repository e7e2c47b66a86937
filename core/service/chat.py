"""The bot's one service: its parts, the way of each event to one of them, and how all ends at shutdown.

`core.commands` stands before this and takes the slash commands; all else comes here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TypeVar

from core.catalogue import say
from core.configuration import ModelChoice
from core.conversation.history import Question
from core.conversation.tokens import Budgets
from core.messages import (
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
from core.service.beginnings import Beginnings
from core.service.buttons import Buttons
from core.service.changes import Changes
from core.service.choosing import Choices
from core.service.continuing import Continuing
from core.service.conversations import Conversations
from core.service.door import Door, unanswered
from core.service.driver import Driver
from core.service.endings import Endings
from core.service.events import Events
from core.service.exchange_lookup import ExchangeLookup
from core.service.exchanges import Exchanges
from core.service.flooding import Flooding
from core.service.generation import Generation
from core.service.in_time import all_by
from core.service.intake import Intake
from core.service.languages import language_of
from core.service.line import Line
from core.service.listening import Listening
from core.service.moderating import Moderator
from core.service.moves import Moves
from core.service.notices import Notices
from core.service.presses import Presses
from core.service.prompts import Prompts
from core.service.queue import STREAMS, TurnQueue
from core.service.records import Records
from core.service.recovery import Recovery
from core.service.resuming import Resuming
from core.service.room import Room
from core.service.signing import Signer
from core.service.spending import Spending
from core.service.summaries import Summaries
from core.service.surroundings import Surroundings
from core.service.tasks import Tasks
from core.service.threads import Threads
from core.service.turns import Turns
from core.service.usage import Book
from core.streaming.answer import DEFAULT_MAX_CHARS

_T = TypeVar("_T")

_AT_ONCE = {"in_all": 200, "each": 5}  # of what takes long
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
        buttons = Buttons(self.signer)
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
        prompts = Prompts(
            choices=choices,
            conversations=self._conversations,
            surroundings=self.surroundings,
            budgets=budgets,
            notices=self.notices,
            is_admin=access.is_admin,
        )
        self._endings = Endings(driver, clock, self.notices)
        generation = Generation(
            completions=completions,
            prompts=prompts,
            endings=self._endings,
            driver=driver,
            clock=clock,
            moderator=moderator,
        )
        turns = Turns(
            prompts=prompts,
            generation=generation,
            endings=self._endings,
            driver=driver,
            clock=clock,
            spending=spending,
            conversations=self._conversations,
            summaries=self._summaries,
            notices=self.notices,
            buttons=buttons,
            shut_out=self._is_shut_out,
            streams=STREAMS,
            book=book,
        )
        self._queue = TurnQueue(turns.run, self._tasks)
        self._line = Line(
            queue=self._queue,
            lanes=self._conversations.lanes,
            records=self.records,
            events=self.events,
            choices=choices,
            endings=self._endings,
            notices=self.notices,
            clock=clock,
        )
        beginnings = Beginnings(
            conversations=self._conversations,
            surroundings=self.surroundings,
            threads=self.threads,
            records=self.records,
            queue=self._queue,
            line=self._line,
            buttons=buttons,
            notices=self.notices,
            max_answer_chars=max_answer_chars,
        )
        self._intake = Intake(clock, self._tasks, self.events, beginnings.begin)
        self.listening = Listening(
            choices=choices,
            surroundings=self.surroundings,
            door=self.door,
            intake=self._intake,
            notices=self.notices,
            tasks=self._tasks,
            ask=self.ask,
        )
        self._flooding = Flooding(self._intake, self._queue, self.notices, clock)
        self._moves = Moves(self._queue, self._conversations, choices, self.approvals, clock)
        lookup = ExchangeLookup(self._conversations, self._queue)
        self._changes = Changes(self._intake, self._queue, self._endings, lookup, store)
        self.continuing = Continuing(
            conversations=self._conversations,
            lookup=lookup,
            driver=driver,
            buttons=buttons,
            line_up=self._line.add,
            max_answer_chars=max_answer_chars,
        )
        self.exchanges = Exchanges(
            conversations=self._conversations,
            lookup=lookup,
            continuing=self.continuing,
            queue=self._queue,
            endings=self._endings,
            driver=driver,
            clock=clock,
            buttons=buttons,
            line_up=self._line.add,
            max_answer_chars=max_answer_chars,
        )
        self._presses = Presses(
            buttons=buttons,
            conversations=self._conversations,
            exchanges=self.exchanges,
            continuing=self.continuing,
            resuming=Resuming(self._conversations, self._queue),
            queue=self._queue,
            door=self.door,
            notices=self.notices,
            events=self.events,
        )
        self._later = Room(**_AT_ONCE)
        self.recovery = Recovery(
            self.records, clock, self._line.add, max_chars=max_answer_chars, alerts=alerts
        )
        self._greetings = Frequency(1, 3_600.0)

    async def handle(self, incoming: Incoming, surface: Surface) -> None:
        """Take an event that is no command; see `core.ports.surface.Handle`."""
        match incoming:
            case IncomingMessage():
                self.listening.take(incoming, surface)
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
            self._line.full(question, surface)

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
                turn.forgotten, turn.buttons_under = True, None  # there is nothing to go on with
                self._endings.stopped(turn)
        for turn in self._queue.turns:
            if str(turn.question.asker) != person:
                turn.let_go_of(person)
        self.records.forget(person)

    async def stop(self, *, streams_until: float, marks_until: float) -> int:
        """Take nothing more; let streams finish until the first time, mark the rest, show until the second.

        Both are on the clock's monotonic time. Returns how many answers could not be completed on screen.
        """
        self.door.closing = True
        await all_by(self._clock, streams_until, [self._intake.close()])
        for turn in self._queue.drop_waiting():
            unanswered("closing", turn.question.event_id, turn.question.place, turn.question.asker)
        running = self._queue.running
        await all_by(self._clock, streams_until, [turn.over for turn in running])
        for turn in running:
            self._endings.cut_off(turn)
        unmarked = await self._driver.close(marks_until)
        self.events.closed = True
        await all_by(self._clock, marks_until + KEEP_S, [turn.finished for turn in running])
        await self.events.close(marks_until + KEEP_S)
        await self.records.close(marks_until + KEEP_S)
        await self._tasks.close()
        return unmarked

    async def _is_shut_out(self, question: Question) -> bool:
        await self.know(question.place)
        return self.door.shuts_out(question.payer, question.place)

    def _greet(self, added: BotAdded, surface: Surface) -> None:
        heard = (str(added.place), added.hears_everything)  # added again with other rights is news
        if not self.door.is_new(added) or not self._greetings.take(heard, self._clock.monotonic()):
            return
        locale = language_of(added.author, added.place)
        words = say("added.hears_everything" if added.hears_everything else "added.privacy_mode", locale)
        self.notices.reply(surface, added.author, words, ref=None, event_id=added.event_id)
