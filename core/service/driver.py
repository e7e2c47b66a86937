"""The driver: performs what the schedulers decide, one scheduler for each bot account.

Act on what is due, then re-arm: the heart says when to look again (`next_deadline`), a delta or an
outcome says it too. Operations run side by side; each outcome goes back to its scheduler.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from core.catalogue import say
from core.messages import MessageRef, Place
from core.ports.clock import Clock, Timer
from core.ports.surface import Surface
from core.streaming.answer import Answer, Ending
from core.streaming.figures import Figures
from core.streaming.files import Files, FileStatus
from core.streaming.meters import NEVER
from core.streaming.operations import (
    BucketKey,
    Button,
    Delivered,
    NotSent,
    NotSentReason,
    OperationKind,
    Outcome,
    Unknown,
)
from core.streaming.pages import MessageLimit
from core.streaming.reasoning import ShownReasoning
from core.streaming.scheduler import EditScheduler, Operation
from core.streaming.view_settings import BARE, Draft, Foot, Standing, ViewSettings
from core.streaming.ways import Way

_log = logging.getLogger(__name__)

TICK_S = 0.01
"""Deltas that come closer together than this are looked at together."""
FORGET_BUCKETS_S = 600.0
MAX_DRAFT_ID = 2**31 - 1
"""Telegram says no more of the number than that it is an integer and not zero."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How it went: `complete` when all of the answer stands there, else `reason` says why not.
    `end_in_doubt`: its end may stand there all the same, by a send of which nobody heard."""

    complete: bool
    messages: tuple[MessageRef, ...]
    reason: NotSentReason | None
    figures: Figures
    end_in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """For whoever watches (the sandbox's page, a meter): one answer of the model, as of now."""

    place: Place
    messages: tuple[MessageRef, ...]
    figures: Figures


class Recorder(Protocol):
    """Writes down what an answer shows."""

    async def before(self, operation: Operation) -> bool:
        """Returns when that is written down, or need not be waited for. False: it is not to be done, since
        another process shows this answer now."""

    def after(self, operation: Operation, outcome: Outcome) -> None: ...


class Showing:
    """One answer on its way to one surface."""

    def __init__(
        self,
        account: _Account,
        view: int,
        ways: tuple[Surface, ...],
        reply_to: MessageRef | None,
        *,
        notice: bool,
        recorder: Recorder | None,
    ) -> None:
        self.recorder = recorder
        self.surface = ways[0]
        self.ways = ways
        self.reply_to = reply_to
        self.notice = notice
        self._account = account
        self._chats: list[str] = []  # of each message: a group can get another id in the middle of it
        self._view = account.scheduler.view(view)
        self._finished: asyncio.Future[Shown] = asyncio.get_running_loop().create_future()

    @property
    def messages(self) -> tuple[MessageRef, ...]:
        """The bot's messages that carry the answer so far, in order."""
        shown = self._view.messages
        self._chats += [self.surface.place.chat_id] * (len(shown) - len(self._chats))
        return tuple(map(MessageRef, self._chats, shown))

    @property
    def lost(self) -> bool:
        """Nothing further can be shown (place or message gone): the model's stream is of no use here."""
        return self._view.lost is not None

    @property
    def ends_at(self) -> float | None:
        """When the answer must have ended, as far as is known by now; None: it may go on for ever. It is no
        use any more once the answer is lost."""
        ends = [self.ways[way].ends_at for way, _ in self._view.ways.open(OperationKind.SEND, 1)]
        return self.surface.ends_at if not ends or None not in ends else None

    async def finished(self) -> Shown:
        """Wait until all of the answer is visible, or it is lost."""
        return await asyncio.shield(self._finished)

    def when_over(self, then: Callable[[], None]) -> None:
        """Call this once it is finished or given up; never where the driver closes before."""

        def over(finished: asyncio.Future[Shown]) -> None:
            if not finished.cancelled():
                then()

        self._finished.add_done_callback(over)

    def settle(self, now: float) -> None:
        """Resolve `finished`: it is over."""
        if self._view.error is not None:
            _log.error("an answer in %s cannot be shown", self.surface.place, exc_info=self._view.error)
        if not self._finished.done():
            view = self._view
            complete = view.done and view.lost is None
            self._finished.set_result(
                Shown(complete, self.messages, view.lost, view.figures(now), view.end_in_doubt)
            )

    @property
    def watched(self) -> bool:
        """Whether `Progress` tells of it."""
        return bool(self.messages) and not self.notice

    def abandon(self) -> None:
        """Stop waiting: the driver closes."""
        self._finished.cancel()


class _Account:
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
        view = self.scheduler.show(answer, settings, self._clock.monotonic())
        showing = self.showings[view] = Showing(self, view, ways, reply_to, notice=notice, recorder=recorder)
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
        _ = showing.messages  # in the chat as it is now
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


def _way(surface: Surface) -> Way:
    able = surface.capabilities
    return Way(lambda kind, page: surface.buckets(kind), able.nonces, able.first_in_place)


def _second_way(surface: Surface) -> Way:
    """It says nothing of an answer that is on its way elsewhere."""

    def buckets(kind: OperationKind, page: int) -> tuple[BucketKey, ...] | None:
        return None if kind is OperationKind.TYPING else surface.buckets(kind)

    return Way(buckets, surface.capabilities.nonces)


async def _call(surface: Surface, operation: Operation, reply_to: MessageRef | None) -> Outcome:
    if operation.kind is OperationKind.DELETE and operation.message_id is not None:
        return await surface.delete(operation.message_id)
    if operation.kind is OperationKind.TYPING or operation.content is None:
        return await surface.typing() or Delivered("")
    if operation.message_id is None:
        return await surface.send(operation.content, reply_to if operation.page == 0 else None)
    return await surface.edit(operation.message_id, operation.content)


def _draft(lasts_s: float | None) -> Draft | None:
    """The id is random, so that two answers at a time have each their own, also across a restart."""
    return None if lasts_s is None else Draft(secrets.randbelow(MAX_DRAFT_ID) + 1, lasts_s)


def _thought(locale: str | None, text: str) -> str:
    return say("reasoning", locale, text=text)


def _beside_file(locale: str | None, status: FileStatus) -> str:
    return say(f"file.{status.kind}.{'whole' if status.complete else 'grows'}", locale, lines=status.lines)


class Driver:
    """Shows answers on surfaces. One for the whole process."""

    def __init__(self, clock: Clock, *, on_progress: Callable[[Progress], None] | None = None) -> None:
        self._clock = clock
        self._on_progress = on_progress
        self._accounts: dict[str, _Account] = {}
        self._nonces = 0

    def show(
        self,
        answer: Answer,
        surface: Surface,
        *,
        reply_to: MessageRef | None = None,
        stop: Button | None = None,
        private: bool = False,
        notice: bool = False,
        nonce: str = "",
        show_reasoning: bool = False,
        streaming: bool = True,
        locale: str | None = None,
        foot: Foot = BARE,
        over: tuple[str, ...] = (),
        typing: bool = True,
        keeps_text: bool = False,
        standing: tuple[Standing, ...] = (),
        recorder: Recorder | None = None,
    ) -> Showing:
        """Begin to show an answer, which may still grow: call `changed` after each change.

        `nonce`: opaque and unique, at most 20 characters; used where the platform has nonces.
        `private`: only where the surface has private answers. `show_reasoning`: only where it can.
        `streaming`: else nothing is shown but the typing sign before the answer has ended.
        `notice`: the bot speaks for itself, and `progress` is silent about it. `foot`: what hangs on its last
        message.
        `locale`: the reader's, for what stands beside the answer's text.
        `over`: our messages that stand there, in order. The answer takes their place, and what it does not
        need of them is deleted: all of them where it has no text. `typing`: whether it is announced by the
        typing sign, which only a new message ends. `keeps_text`: such an answer has one of them, which keeps
        its own text and gets the answer's buttons.
        `standing`: its pages that another process has shown. `recorder`: None: nothing is written down.
        """
        capabilities = surface.capabilities
        for account in self._accounts.values() if over else ():
            account.give_up_buttons(surface.place.chat_id, over)
        private = private and capabilities.private_answers
        second = None if private else surface.alternate
        ways = (surface,) if second is None else (surface, second)
        left = surface.messages_left
        above = capabilities.reasoning_above
        if surface.account not in self._accounts:
            self._accounts[surface.account] = _Account(self._clock, surface, self._on_progress)
        settings = ViewSettings(
            renderer=capabilities.renderer,
            ways=(_way(surface),) if second is None else (_way(surface), _second_way(second)),
            stop=stop if capabilities.buttons else None,
            private=private,
            draft=_draft(None if private or over else capabilities.draft_lasts_s),
            typing_lasts_s=capabilities.typing_lasts_s if typing else None,
            paced=bool(capabilities.rate_limits),
            nonce=nonce if any(way.capabilities.nonces for way in ways) else "",
            reasoning=ShownReasoning(partial(_thought, locale), above) if show_reasoning and above else None,
            limit=None if left is None else MessageLimit(max(1, left), say("ending.messages", locale)),
            files=Files(capabilities.max_file_bytes, partial(_beside_file, locale))
            if capabilities.max_file_bytes
            else None,
            foot=foot if capabilities.buttons else replace(foot, panel=()),
            whole=not streaming,
            over=over,
            keeps_text=keeps_text,
            standing=standing,
        )
        return self._accounts[surface.account].show(
            answer, ways, settings, reply_to, notice=notice, recorder=recorder
        )

    def delete(self, surface: Surface, message_ids: tuple[str, ...]) -> None:
        """Take messages away, as soon as the rate limits allow. What may not be deleted stays."""
        if message_ids:
            nothing = Answer()
            nothing.end(Ending.COMPLETE, self._clock.monotonic())
            self.show(nothing, surface, notice=True, over=message_ids)

    def put_buttons(
        self, surface: Surface, message_id: str, buttons: tuple[Button, ...], *, private: bool = False
    ) -> None:
        """Have these buttons and no others under a message of ours, as soon as the rate limits allow. What
        takes no edit any more stays as it is, and what an answer is about to take gets the answer's own.
        `private`: only one person sees it."""
        bare = Answer()
        bare.end(Ending.COMPLETE, self._clock.monotonic(), buttons=buttons)
        self.show(bare, surface, notice=True, private=private, over=(message_id,), keeps_text=True)

    async def buttons_settled(self, surface: Surface, message_ids: tuple[str, ...]) -> None:
        """Wait for the buttons that are on their way to these messages, which could overtake what comes next;
        give up all others."""
        for account in tuple(self._accounts.values()):
            for showing in account.give_up_buttons(surface.place.chat_id, message_ids):
                await showing.finished()

    def changed(self, answer: Answer) -> None:
        """`answer` grew or ended: look soon."""
        for account in self._accounts.values():
            account.changed(answer)

    def progress(self) -> list[Progress]:
        """Every answer that is on its way and visible in part; `on_progress` hears of each change."""
        return [progress for account in self._accounts.values() for progress in account.progress()]

    async def close(self, deadline: float) -> int:
        """Go on until all is shown or the clock reaches `deadline`; says how many answers were not."""
        drained = asyncio.gather(*(account.drained() for account in self._accounts.values()))

        def give_up() -> None:
            drained.cancel()

        timer = self._clock.call_at(deadline, give_up)
        await asyncio.gather(drained, return_exceptions=True)
        timer.cancel()
        left = sum(len(account.showings) for account in self._accounts.values())
        for account in self._accounts.values():
            await account.close()
        return left
