"""The scheduler: for every message of an account at once, which operation is worth its rate limit now.

The law:
1. At most one operation of a view is in flight; what it shows is taken when it is granted, not before.
2. Endings go first, then sends, then previews, then typing; within one kind the view whose hidden text is
   oldest (what the model's pause adds to that is in view.py). So no stream starves.
3. An ending and a send are urgent: they keep to the limits, not to the distances between previews
   (rate_limits.py), and are never dropped. A preview that cannot go is not queued with its text: a newer
   one takes its place.
4. Whatever a bucket could grant is granted as soon as some view wants it, also while the model pauses.
   Where nobody else waits, a preview goes with the next delta: just before one it would leave hidden what
   comes at once, just after one what comes a gap later.

A view that wants what a bucket cannot grant yet waits in that bucket's line and costs nothing until its
turn: so a look costs what can be granted, not what there is.

Pure: `now` is an argument, and `next_deadline()` says when to call again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Final, TypeAlias

from core.streaming.answer import Answer
from core.streaming.figures import Figures
from core.streaming.meters import NEVER, RateLimit
from core.streaming.operations import (
    BucketKey,
    MessageContent,
    NotSent,
    NotSentReason,
    OperationKind,
    Outcome,
)
from core.streaming.outcomes import apply_outcome
from core.streaming.pages import Frame
from core.streaming.rate_limits import Pacer
from core.streaming.view import Update, View
from core.streaming.view_settings import Standing, ViewSettings
from core.streaming.wants import Want

TYPING_AGAIN_S: Final = 1.0
RENDERS_AT_ONCE: Final = 4
"""A page takes milliseconds to render: after so many, others get their turn on the event loop."""
DEFAULT_PAUSE_S: Final = 5.0
"""After a rate limit that names no time."""

_OpenWays: TypeAlias = list[tuple[int, tuple[BucketKey, ...], set[BucketKey]]]
"""By way what an operation draws from, and for which of that others wait."""
_Rank: TypeAlias = tuple[int, float, int]  # priority, since when, view: lower goes first


@dataclass(frozen=True, slots=True)
class Operation:
    """One call to make on a surface of `view`, whose outcome goes to `EditScheduler.performed`."""

    id: int
    view: int
    kind: OperationKind
    keys: tuple[BucketKey, ...]
    message_id: str | None = None  # None: a send, or typing
    content: MessageContent | None = None
    page: int = 0
    way: int = 0  # which of the view's ways it goes
    stands: Standing | None = None  # what of the answer stands there then; its message is known afterwards


class EditScheduler:
    """All views of one bot account and the rate limits that they share."""

    def __init__(self, limits: Mapping[str, tuple[RateLimit, ...]]) -> None:
        self.pacer = Pacer(limits)
        self._views: dict[int, View] = {}
        self._readers: dict[Answer, list[int]] = {}
        self._flying: dict[int, tuple[Operation, Update, float]] = {}  # with when it left
        self._ids = count(1)
        self._touched: set[int] = set()  # views to look at
        self._lines: dict[BucketKey, list[tuple[_Rank, int]]] = {}  # who waits for a bucket, with a ticket
        self._freed: set[BucketKey] = set()  # buckets whose line may move
        self._tickets: dict[int, int] = {}  # by view that stands in a line: its valid ticket
        self._timers: list[tuple[float, int, int | BucketKey]] = []
        self._armed: dict[int | BucketKey, float] = {}  # when to look at a view or a line: its valid timer
        self._due: dict[int, float] = {}  # by view: when to look at it, whether its model pauses or not
        self._candidates: list[tuple[_Rank, int, Want, BucketKey | None]] = []  # to be tried, best first
        self._pending: dict[int, Want] = {}  # by view: what of it is to be tried
        self._over: set[int] = set()  # views that came to their end and were not told of yet

    def show(self, answer: Answer, settings: ViewSettings, now: float) -> int:
        """Begin to show an answer; returns the id of its view."""
        number = next(self._ids)
        self._views[number] = View(answer, settings, now)
        self._readers.setdefault(answer, []).append(number)
        self._touched.add(number)
        return number

    def forget(self, number: int) -> None:
        """Drop a view that is over, or that nobody wants to see any further."""
        view = self._views.pop(number, None)
        self._tickets.pop(number, None)
        self._due.pop(number, None)
        self._pending.pop(number, None)
        self._over.discard(number)
        if view is not None:
            self._readers[view.answer].remove(number)
            if not self._readers[view.answer]:
                del self._readers[view.answer]

    def give_up(self, number: int) -> None:
        """Bring nothing more of a view to the platform: what it shows is of no use any more."""
        view = self._views[number]
        flying = view.in_flight
        view.lose(NotSentReason.TAKEN_OVER)
        self._tickets.pop(number, None)
        self._pending.pop(number, None)
        self._touched.add(number)
        if not flying:
            self._over.add(number)

    def take_over(self) -> set[int]:
        """The views that came to their end, shown whole or lost, since this was asked: to be forgotten."""
        over, self._over = self._over, set()
        return over

    def view(self, number: int) -> View:
        return self._views[number]

    def figures(self, number: int, now: float) -> Figures:
        return self._views[number].figures(now)

    def changed(self, answer: Answer) -> bool:
        """`answer` grew or ended. Says whether it is worth calling `operations_to_perform` soon: whoever
        waits in a line or for an outcome is shown in its newest state anyway."""
        for number in self._readers.get(answer, ()):
            waits = number in self._tickets or number in self._pending or self._views[number].in_flight
            if answer.ended or not waits:
                self._touched.add(number)
        return bool(self._touched)

    def operations_to_perform(self, now: float) -> list[Operation]:
        """Grant what can be granted now. Perform them all, side by side, and report each."""
        self._ring(now)
        for number in self._touched:
            self._look(number, now)
        self._touched.clear()
        for key in self._freed:
            self._call_next(key, now)
        self._freed.clear()
        operations: list[Operation] = []
        renders = 0
        while self._candidates and renders < RENDERS_AT_ONCE:
            rank, _, want, line = heappop(self._candidates)
            number, blocked_by = rank[2], None
            if self._pending.get(number) is want:  # else it was looked at again, or is no more
                del self._pending[number]
                operation, blocked_by = self._try(rank, want, now)
                renders += blocked_by is None
                if operation is not None:
                    operations.append(operation)
            if line is not None and blocked_by != line:
                self._call_next(line, now)
        return operations

    def _ring(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            at, _, whom = heappop(self._timers)
            if self._armed.get(whom) != at:
                continue
            del self._armed[whom]
            if isinstance(whom, BucketKey):
                self._freed.add(whom)
            elif not self._put_off(whom, now):
                self._touched.add(whom)

    def _put_off(self, number: int, at: float) -> bool:
        """A view is looked at when its model pauses: where that has spoken since, not at `at`. With hundreds
        of models there would be a look in vain at nearly every moment."""
        view, due_at = self._views.get(number), self._due.get(number, NEVER)
        if view is None or due_at <= at or (pauses_at := view.pauses_at(at)) is None:
            return False
        self._armed.pop(number, None)
        self._arm(number, min(pauses_at, due_at))
        return True

    def _look_again(self, number: int, at: float) -> None:
        """Whether its model pauses by then or not."""
        self._due[number] = at
        self._arm(number, at)

    def _arm(self, whom: int | BucketKey, at: float) -> None:
        if at < self._armed.get(whom, NEVER):
            self._armed[whom] = at
            heappush(self._timers, (at, next(self._ids), whom))

    def _look(self, number: int, now: float) -> None:
        """Find out what a view wants now, wherever it stood before."""
        self._pending.pop(number, None)
        self._tickets.pop(number, None)
        self._due.pop(number, None)
        view = self._views.get(number)
        if view is None:
            return
        if (pauses_at := view.pauses_at(now)) is not None:
            self._arm(number, pauses_at)
        want = view.want(now)
        if want is None:
            return
        if want.at > now:
            self._look_again(number, want.at)
            return
        self._propose(number, want, None)

    def _propose(self, number: int, want: Want, line: BucketKey | None) -> None:
        self._pending[number] = want
        heappush(self._candidates, ((want.priority, want.since, number), next(self._ids), want, line))

    def _call_next(self, key: BucketKey, now: float) -> None:
        """Let the first in a bucket's line try, where that has room for anything at all."""
        line = self._lines.get(key, [])
        if line and (ready_at := self.pacer.bucket(key).ready_at(now)) > now:
            if key not in self._armed and ready_at < NEVER:
                self._arm(key, ready_at)
            return
        while line:
            rank, ticket = heappop(line)
            number = rank[2]
            if self._tickets.get(number) != ticket:
                continue
            del self._tickets[number]
            want = self._views[number].want(now)
            if want is None:
                continue
            if want.at > now:
                self._look_again(number, want.at)
                continue
            self._propose(number, want, key)
            return
        self._lines.pop(key, None)

    def _try(self, rank: _Rank, want: Want, now: float) -> tuple[Operation | None, BucketKey | None]:
        """Grant it, or put the view into the line of the bucket that it waits for longest."""
        number = rank[2]
        view = self._views[number]
        ways = self._by_readiness(view, want, now)
        if not ways:
            if want.kind is not OperationKind.TYPING:  # every way has ended
                view.lose(NotSentReason.EXPIRED)
                self._over.add(number)
            return None, None
        at, way, keys, blocked_by = ways[0]
        if at <= now < (fuller_at := self._fuller_at(want, keys)):
            view.await_delta()
            self._look_again(number, fuller_at)
            return None, None
        if at > now and want.kind is OperationKind.TYPING:  # the first text is not to wait behind it
            self._look_again(number, min(at, now + TYPING_AGAIN_S))
            return None, blocked_by
        if at > now and blocked_by is not None:
            ticket = self._tickets[number] = next(self._ids)
            heappush(self._lines.setdefault(blocked_by, []), (rank, ticket))
            if at < NEVER:
                self._arm(blocked_by, at)
            if len(ways) > 1:  # whoever stands before it in this line does not hold up the others
                self._look_again(number, ways[1][0])
            return None, blocked_by
        return self._grant(number, view, keys, way, now), None

    def _by_readiness(
        self, view: View, want: Want, now: float
    ) -> list[tuple[float, int, tuple[BucketKey, ...], BucketKey | None]]:
        """The ways that it may go, the soonest first: when, which, what it draws from, what grants last."""
        ways = [
            (way, keys, {key for key in keys if self._is_crowded(key)})
            for way, keys in view.ways.open(want.kind, view.page)
        ]
        previews = [want.preview] * len(ways)
        if want.preview is not None and len(ways) > 1:
            ripe = self._ripe_for_all(ways, want.preview.haste, now)
            previews = [want.preview._replace(ripe_s=ripe_s) for ripe_s in ripe]
        found = []
        for (way, keys, crowded), preview in zip(ways, previews, strict=True):
            at, blocked_by = self.pacer.blocking(keys, now, preview, crowded=crowded)
            found.append((at, way, keys, blocked_by))
        return sorted(found, key=lambda one: one[:2])

    def _ripe_for_all(self, ways: _OpenWays, haste: float, now: float) -> list[float]:
        """What is shown one way is not hidden the other: by way, at what age text is worth a request at the
        pace of them all. What another way grants is shared by those who wait for it."""
        own_s = [self.pacer.distance_s(keys, now, haste, crowded=crowded) for _, keys, crowded in ways]
        shared_s = [max(one, self._turns_s(crowded)) for one, (*_, crowded) in zip(own_s, ways, strict=True)]
        per_s = sum(1.0 / one for one in shared_s)
        return [1.0 / (per_s - 1.0 / shared + 1.0 / own) for own, shared in zip(own_s, shared_s, strict=True)]

    def _turns_s(self, crowded: set[BucketKey]) -> float:
        """How long it takes until all who wait for these buckets had their turn."""
        return max((len(self._lines[key]) * self.pacer.bucket(key).slot_s for key in crowded), default=0.0)

    def _fuller_at(self, want: Want, keys: tuple[BucketKey, ...]) -> float:
        """Until when it waits for the model's next delta."""
        if want.preview is None or any(self._is_crowded(key) for key in keys):
            return -NEVER
        return want.preview.fuller_at

    def _is_crowded(self, key: BucketKey) -> bool:
        """Whether others wait for it: then nobody spends ahead."""
        line = self._lines.get(key, [])
        while line and self._tickets.get(line[0][0][2]) != line[0][1]:
            heappop(line)
        return bool(line)

    def _grant(
        self, number: int, view: View, keys: tuple[BucketKey, ...], way: int, now: float
    ) -> Operation | None:
        try:
            update = view.update(now, way)
        except Exception as error:  # noqa: BLE001 - a renderer that breaks its contract must not stop the others
            view.broke(error)
            update = None
        if update is None:
            if view.over:
                self._over.add(number)
            elif (again := view.want(now)) is not None:
                self._look_again(number, max(again.at, now))
            return None
        frame = update.frame
        operation = Operation(
            next(self._ids),
            number,
            update.kind,
            keys,
            update.message_id,
            update.content,
            view.page,
            way,
            None if frame is None else _stands(update.message_id, frame, way),
        )
        self.pacer.take(keys, now)
        view.started(update, now)
        self._flying[operation.id] = operation, update, now
        if not view.in_flight:  # typing: the text does not wait for it
            self._touched.add(number)
        return operation

    def next_deadline(self) -> float:
        """When to call `operations_to_perform` again if nothing else happens; NEVER when nothing is due."""
        if self._touched or self._freed or self._candidates:
            return -NEVER
        while self._timers:
            at, _, whom = self._timers[0]
            if self._armed.get(whom) == at and (isinstance(whom, BucketKey) or not self._put_off(whom, at)):
                return at
            heappop(self._timers)
        return NEVER

    def performed(self, operation: Operation, outcome: Outcome, now: float) -> None:
        """Report what became of an operation."""
        operation, update, since = self._flying.pop(operation.id)
        view = self._views.get(operation.view)
        self._freed.update(operation.keys)
        self._touched.add(operation.view)
        if isinstance(outcome, NotSent) and outcome.reason is NotSentReason.RATE_LIMITED:
            # What a refusal's headers say of a window is about its pause, which `retry_after` is for.
            pause = DEFAULT_PAUSE_S if outcome.retry_after_s is None else outcome.retry_after_s
            self.pacer.refused(operation.keys, now, pause, outcome.key)
        else:
            self.pacer.answered(operation.keys, now, since, outcome.observed)
        if view is None or operation.kind is OperationKind.TYPING:
            return
        apply_outcome(view, update, operation.way, outcome, now)
        if view.over:
            self._over.add(operation.view)


def _stands(message_id: str | None, frame: Frame, way: int) -> Standing:
    """Not closed where it is the last one, which carries how the answer ended: nothing goes on below it."""
    closed = frame.closed and not frame.last
    return Standing(message_id, frame.start, frame.end, closed, frame.file is not None, way)
