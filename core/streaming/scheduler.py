"""The scheduler: for every message of an account at once, which operation is worth its rate limit now.

The law:
1. At most one operation of a view is in flight; what it shows is taken when it is granted, not before.
2. Endings go first, then sends, then previews, then typing; within one kind the view whose hidden
   text is oldest. So no stream starves.
3. An ending and a send are urgent: they keep to the windows, not to the slots (rate_limits.py), and
   are never dropped. A preview that cannot go is not queued: a newer one takes its place.
4. Whatever a bucket could grant is granted as soon as some view wants it, also while the model pauses.

Pure: `now` is an argument, and `next_deadline()` says when to call again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

from core.streaming.answer import Answer
from core.streaming.figures import Figures
from core.streaming.operations import (
    BucketKey,
    Delivered,
    MessageContent,
    NotSent,
    NotSentReason,
    OperationKind,
    Outcome,
    Unknown,
)
from core.streaming.rate_limits import NEVER, Pacer, RateLimit
from core.streaming.view import Priority, Update, View, ViewSettings

URGENT: Final = frozenset({Priority.FINAL, Priority.SEND})
RETRY_FIRST_S: Final = 0.5
RETRY_MOST_S: Final = 30.0
TRIES: Final = 10
"""So many failures in a row that are not rate limits (about three minutes of them) lose a view."""
DEFAULT_PAUSE_S: Final = 5.0
"""After a rate limit that names no time."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One call to make on the surface of `view`, whose outcome goes to `EditScheduler.performed`."""

    id: int
    view: int
    kind: OperationKind
    keys: tuple[BucketKey, ...]
    message_id: str | None = None  # None: a send, or typing
    content: MessageContent | None = None
    page: int = 0


class EditScheduler:
    """All views of one bot account and the rate limits that they share."""

    def __init__(self, limits: Mapping[str, tuple[RateLimit, ...]]) -> None:
        self.pacer = Pacer(limits)
        self._views: dict[int, View] = {}
        self._flying: dict[int, tuple[Operation, Update]] = {}
        self._ids = count(1)
        self._deadline: float = NEVER

    def show(self, answer: Answer, settings: ViewSettings, now: float) -> int:
        """Begin to show an answer; returns the id of its view."""
        view = next(self._ids)
        self._views[view] = View(answer, settings, now)
        return view

    def forget(self, view: int) -> None:
        """Drop a view that is over, or that nobody wants to see any further."""
        self._views.pop(view, None)

    def view(self, view: int) -> View:
        return self._views[view]

    def figures(self, view: int, now: float) -> Figures:
        return self._views[view].figures(now)

    def operations_to_perform(self, now: float) -> list[Operation]:
        """Grant what can be granted now. Perform them all, side by side, and report each."""
        operations: list[Operation] = []
        self._deadline = NEVER
        wants = ((view.want(now), number) for number, view in self._views.items())
        ready = sorted(
            ((want, number) for want, number in wants if want is not None),
            key=lambda pair: (pair[0].priority, pair[0].since, pair[1]),
        )
        for want, number in ready:
            view = self._views[number]
            keys = view.settings.buckets(want.kind)
            at = max(want.at, self.pacer.ready_at(keys, now, urgent=want.priority in URGENT))
            if at > now:
                self._deadline = min(self._deadline, at)
                continue
            operation = self._grant(number, view, keys, now)
            if operation is not None:
                operations.append(operation)
            elif (again := view.want(now)) is not None:
                self._deadline = min(self._deadline, max(again.at, now))
        return operations

    def _grant(self, number: int, view: View, keys: tuple[BucketKey, ...], now: float) -> Operation | None:
        update = view.update(now)
        if update is None:
            return None
        operation = Operation(
            next(self._ids), number, update.kind, keys, update.message_id, update.content, view.page
        )
        self.pacer.take(keys, now)
        view.started(update, now)
        self._flying[operation.id] = operation, update
        return operation

    def next_deadline(self) -> float:
        """When to call `operations_to_perform` again if nothing else happens; NEVER when nothing is due."""
        return self._deadline

    def performed(self, operation: Operation, outcome: Outcome, now: float) -> None:
        """Report what became of an operation."""
        operation, update = self._flying.pop(operation.id)
        view = self._views.get(operation.view)
        refused = isinstance(outcome, NotSent) and outcome.reason is NotSentReason.RATE_LIMITED
        # What a refusal says of a window is about its pause, which `retry_after` is for.
        self.pacer.answered(operation.keys, now, () if refused else outcome.observed)
        if isinstance(outcome, NotSent) and refused:
            pause = DEFAULT_PAUSE_S if outcome.retry_after_s is None else outcome.retry_after_s
            self.pacer.refused(_refused_keys(operation, outcome), pause, now)
        if view is None or operation.kind is OperationKind.TYPING:
            return
        if isinstance(outcome, Delivered):
            view.count(update.kind)
            view.delivered(update, outcome.message_id, now)
        elif isinstance(outcome, Unknown):
            view.unknown(update, now + self._back_off(view))
            self._give_up(view, NotSentReason.UNAVAILABLE)
        else:
            self._not_sent(view, update, outcome, now)

    def _not_sent(self, view: View, update: Update, outcome: NotSent, now: float) -> None:
        match outcome.reason:
            case NotSentReason.RATE_LIMITED:
                view.meter.rate_limited += 1
                view.refused()
            case NotSentReason.UNAVAILABLE:
                view.not_sent(now + self._back_off(view))
                self._give_up(view, outcome.reason)
            case NotSentReason.REJECTED:
                view.rejected(update)
            case reason:
                view.lose(reason)

    def _back_off(self, view: View) -> float:
        return float(min(RETRY_MOST_S, RETRY_FIRST_S * 2**view.failures))

    def _give_up(self, view: View, reason: NotSentReason) -> None:
        if view.failures >= TRIES:
            view.lose(reason)


def _refused_keys(operation: Operation, refusal: NotSent) -> tuple[BucketKey, ...]:
    """The bucket that the refusal names, and all of the operation's if that is none of them: what shuts
    out a whole account holds back also what draws on nothing of the account's."""
    if refusal.key is None:
        return operation.keys
    return (refusal.key,) if refusal.key in operation.keys else (*operation.keys, refusal.key)
