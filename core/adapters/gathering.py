"""What many streams say is read together.

A process that has nothing to do is woken by the next delta, and of hundreds of streams nearly each delta
comes alone. To wake costs several times what the delta does: the system is asked which connection it was, and
all that handles it is brought back into the processor's caches. So deltas are gathered, as network cards
gather their interrupts.

The law: the loop goes on reading no sooner than HOLD_S after it last did. So what comes alone is read at
once, and a loop that is busy for longer than that never waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

HOLD_S: Final = 0.004
"""So much later at most the loop sees whatever comes meanwhile: less than any round trip to a platform takes,
and than the time in which the driver looks at deltas together."""


class Gathering:
    """Holds the loop in which it is called, all of it, since a task that waits keeps no other from waking the
    process. One for each loop; call it whenever something was read."""

    def __init__(
        self, *, now: Callable[[], float] = time.monotonic, hold: Callable[[float], None] = time.sleep
    ) -> None:
        self._now = now
        self._hold_for = hold
        self._until = now()
        self._planned = False

    def __call__(self) -> None:
        if not self._planned:
            self._planned = True
            asyncio.get_running_loop().call_soon(self._hold)  # behind all that was read with it

    def _hold(self) -> None:
        self._planned = False
        left_s = self._until - self._now()
        if left_s > 0.0:
            self._hold_for(left_s)
        self._until = self._now() + HOLD_S
