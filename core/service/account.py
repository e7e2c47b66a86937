"""One bot account: performs what its scheduler decides.

Act on what is due, then re-arm: the heart says when to look again (`next_deadline`), a delta or an
outcome says it too. Operations run side by side; each outcome goes back to the scheduler.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from core.messages import MessageRef
from core.ports.clock import Clock, Timer
from core.ports.surface import Surface
from core.service.showing import Progress, Recorder, Showing
from core.streaming.answer import Answer
from core.streaming.meters import NEVER
from core.streaming.operations import Delivered, NotSent, NotSentReason, OperationKind, Outcome, Unknown
from core.streaming.scheduler import EditScheduler, Operation
from core.streaming.view_settings import ViewSettings

_log = logging.getLogger(__name__)

TICK_S = 0.01
"""Deltas that come closer together than this are looked at together."""
FORGET_BUCKETS_S = 600.0


class Account:
    """One bot account: its scheduler, what it shows, and the calls under way."""

    def __init__(
        self, clock: Clock, surface: Surface, on_progress: Callable[[Progress], None] | None
    ) -> None:
        self.scheduler = EditScheduler(surface.capabilities.rate_limits)
        self.showings: dict[int, Showing] = {}
        self._clock = clock
        self._on_progress = on_progress
        self._timer: Timer | None = None
        self._due = NEVER
        self._last_tick = -NEVER
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._forget_at = clock.monotonic() + FORGET_BUCKETS_S

    def show(
        self,
        answer: Answer,
        ways: tuple[Surface, ...],
        settings: ViewSettings,
        reply_to: MessageRef | None,
        *,
        notice: bool,
        recorder: Recorder | None,
    ) -> Showing:
        for surface in ways:
            self.scheduler.pacer.add_limits(surface.capabilities.rate_limits)
        number = self.scheduler.show(answer, settings, self._clock.monotonic())
        view = self.scheduler.view(number)
        showing = self.showings[number] = Showing(view, ways, reply_to, notice=notice, recorder=recorder)
        self._idle.clear()
        self.changed(answer)
        return showing

    def changed(self, answer: Answer) -> None:
        """If that changes what is to be done here, look soon."""
        if self.scheduler.changed(answer):
            self._wake()

    def _wake(self) -> None:
        """Look soon, though not more often than every TICK_S."""
        soonest = self._last_tick + TICK_S
        if soonest < self._due:
            self._arm(max(self._clock.monotonic(), soonest))

    def give_up_buttons(self, chat_id: str, message_ids: tuple[str, ...]) -> list[Showing]:
        """Something else becomes of these messages: put no buttons under them that are not on their way yet.
        Returns who had some for them."""
        given_up = []
        for number, showing in self.showings.items():
            settings, here = self.scheduler.view(number).settings, showing.surface.place.chat_id == chat_id
            if settings.keeps_text and here and not {*settings.over}.isdisjoint(message_ids):
                self.scheduler.give_up(number)
                self._wake()
                given_up.append(showing)
        return given_up

    async def drained(self) -> None:
        """Wait until nothing is left to show."""
        if self.showings:
            await self._idle.wait()

    async def close(self) -> None:
        """End all calls under way."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for showing in self.showings.values():
            showing.abandon()

    def _arm(self, at: float) -> None:
        if at >= self._due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = at
        self._timer = self._clock.call_at(at, self._tick)

    def _tick(self) -> None:
        now = self._last_tick = self._clock.monotonic()
        self._timer, self._due = None, NEVER
        for operation in self.scheduler.operations_to_perform(now):
            task = asyncio.create_task(self._perform(operation), name=f"{operation.kind} {operation.id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._settle(now)
        if now >= self._forget_at:
            self.scheduler.pacer.forget_idle(now)
            self._forget_at = now + FORGET_BUCKETS_S
        self._arm(self.scheduler.next_deadline())

    async def _perform(self, operation: Operation) -> None:
        showing = self.showings[operation.view]
        outcome: Outcome
        try:
            if showing.recorder is None or await showing.recorder.before(operation):
                outcome = await _call(showing.ways[operation.way], operation, showing.reply_to)
            else:
                outcome = NotSent(NotSentReason.TAKEN_OVER)
        except Exception as error:  # noqa: BLE001 - a surface that breaks its contract must not stop the others
            _log.exception("surface %s failed in %s", showing.surface.place, operation.kind)
            outcome = Unknown(type(error).__name__)
        now = self._clock.monotonic()
        if not isinstance(outcome, Delivered):
            _log.info("%s %s page %d: %s", showing.surface.place, operation.kind, operation.page, outcome)
        if showing.recorder is not None:
            showing.recorder.after(operation, outcome)
        self.scheduler.performed(operation, outcome, now)
        showing.note_messages()
        shown = operation.view not in self.showings  # while a typing sign was on its way
        if self._on_progress is not None and showing.watched and not shown:
            self._on_progress(self._progress(operation.view, now))
        self._wake()

    def progress(self) -> list[Progress]:
        """Every answer of the model of which something is visible, as of now."""
        now = self._clock.monotonic()
        return [self._progress(view, now) for view, showing in self.showings.items() if showing.watched]

    def _progress(self, view: int, now: float) -> Progress:
        showing = self.showings[view]
        return Progress(showing.surface.place, showing.messages, self.scheduler.figures(view, now))

    def _settle(self, now: float) -> None:
        for view in self.scheduler.take_over():
            showing = self.showings[view]
            showing.settle(now)
            if self._on_progress is not None and showing.watched:  # it may need no last edit
                self._on_progress(self._progress(view, now))
            del self.showings[view]
            self.scheduler.forget(view)
        if not self.showings:
            self._idle.set()


async def _call(surface: Surface, operation: Operation, reply_to: MessageRef | None) -> Outcome:
    if operation.kind is OperationKind.DELETE and operation.message_id is not None:
        return await surface.delete(operation.message_id)
    if operation.kind is OperationKind.TYPING or operation.content is None:
        return await surface.typing() or Delivered("")
    if operation.message_id is None:
        return await surface.send(operation.content, reply_to if operation.page == 0 else None)
    return await surface.edit(operation.message_id, operation.content)
