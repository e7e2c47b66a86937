"""A place that has another id from now on: all that belongs to it goes along.

The law: what is under way follows at once, what is kept as soon as the store lets it. The event that told of
it is not handled before that, so a stop or a crash in between leaves it to the next start.
"""

from __future__ import annotations

import logging
from typing import Final

from core.messages import PlaceMoved
from core.ports.clock import Clock
from core.ports.store import StoreError
from core.service.approvals import Approvals
from core.service.choosing import Choices
from core.service.conversations import Conversations
from core.service.queue import TurnQueue

log = logging.getLogger(__name__)

_AGAIN_S: Final = 5.0  # after which a store that failed is told again


class Moves:
    """One for the whole bot."""

    def __init__(
        self,
        queue: TurnQueue,
        conversations: Conversations,
        choices: Choices,
        approvals: Approvals,
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._conversations = conversations
        self._choices = choices
        self._approvals = approvals
        self._clock = clock

    async def moved(self, moved: PlaceMoved) -> None:
        """Returns once it is kept. Who may use the bot is the operator's to say: of ids."""
        log.warning(
            "%s is %s from now on: whatever allows it has to name the new id", moved.before, moved.place
        )
        for turn in self._queue.turns:
            if turn.question.place == moved.before:
                turn.move(moved.place)
        self._conversations.moved(moved.before, moved.place)
        self._approvals.follow(moved.before, moved.place)
        self._choices.follow(moved.before, moved.place)
        await self._keep(moved)
        self._choices.moved(moved.before, moved.place)

    async def _keep(self, moved: PlaceMoved) -> None:
        failing = False
        while True:
            try:
                await self._conversations.store.move_place(str(moved.before), str(moved.place))
                await self._approvals.moved(moved.before, moved.place)
            except StoreError as error:
                if not failing:
                    log.error("that %s has moved cannot be kept now, and soon again: %s", moved.before, error)
                failing = True
                await self._clock.sleep_until(self._clock.monotonic() + _AGAIN_S)
            else:
                return
