"""The journal as turns use it: what is about to be shown is written down first, and nobody waits for long.

The law: an operation goes once its step is kept. What comes of all turns meanwhile is kept together.
Where the journal fails, answers go on and are not called safe: their steps wait in order until it works
again. Only where another process could take a turn over meanwhile, the turn waits as long as it fails: nobody
else is to go on from less than what is visible. What was taken over is shown no further by this process.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from core.ports.clock import Clock
from core.ports.journal import RENEW_S, Journal, KeptTurn, Step
from core.ports.store import StoreError
from core.service.in_time import ends_within, in_time
from core.service.steps import AnyStep, Ended, GivenUp, Going, Stands, Tried, Unheard, encoded
from core.streaming.answer import Answer, Ending
from core.streaming.operations import Delivered, OperationKind, Outcome, Unknown
from core.streaming.scheduler import Operation

log = logging.getLogger(__name__)

PATIENCE_S: Final = 1.0
"""How long an operation waits for a journal that is slow."""
_AGAIN_S: Final = 1.0
_NEXT_S: Final = 1e-6  # a step that seconds since the epoch still show
_TOGETHER: Final = 256  # steps that are written at once
_PROBE: Final = "probe"
_WAITING: Final = 50_000  # steps that wait for a journal that fails; older ones are let go of


@dataclass(slots=True, eq=False)
class _Entry:
    """A step, or something else to be told to the journal in its place among the steps."""

    turn_id: str
    body: bytes = b""
    tell: Callable[[_Entry], Awaitable[None]] | None = None
    turn: KeptTurn | None = None  # that `tell` begins with
    last: bool = False  # of its turn: it holds nothing of what was said
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Records:
    """One for the process. It keeps its leases from `keep_leases` to `close`."""

    def __init__(self, journal: Journal, clock: Clock, *, patience_s: float = PATIENCE_S) -> None:
        self.journal = journal
        self._clock = clock
        self._patience_s = patience_s
        self._waiting: deque[_Entry] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._renewer: asyncio.Task[None] | None = None
        self._failing = False
        self._begun_at = 0.0
        self._lost: set[str] = set()  # turns that another process has taken over
        self._askers: dict[str, str] = {}  # by turn
        self._forgotten: set[str] = set()  # turns of which nothing is kept any more
        self.on_failing: Callable[[StoreError | None], None] = _log_failing

    def begin(self, turn: KeptTurn, answer: Answer) -> Record:
        """Have a turn kept, as soon as the journal does. Their order is that in which they were begun,
        whatever the clock on the wall does."""
        self._begun_at = max(turn.at, self._begun_at + _NEXT_S)
        turn = replace(turn, at=self._begun_at)
        self._askers[turn.id] = turn.asker
        record = Record(self, turn.id, answer)

        async def begin(entry: _Entry) -> None:
            if entry.turn is not None:
                record.duplicate = not await self.journal.begin(entry.turn)

        entry = _Entry(turn.id, tell=begin, turn=turn)
        self._put(entry)  # at once: from now on it can be forgotten
        record.begun = asyncio.ensure_future(self._begun(entry, record))
        return record

    def taken_over(self, turn_id: str, asker: str, answer: Answer, written: int) -> Record:
        """Of a turn that is in the journal already, with so much of its text."""
        self._askers[turn_id] = asker
        return Record(self, turn_id, answer, written=written)

    def keep_leases(self) -> None:
        """From now on, also while another platform is still being reached, and while all ends."""
        if self._renewer is None and not self.journal.alone:
            self._renewer = asyncio.create_task(self._renew_always(), name="leases")

    async def _renew_always(self) -> None:
        while True:
            await self.renew()
            await self._clock.sleep_until(self._clock.monotonic() + RENEW_S)

    async def close(self, deadline: float) -> None:
        """Let the journal have what waits for it, until the clock reaches `deadline`."""
        await self._write_rest(deadline)
        if self._renewer is not None:
            self._renewer.cancel()
            await asyncio.gather(self._renewer, return_exceptions=True)

    async def _write_rest(self, deadline: float) -> None:
        if self._writer is not None and not self._writer.done():
            writer = self._writer

            def give_up() -> None:
                writer.cancel()

            timer = self._clock.call_at(deadline, give_up)
            await asyncio.wait([writer])
            timer.cancel()

    async def renew(self) -> None:
        try:
            await self.journal.renew()
        except StoreError as error:
            self._failed(error)

    async def was_handled(self, account: str, event_id: str) -> bool:
        """Whether an event was handled by an earlier process. False also where the journal does not say."""
        try:
            asked = self.journal.was_handled(account, event_id)
            return bool(await in_time(self._clock, self._patience_s, asked))
        except StoreError:
            return False

    async def write(self, turn_id: str, step: AnyStep) -> bool:
        """Keep a step. False: the turn is another process's by now."""
        if turn_id in self._lost:
            return False
        entry = _Entry(turn_id, encoded(step))
        self._put(entry)
        await self._written(entry)
        return turn_id not in self._lost

    def note(self, turn_id: str, step: AnyStep) -> None:
        """Keep a step that nothing waits for."""
        self._put(_Entry(turn_id, encoded(step)))

    def tell_last(self, turn_id: str, tell: Callable[[_Entry], Awaitable[None]]) -> None:
        """Have the journal told something after all steps of a turn."""
        self._put(_Entry(turn_id, tell=tell, last=True))

    def is_lost(self, turn_id: str) -> bool:
        return turn_id in self._lost

    def over(self, turn_id: str) -> None:
        """Nothing more is told of it."""
        self._forgotten.discard(turn_id)
        self._askers.pop(turn_id, None)

    def no_longer_lost(self, turn_id: str) -> None:
        self._lost.discard(turn_id)

    def forget(self, person: str) -> None:
        """Let go of what waits to be kept of this person's turns, and keep nothing more of them; nor of their
        words in what others' turns quote."""
        self._forgotten |= {turn_id for turn_id, asker in self._askers.items() if asker == person}
        kept = deque[_Entry]()
        for entry in self._waiting:
            if entry.turn_id in self._forgotten and not entry.last:
                _done(entry)
            else:
                kept.append(entry)
            if entry.turn is not None and entry.turn.others and person in entry.turn.others.of:
                entry.turn = replace(entry.turn, others=None)
        self._waiting = kept

    async def _begun(self, entry: _Entry, record: Record) -> bool:
        await self._written(entry)
        return not record.duplicate

    async def _written(self, entry: _Entry) -> None:
        """Until it is kept, or need not be waited for any longer."""
        if not self.journal.alone:
            await asyncio.wait([entry.done])
        elif not self._failing:
            await ends_within(self._clock, self._patience_s, entry.done)

    def _put(self, entry: _Entry) -> None:
        if entry.turn_id in self._forgotten and not entry.last:
            _done(entry)
            return
        self._waiting.append(entry)
        if len(self._waiting) > _WAITING:
            _done(self._waiting.popleft())
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all(), name="journal")

    async def _write_all(self) -> None:
        one_by_one = False
        while self._waiting:
            together = self._next()[: 1 if one_by_one else None]
            try:
                await self._write(together)
            except StoreError as error:
                if not await self._works():
                    one_by_one = False
                    self._failed(error)
                    await self._clock.sleep_until(self._clock.monotonic() + _AGAIN_S)
                    continue
                if len(together) == 1 and one_by_one:
                    log.warning("one step of turn %s cannot be kept: %s", together[0].turn_id, error)
                else:
                    one_by_one = True
                    continue
            self._let_go(set(together))

    def _next(self) -> list[_Entry]:
        """What can be written at once: all steps, or all else, of turns of which nothing must be written
        before. So many turns that begin and end are few commits."""
        steps = self._waiting[0].tell is None
        found: list[_Entry] = []
        behind: set[str] = set()  # turns whose next entries are to follow another
        for entry in islice(self._waiting, _TOGETHER):
            if (entry.tell is None) is steps and entry.turn_id not in behind:
                found.append(entry)
            if not steps or entry.tell is not None:
                behind.add(entry.turn_id)
        return found

    def _let_go(self, entries: Collection[_Entry]) -> None:
        for entry in entries:
            _done(entry)
        first = [self._waiting.popleft() for _ in range(min(_TOGETHER, len(self._waiting)))]
        self._waiting.extendleft(one for one in reversed(first) if one not in entries)

    async def _write(self, together: list[_Entry]) -> None:
        if together[0].tell is None:
            self._lost |= await self.journal.write([Step(one.turn_id, one.body) for one in together])
        else:
            told = [one.tell(one) for one in together if one.tell is not None]
            outcomes = await asyncio.gather(*told, return_exceptions=True)
            if errors := [one for one in outcomes if isinstance(one, BaseException)]:
                self._let_go({one for one, out in zip(together, outcomes, strict=True) if out is None})
                raise errors[0]
        self._recovered()

    async def _works(self) -> bool:
        """Whether the journal works in general: then it is one step alone that it refuses."""
        try:
            await self.journal.count(_PROBE, 0)
        except StoreError:
            return False
        return True

    def _failed(self, error: StoreError) -> None:
        if not self._failing:
            self._failing = True
            self.on_failing(error)

    def _recovered(self) -> None:
        if self._failing:
            self._failing = False
            self.on_failing(None)


