"""How often the bot introduces itself at the gateway.

Discord allows 1,000 identifies a day and resets the token of who wants more (docs: "Gateway", "Session Start
Limit"). A process that starts again and again would spend them, so they are counted where a crash forgets
nothing, and the last are kept back for whoever has mended it.
"""

from __future__ import annotations

import logging
from typing import Final

from core.ports.clock import Clock
from core.ports.journal import Journal
from core.ports.platform import PlatformError
from core.ports.store import StoreError

_log = logging.getLogger(__name__)

PER_DAY: Final = 950
KEPT_BACK: Final = 50
"""So many of Discord's own count are left for a person."""
APART_S: Final = 5.0
"""One each 5 s for every unit of `max_concurrency`, which is 1 at least; we have one shard."""
_DAY_S: Final = 86_400


class Identifies:
    """Those of one bot account. `journal` None: they are counted in this process alone."""

    def __init__(self, journal: Journal | None, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._here: dict[int, int] = {}
        self._last = -APART_S

    async def take(self, account: str, *, initial: bool) -> None:
        """Count one, before it is made. `initial`: the first of a client, which need not wait.

        Raises PlatformError when the day has had its share.
        """
        if not initial:
            await self._clock.sleep_until(self._last + APART_S)
        day = int(self._clock.wall()) // _DAY_S
        if await self._count(account, day) > PER_DAY:
            raise PlatformError(
                f"Discord allows 1,000 connections a day, and this bot has made {PER_DAY}: something starts"
                " it again and again. It goes on at 00:00 UTC; see its log for why it ended."
            )
        self._last = self._clock.monotonic()

    async def _count(self, account: str, day: int) -> int:
        self._here = {day: self._here.get(day, 0) + 1}
        if self._journal is None:
            return self._here[day]
        try:
            return await self._journal.count(f"identify:{account}", day)
        except StoreError as error:
            _log.warning("discord: connections are counted in this process alone: %s", error)
            return self._here[day]


def check_left(remaining: int, reset_after_s: float) -> None:
    """What Discord itself counts, over any 24 hours. Raises PlatformError when too little is left."""
    if remaining <= KEPT_BACK:
        hours = max(1, round(reset_after_s / 3600))
        raise PlatformError(
            f"Discord lets this bot connect {remaining} more times before it resets the token: something"
            f" starts it again and again. It goes on in {hours} h; see its log for why it ended."
        )
