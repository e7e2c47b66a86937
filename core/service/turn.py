"""One turn while it lives: what is asked, where it belongs, the answer that grows, and how it ends."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field, replace

from core.conversation.catchup import Citations
from core.conversation.history import Joined, Question
from core.conversation.window import is_named
from core.messages import MessageRef, Place
from core.policy.budgets import Refused
from core.policy.spending import size_within, tokens_in
from core.ports.completions import Usage
from core.ports.reading import Seen
from core.ports.store import Message, Outlined, Summary
from core.ports.surface import Surface
from core.service.choosing import Manner
from core.service.languages import language_of
from core.service.records import Record
from core.service.showing import Showing, Shown
from core.service.spending import Reservation
from core.service.steps import Known
from core.service.usage import Counted
from core.streaming.answer import Answer, Ending
from core.streaming.operations import Button, NotSentReason


@dataclass(frozen=True, slots=True)
class Again:
    """A question that is answered once more. Its variant takes the place of the one that stands there.

    `over`: the messages that show that one, in order; `earlier`: its text, `number`: which of so many
    `variants` it is, from 1; 0 where what stands there is no answer. `goes_on`: its id, if it was cut and may
    go on. `told`: who wants it is told elsewhere that it has begun, and looks where no message comes.
    """

    asked: Message
    over: tuple[str, ...]
    earlier: str = ""
    number: int = 0
    variants: int = 0
    goes_on: str = ""
    told: bool = False


class Turn:
    """`id` cannot be guessed, and is the answer's in the store, too."""

    def __init__(
        self,
        question: Question,
        joined: Joined,
        surface: Surface,
        answer: Answer,
        again: Again | None = None,
        *,
        ids: tuple[str, str] | None = None,
        known: Known | None = None,
    ) -> None:
        """`known`: how far another process had come with this turn, whose answer's and question's `ids` these
        are; its text is in `answer`."""
        self.id, self.asked_id = ids or (secrets.token_hex(8), secrets.token_hex(8))
        self.known = known
        self.record: Record | None = None  # None: it is not in line yet
        self.question = question
        self.locale = language_of(question.asker, question.place)
        self.joined = joined
        self.surface = surface
        self.answer = answer
        self.again = again
        self.asked: Message | None = again.asked if again else None  # the question in the tree, once it is
        self.parent_id = again.asked.parent_id if again else joined.parent_id
        self.manner: Manner | None = None  # how it is answered; None: it has not begun
        self.answered_by = ""  # the model that gave the answer, or the last one asked
        self.outline: tuple[Outlined, ...] = ()  # of all that was said before, as far as anybody looks back
        self.speakers: frozenset[str] = (
            frozenset()
        )  # all who asked before, however far up: summaries tell of them
        self.apart: frozenset[str] = frozenset()  # those of them of whom the model is shown nothing
        self.path: tuple[Message, ...] = ()  # of that, what the model may be shown
        self.summary: Summary | None = None
        self.earlier: tuple[Seen, ...] = ()  # what the quoted message was a reply to, and so on
        self.about: tuple[Seen, ...] = question.about  # what was said around it, for this turn alone
        self.citations: Citations | None = None  # makes numbers in the answer lead to those messages
        self.kept = False  # the answer is in the tree
        self.asked_kept = again is not None  # the question is
        self.restored = False  # the text is that of the variant before: this one has none
        self.left = ""  # the chat that it began in, where that has another id by now
        self.withdrawn = False  # the question was deleted meanwhile
        self.forgotten = False  # whoever asked has had everything deleted: nothing of it is kept
        self.over = asyncio.Event()  # the answer has ended; it may not be shown yet
        self.finished = asyncio.Event()  # it is shown and kept as far as it can be
        self.told_of_place: Showing | None = None  # in line, until its turn comes
        self.showing: Showing | None = None
        self.shown: asyncio.Task[Shown] | None = None
        self.buttons_under: Callable[[Turn, Ending, bool], tuple[Button, ...]] | None = None
        self._streaming: asyncio.Timeout | None = None

    def move(self, place: Place) -> None:
        """Its place has another id from now on."""
        self.left = self.question.place.chat_id
        self.question = replace(self.question, place=place)
        self.joined = replace(self.joined, lane=replace(self.joined.lane, place=str(place)))

    @property
    def conversation_id(self) -> str:
        return self.joined.conversation_id

    @property
    def goes_on(self) -> bool:
        """Whether the model may be shown more of its conversation than the question."""
        from_before = self.manner is None or self.manner.from_before
        return from_before and bool(self.path or self.summary)

    @property
    def named(self) -> bool:
        """Whether the model is told who says what."""
        shown = (one for one in self.outline if one.asker not in self.apart)
        return is_named((*shown, *((self.asked,) if self.asked else ())))

    def asks(self, model: str) -> None:
        """It is this model that answers from now on."""
        self.answered_by = model
        if self.record is not None:
            self.record.model = model

    def let_go_of_what_was_said(self) -> None:
        """It may be as long as a day, and nobody asks for it again."""
        self.outline, self.path, self.summary = (), (), None

    def let_go_of(self, person: str) -> None:
        """Somebody else, `str(Person)`, is forgotten: what the model was not shown yet of theirs it is not
        shown any more."""

        def others(seen: tuple[Seen, ...]) -> tuple[Seen, ...]:
            return tuple(one for one in seen if str(one.author) != person)

        if person in self.speakers:
            self.summary = None
        self.path = tuple(one for one in self.path if one.asker != person)
        gone = {one.id for one in self.outline if one.asker == person}
        self.outline = tuple(one for one in self.outline if one.id not in gone)
        above = self.outline[-1].id if self.outline else None
        if self.parent_id in gone:
            self.parent_id = above
        if self.asked is not None and not self.asked_kept and self.asked.parent_id in gone:
            self.asked = replace(self.asked, parent_id=above)
        self.leave_out_quotes_of({person})
        self.earlier, self.about = others(self.earlier), others(self.about)
        self.question = replace(self.question, about=others(self.question.about))
        self.question = self.question.without_quotes_of({person})

    def leave_out_quotes_of(self, people: Collection[str]) -> None:
        """Of what some of these, each `str(Person)`, wrote, the model is shown no quote."""
        self.path = tuple(_without_quotes_of(people, one) for one in self.path)
        if self.asked is not None:
            self.asked = _without_quotes_of(people, self.asked)

    @property
    def messages(self) -> tuple[MessageRef, ...]:
        return self.showing.messages if self.showing else ()

    @property
    def is_shown(self) -> bool:
        """Nobody waits for more of it, but it may not be kept yet."""
        return self.shown is not None and self.shown.done()

    @property
    def place_gone(self) -> bool:
        """Nothing more can be shown where this was asked."""
        return (
            self.shown is not None
            and self.shown.done()
            and not self.shown.cancelled()
            and self.shown.result().reason is NotSentReason.PLACE_GONE
        )

    def follow(self, before: Turn) -> None:
        """The turn before it in its conversation is over: go on after what it said, where this one does."""
        follows = self.joined.follows and self.joined.lane == before.joined.lane
        if self.again is None and before.kept and follows:
            self.parent_id = before.id
        elif self.parent_id == before.id and not before.kept:
            self.parent_id = before.asked.id if before.asked and before.asked_kept else before.parent_id

    def close(self, ending: Ending, now: float, mark: str = "", *, may_go_on: bool = True) -> None:
        """End the answer; the first ending wins. For the turn's own stream, which then returns."""
        if self.answer.ended:
            return
        if self.again is not None and self.again.earlier and not self.answer.length:
            self.answer.append(self.again.earlier, now)
            self.restored = True
        buttons = self.buttons_under(self, ending, may_go_on) if self.buttons_under else ()
        self.answer.end(ending, now, mark=mark, buttons=buttons)
        if self.record is not None and self.showing is not None:
            self.record.ended()
        self.over.set()

    def finish(self) -> None:
        """It is over, and no other process need go on with it."""
        if self.record is not None:
            self.record.finish(str(self.answer.ending or Ending.FAILED))

    def cut(self, ending: Ending, now: float, mark: str) -> bool:
        """End the answer from outside, and the model's stream at once; False when it has ended already."""
        if self.answer.ended:
            return False
        self.close(ending, now, mark)
        if self._streaming is not None:
            self._streaming.reschedule(0)
        return True

    async def until_cut(self, work: Coroutine[object, object, None]) -> None:
        """Await the work, or drop it when somebody cuts the turn.

        asyncio's time-out is its one scope that cancels what is inside and nothing else: it is set to
        now by `cut`, and otherwise never.
        """
        try:
            async with asyncio.timeout(None) as self._streaming:
                await work
        except TimeoutError:
            if not self.answer.ended:
                raise
        finally:
            self._streaming = None