class Record:
    """What the journal knows of one turn. A driver's `Recorder`."""

    def __init__(self, records: Records, turn_id: str, answer: Answer, *, written: int = 0) -> None:
        self._records = records
        self._turn_id = turn_id
        self._answer = answer
        self._written = written  # of the answer's text
        self._ended = False
        self._shows = written > 0  # something of it, or may
        self.begun: asyncio.Future[bool] | None = None
        self.duplicate = False
        """The event that it answers was handled before."""
        self.model = ""
        """Which model answers, as far as is known."""

    @property
    def lost(self) -> bool:
        """Another process has taken the turn over, or had answered its event: also where that is known only
        now, and nothing was shown yet."""
        return self._records.is_lost(self._turn_id) or (self.duplicate and not self._shows)

    async def is_ours(self) -> bool:
        """Wait until the turn is kept, as far as one waits for that. False: its event was handled before."""
        return await asyncio.shield(self.begun) if self.begun is not None else True

    async def is_still_ours(self) -> bool:
        """Whether no other process has taken it over, as one may after this one stood still: asked of the
        journal, with how it has ended."""
        if not self.lost and not self._records.journal.alone and self._answer.ending is not None:
            await self._records.write(self._turn_id, self._end(self._answer.ending))
        return not self.lost

    def ended(self) -> None:
        """Keep how it has ended, with all its text: there may be no time to show that. What nobody has seen
        any of when the process ends is answered anew."""
        ending = self._answer.ending
        if ending is None or self._ended or self.lost or (ending is Ending.INTERRUPTED and not self._shows):
            return
        self._records.note(self._turn_id, self._end(ending))

    async def tries(self) -> None:
        """Keep that a turn which was taken over is begun with."""
        await self._records.write(self._turn_id, Tried())

    async def before(self, operation: Operation) -> bool:
        """Keep what is about to be shown. False: it is not to be shown by this process."""
        stands = operation.stands
        if stands is None and operation.kind is OperationKind.SEND:
            return await self._records.write(self._turn_id, GivenUp())
        if stands is None:
            return not self.lost
        answer = self._answer
        if answer.ending is not None and not self._ended:
            self._records.note(self._turn_id, self._end(answer.ending))
        at, text = self._news()
        going = Going(
            operation.page,
            text,
            stands.start,
            stands.end,
            stands.closed,
            stands.file,
            stands.way,
            operation.message_id,
            at,
        )
        await self._records.write(self._turn_id, going)
        self._shows = not self.lost
        return self._shows

    def after(self, operation: Operation, outcome: Outcome) -> None:
        """Keep by which message it stands, or that it may."""
        if operation.kind is not OperationKind.SEND or operation.stands is None:
            return
        if isinstance(outcome, Delivered):
            self._records.note(self._turn_id, Stands(operation.page, outcome.message_id))
        elif isinstance(outcome, Unknown):
            self._records.note(self._turn_id, Unheard(operation.page))

    def finish(self, state: str) -> None:
        """The turn is over."""
        records, turn_id = self._records, self._turn_id

        async def finish(
            _: _Entry,
        ) -> None:  # it holds no answer, as many may wait for a journal that is slow
            await records.journal.finish(turn_id, state)
            records.over(turn_id)
            records.no_longer_lost(turn_id)

        if self.lost or self.duplicate:
            records.over(turn_id)
        else:
            records.tell_last(turn_id, finish)

    def _end(self, ending: Ending) -> Ended:
        self._ended = True
        at, text = self._news()
        return Ended(ending, text, self._answer.mark, self._answer.buttons, self.model, at)

    def _news(self) -> tuple[int, str]:
        """What the model has said since the last time, and where that begins."""
        written, self._written = self._written, self._answer.length
        return written, self._answer.slice(written, self._written)


def _done(entry: _Entry) -> None:
    if not entry.done.done():
        entry.done.set_result(None)


def _log_failing(error: StoreError | None) -> None:
    if error is None:
        log.info("the journal works again")
    else:
        log.error("the journal fails (%s): answers go on, and a crash now would lose them", error)
