"""Messages as the journal keeps them while the core has them in hand.

Discord offers none twice, but tells what stands in a channel as often as it is asked. So only where a message
stands is kept: the next process reads it again, as it is by then. While the journal fails people are answered
all the same, and what could not be kept holds its channel's cursor back (cursors.py).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from core.messages import IncomingMessage
from core.ports.alerts import Alerts, Cause
from core.ports.clock import Clock
from core.ports.journal import STARTS, Journal, Received
from core.ports.store import StoreError
from core.service.in_time import in_time

_log = logging.getLogger(__name__)

LONGEST_GAP_S: Final = 600.0
"""Who asked longer ago has gone away by now."""
_PATIENCE_S: Final = 1.0
"""So long a message waits to be kept before the core has it; while the journal fails, not at all."""
_MOST_UNKEPT: Final = 10_000


class Shelf:
    """The journal, for the messages of one bot account."""

    def __init__(self, journal: Journal | None, clock: Clock, account: str, alerts: Alerts) -> None:
        """`journal` None: nothing outlives the process, and nothing waits to be kept."""
        self._alerts = alerts
        self._journal = journal
        self._clock = clock
        self._account = account
        self._failing = False
        self._unkept: dict[str, tuple[Received, float]] = {}  # with when each came, by the monotonic clock
        self._ours: set[str] = set()  # came before it was known what is left
        self._left: dict[str, set[str]] | None = None  # by channel, of earlier processes

    @property
    def keeps(self) -> bool:
        return self._journal is not None

    def coming(self, message: IncomingMessage) -> None:
        """This process deals with it from now on, if no other has: to be followed by `keep`."""
        if self._journal is None:
            return
        channel_id, event_id = message.place.chat_id, message.event_id
        body = channel_id.encode()
        received = Received(self._account, event_id, str(message.author), body, self._clock.wall())
        self._unkept[event_id] = received, self._clock.monotonic()
        if self._left is None:
            self._ours.add(event_id)
        else:
            self._left.get(channel_id, set()).discard(event_id)

    def is_kept(self, message: IncomingMessage) -> bool:
        return message.event_id not in self._unkept

    async def keep(self, message: IncomingMessage) -> bool:
        """Try to, before the core has it. False: an earlier process has dealt with it."""
        if self._journal is None or self._failing or message.event_id not in self._unkept:
            return True
        to_do, problem = None, "it takes too long"
        received, _ = self._unkept[message.event_id]  # now: `keep_rest` may be first
        try:
            to_do = await in_time(self._clock, _PATIENCE_S, self._keep(self._journal, received))
        except StoreError as error:
            problem = str(error)
        if to_do is None:
            self._fails(problem)
        return to_do is not False

    async def _keep(self, journal: Journal, received: Received) -> bool:
        new = await journal.receive([received])
        self._unkept.pop(received.id, None)
        # One that is not new may be of a process that did not come to it, or of a try that seemed to fail.
        return bool(new) or not await journal.was_handled(self._account, received.id)

    async def keep_rest(self) -> tuple[tuple[str, str], ...]:
        """Keep what could not be: (channel, message) of what is by now, or is let go of as too old."""
        since = self._clock.monotonic() - LONGEST_GAP_S
        waiting = list(self._unkept.items())
        most = len(waiting) - _MOST_UNKEPT
        done = [one for number, (one, (_, at)) in enumerate(waiting) if at < since or number < most]
        rest = [received for one, (received, _) in waiting if one not in set(done)]
        if self._journal is not None and rest:
            try:
                await self._journal.receive(rest)
            except StoreError as error:
                self._fails(str(error))
            else:
                self._works()
                done += [received.id for received in rest]
        gone = [self._unkept.pop(one) for one in done if one in self._unkept]
        return tuple((received.body.decode(), received.id) for received, _ in gone)

    async def left(self) -> Mapping[str, set[str]]:
        """By channel, the ids of what earlier processes kept and did not come to. What several of them were
        killed in the midst of is given up. Raises StoreError."""
        found: dict[str, set[str]] = {}
        if self._journal is not None:
            left = await self._journal.take_over_events(self._account)
            if given_up := [one.event.id for one in left if one.taken >= STARTS]:
                await self._journal.handled(self._account, given_up, self._clock.wall())
            for event_id in given_up:
                self._alerts.raise_(Cause.GIVEN_UP, about=self._account, why=f"event {event_id}")
            for one in left:
                if one.taken < STARTS and one.event.id not in self._ours:
                    found.setdefault(one.event.body.decode(), set()).add(one.event.id)
        self._left = found
        self._ours.clear()
        return found

    async def let_go(self, channel_id: str) -> None:
        """What is left of a channel is no more to be found there, or too old."""
        gone = (self._left or {}).pop(channel_id, None)
        if not gone or self._journal is None:
            return
        try:
            await self._journal.handled(self._account, sorted(gone), self._clock.wall())
        except StoreError as error:  # the next start looks at it again
            _log.debug("discord: messages of channel %s are not let go of: %s", channel_id, error)

    def _fails(self, problem: str) -> None:
        if not self._failing:
            _log.error(
                "discord: messages cannot be kept (%s). They are answered; those that wait when this bot ends"
                " are read again.",
                problem,
            )
        self._failing = True

    def _works(self) -> None:
        if self._failing:
            _log.info("discord: messages are kept again")
        self._failing = False
