"""What is kept goes when its time is over, whether or not anybody asks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from core.policy.budgets import oldest_kept
from core.ports.clock import Clock
from core.ports.journal import Journal
from core.ports.ledger import Ledger
from core.ports.store import Store, StoreError

log = logging.getLogger(__name__)

EVERY_S: Final = 3_600.0
OVERHEARD_DAYS: Final = 7
"""So long what was not for the bot is kept, where a chat opted in; no setting prolongs it."""
_JUMP_S: Final = 600.0
"""By more than this no clock is set that was right. What it says then is believed an hour later: whatever it
is set to by mistake, and back, deletes nothing."""
HANDLED_DAYS: Final = 2
"""So long an event that comes again is known; Telegram offers one for a day."""
LEFT_DAYS: Final = 7
"""So long what is not over waits for an account that does not run; after that nobody wants an answer."""
_DAY_S: Final = 86_400.0


class Retention:
    """`days`: how long a conversation is kept after it was last used, asked anew each time; 0: for ever."""

    def __init__(
        self, store: Store, journal: Journal, ledger: Ledger, clock: Clock, days: Callable[[], int]
    ) -> None:
        self._store = store
        self._journal = journal
        self._ledger = ledger
        self._clock = clock
        self._days = days
        self._offset = clock.wall() - clock.monotonic()

    async def run(self) -> None:
        """Sweep now and once an hour, until cancelled."""
        while True:
            await self.sweep()
            await self._clock.sleep_until(self._clock.monotonic() + EVERY_S)

    async def sweep(self) -> None:
        """Have the store let go of what is too old. Never raises: the next hour tries again."""
        now, days = self._clock.wall(), self._days()
        before, self._offset = self._offset, now - self._clock.monotonic()
        if abs(self._offset - before) > _JUMP_S:
            log.warning("the clock has jumped: nothing is deleted for its age before the next hour")
            return
        try:
            gone = await self._store.expire(
                before=now - days * _DAY_S if days else 0.0,
                overheard_before=now - OVERHEARD_DAYS * _DAY_S,
            )
            await self._journal.expire_journal(now - HANDLED_DAYS * _DAY_S, now - LEFT_DAYS * _DAY_S)
            await self._ledger.expire(oldest_kept(now))
        except StoreError as error:
            log.error("what is too old cannot be deleted: %s", error)
            return
        if gone:
            log.info("%d messages were older than %d days and are deleted", gone, days)
