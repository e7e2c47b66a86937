"""A loop whose clock a test moves, so that a watchdog of a minute needs none."""

from __future__ import annotations

import asyncio


class JumpingClock:
    """Put it into the running loop; `jump` makes every timer that falls due within those seconds fire."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._real_time = self._loop.time
        self._ahead_s = 0.0
        self._loop.time = self._time  # type: ignore[method-assign]

    async def jump(self, seconds: float) -> None:
        """Move on, and let what is due run."""
        await asyncio.sleep(0)
        self._ahead_s += seconds
        for _ in range(5):
            await asyncio.sleep(0)

    def _time(self) -> float:
        return self._real_time() + self._ahead_s
