"""What whoever has an answer shown holds of it: how far it stands there, and how it went."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from core.messages import MessageRef, Place
from core.ports.surface import Surface
from core.streaming.figures import Figures
from core.streaming.operations import NotSentReason, OperationKind, Outcome
from core.streaming.scheduler import Operation
from core.streaming.view import View

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """How it went: `complete` when all of the answer stands there, else `reason` says why not.
    `marked`: below what stands a message says that it broke off."""

    complete: bool
    messages: tuple[MessageRef, ...]
    reason: NotSentReason | None
    figures: Figures
    marked: bool = False


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
        view: View,
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
        self._messages: list[MessageRef] = []
        self._view = view
        self._finished: asyncio.Future[Shown] = asyncio.get_running_loop().create_future()

    @property
    def messages(self) -> tuple[MessageRef, ...]:
        """The bot's messages that carry the answer so far, in order."""
        self.note_messages()
        return tuple(self._messages)

    def note_messages(self) -> None:
        """Keep in which chat those are that came: a group can get another id in the midst of an answer."""
        for message_id in self._view.messages[len(self._messages) :]:
            self._messages.append(MessageRef(self.surface.place.chat_id, message_id))

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
                Shown(complete, self.messages, view.lost, view.figures(now), view.marked)
            )

    @property
    def watched(self) -> bool:
        """Whether `Progress` tells of it."""
        return bool(self._view.messages) and not self.notice

    def abandon(self) -> None:
        """Stop waiting: the driver closes."""
        self._finished.cancel()