def _without_quotes_of(people: Collection[str], message: Message) -> Message:
    return message if frozenset(people).isdisjoint(message.quotes) else replace(message, quote="", quotes=())


@dataclass(slots=True)
class Tally:
    """Tokens of one turn: what the provider counted, else an estimate."""

    prompt: int
    before: list[Counted] = field(default_factory=list)  # by models that gave nothing, and another was asked
    streamed: int = 0  # bytes: a delta is too small to be estimated alone
    covered: int = 0  # bytes that the reservation is known to cover: up to there no delta need ask it
    counted: Usage | None = None
    billed: bool = True

    @property
    def used(self) -> int:
        return self._earlier + self._own.prompt_tokens + self._own.completion_tokens

    def counts(self, model: str) -> tuple[Counted, ...]:
        """What each model used, the last one asked being `model`; only those that used anything."""
        own = Counted(model, self._own.prompt_tokens, self._own.completion_tokens)
        return (*self.before, own) if own.prompt_tokens or own.completion_tokens else tuple(self.before)

    @property
    def answer(self) -> int:
        return self._own.completion_tokens if self.counted else tokens_in(self.streamed)

    def another_answers(self, than: str) -> None:
        """What model `than` counted stays its own; nothing that was streamed can be seen."""
        if self.counted:
            self.before.append(Counted(than, self._own.prompt_tokens, self._own.completion_tokens))
            self.counted = None
        self.streamed = self.covered = 0

    async def beyond(self, reservation: Reservation) -> Refused | None:
        """Why the answer may not go on, where more was streamed than is `covered`; None where that can
        be covered, too, or is counted anyway."""
        if self.counted is not None:
            return None
        refused = await reservation.cover(self.used)
        if refused is None:
            self.covered = size_within(reservation.tokens - self.prompt - self._earlier)
        return refused

    @property
    def _own(self) -> Usage:
        """Of the last one asked. Where its provider counts nothing of what there was, the estimate holds."""
        estimated = Usage(self.prompt, tokens_in(self.streamed)) if self.billed else Usage(0, 0)
        if self.counted is None:
            return estimated
        return Usage(
            self.counted.prompt_tokens or estimated.prompt_tokens,
            self.counted.completion_tokens or estimated.completion_tokens,
        )

    @property
    def _earlier(self) -> int:
        return sum(one.prompt_tokens + one.completion_tokens for one in self.before)
