"""The poll loop: asks for updates, keeps them, hands each over, confirms it by asking from behind it.

What it does where not all is well, so that a word is rather answered twice than lost:
- Telegram offers an update until a later one is asked for, and that is done only once the journal has it.
- What the journal has and nobody deals with is handed over before the first poll, again when another poller
  has gone, which may have left it, and where other processes may die at any time every LEASE_S.
- A journal that fails is tried again for some seconds (`kept.Shelf`). After that people get their answers all
  the same: what comes is handed over unkept, **and not confirmed**. So it comes again with the next poll,
  which tries again to keep it and knows that it was handed over; and after a crash it comes to the next
  start, where it is answered again, if it was. Telegram shows no more than the oldest `_BATCH` unconfirmed
  updates: when they are all that it shows, the older half is confirmed unkept. Those alone would be lost by a
  crash before their answer.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bots.telegram import inline
from bots.telegram.connection import LONG_POLL_S, Connection, describe
from bots.telegram.drafts import STOPPED
from bots.telegram.kept import Shelf, event_id
from bots.telegram.outcomes import seconds
from core.ports.alerts import Alerts, Cause
from core.ports.clock import Clock
from core.ports.journal import LEASE_S

_TELEGRAM: Final = "Telegram"
_CONFLICT_PAUSE_S: Final = 5.0
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0
_UNKEPT_PAUSE_S: Final = 1.0  # between polls that return at once, since what was not confirmed is still there
_BATCH: Final = 100  # core.telegram.org/bots/api#getupdates, `limit`
_PRESSES: Final = frozenset({"callback_query", STOPPED})
_PASSING: Final = frozenset({inline.KIND})
"""Not kept: one comes with every letter typed, and is of no use to anybody some seconds later."""
_COMPLAINT_S: Final = 60.0  # a connection may come and go all the time
_REMEMBERED: Final = 10_000

logger = logging.getLogger(__name__)


class Poller:
    """`take` gets each update as JSON, in order, once."""

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        take: Callable[[dict[str, Any]], None],
        shelf: Shelf,
        alerts: Alerts,
        *,
        also: tuple[str, ...] = (),
    ) -> None:
        """`also`: kinds of updates to get beside the usual ones."""
        self._also = also
        self._connection = connection
        self._clock = clock
        self._take = take
        self._handed: OrderedDict[str, None] = OrderedDict()
        self._shelf = shelf
        self._alerts = alerts
        self._offset = 0
        self._confirmed = 0
        self._failures = 0
        self._complained_at = float("-inf")
        self._complaining = False
        self._replay_from: float | None = float("-inf")  # when what was left behind may be handed over
        self.wants_questions = True

    async def run(self) -> None:
        """Poll until cancelled, or until a question comes that is not wanted: it stays unconfirmed.

        Raises PlatformError when the token is refused.
        """
        await self._replay()
        while True:
            asked = self._offset
            # While another poller may have gone, it is looked for soon.
            timeout_s = LONG_POLL_S if self._replay_from is None else int(LEASE_S)
            try:
                updates = await self._connection.updates(asked, timeout_s, also=self._also)
            except TelegramError as error:
                await self._wait_after(error)
                continue
            self._confirmed = asked
            self._recovered()
            await self._replay()
            if not await self._hand_over(updates):
                return

    async def confirm(self) -> None:
        """Let Telegram forget what was kept: call after `run`, else the next start gets it again."""
        if self._offset != self._confirmed:
            with suppress(TelegramError):
                await self._connection.updates(self._offset, timeout_s=0, also=self._also)

    async def _hand_over(self, updates: list[dict[str, Any]]) -> bool:
        """Keep updates and hand them over; False when one comes that is not wanted any more."""
        kept = [update for update in updates if not _PASSING & update.keys()]
        new = await self._shelf.keep(kept) if kept else frozenset()
        for update in updates:
            known = event_id(update)
            fresh = known not in self._handed and (new is None or known in new or _PASSING & update.keys())
            if fresh and not self.wants_questions and not _PRESSES & update.keys():
                return False
            if fresh:
                self._hand(update)
            if new is not None:
                self._offset = update["update_id"] + 1
        if new is None:
            if len(updates) >= _BATCH:
                self._offset = updates[_BATCH // 2]["update_id"]
            else:
                await self._clock.sleep_until(self._clock.monotonic() + _UNKEPT_PAUSE_S)
        return True

    async def _replay(self) -> None:
        """Hand over what was kept and not dealt with, once it is certain that nobody else will."""
        due = self._replay_from is not None and self._clock.monotonic() >= self._replay_from
        if not due or not self.wants_questions:
            return
        left = await self._shelf.left()
        if left is None:
            return
        self._replay_from = self._clock.monotonic() + LEASE_S if self._shelf.watches else None
        for update in left:
            if event_id(update) not in self._handed:
                self._hand(update)

    def _hand(self, update: dict[str, Any]) -> None:
        self._handed[event_id(update)] = None
        if len(self._handed) > _REMEMBERED:
            self._handed.popitem(last=False)
        self._take(update)

    async def _wait_after(self, error: TelegramError) -> None:
        # 404 has the same type, and is what a proxy in front of a Bot API says while that one restarts.
        if isinstance(error, InvalidToken) and "unauthorized" in str(error).lower():
            raise self._connection.unusable(error) from None
        now = self._clock.monotonic()
        told = isinstance(error, Conflict)  # by its alert
        if not told and self._failures == 0 and now - self._complained_at >= _COMPLAINT_S:
            self._complained_at, self._complaining = now, True
            logger.warning(
                "Telegram: cannot ask for updates (%s). Trying again until it works.", describe(error)
            )
        pause = min(_FIRST_PAUSE_S * 2 ** min(self._failures, 10), _LONGEST_PAUSE_S)
        if isinstance(error, RetryAfter):
            pause = seconds(error.retry_after)
        elif isinstance(error, Conflict):
            pause = _CONFLICT_PAUSE_S
            self._replay_from = now + LEASE_S
            self._alerts.raise_(Cause.POLLER, about=_TELEGRAM)
        self._failures += 1
        await self._clock.sleep_until(now + pause)

    def _recovered(self) -> None:
        if self._complaining:
            logger.info("Telegram: updates come in again after %d failures", self._failures)
        self._failures, self._complaining = 0, False
        self._alerts.clear(Cause.POLLER, about=_TELEGRAM)
