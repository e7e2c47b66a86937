"""The machine's own clock."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Final


class SystemClock:
    """The port `Clock` over the operating system and asyncio."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    async def sleep_until(self, deadline: float) -> None:
        # A timer may fire a clock tick early, and the promise is about `monotonic()`.
        while (left := deadline - time.monotonic()) > 0:  # noqa: ASYNC110 - time is all that is waited for
            await asyncio.sleep(left)

    def call_at(self, deadline: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        # uvloop rounds to milliseconds, also down: whoever found it too early and asked again would be
        # called at once, some twenty times until the deadline.
        delay_ms = math.ceil(1_000 * max(0.0, deadline - time.monotonic()))
        return asyncio.get_running_loop().call_later(delay_ms / 1_000, callback)


SYSTEM_CLOCK: Final = SystemClock()
