"""Memory that was freed goes back to the system.

The C library keeps what is freed below anything still used, for what may come; after some thousand answers
that is a tenth of what the process holds. Asked for it, it gives whole pages back in a few milliseconds.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable
from typing import Final

from core.ports.clock import Clock

EVERY_S: Final = 60.0


async def give_back_memory(clock: Clock) -> None:
    """Until cancelled, or at once where the C library does so by itself."""
    trim = _trim()
    while trim is not None:
        await clock.sleep_until(clock.monotonic() + EVERY_S)
        await asyncio.to_thread(
            trim, 0
        )  # 0: all of it; beside the loop, for it takes longer the more there is


def _trim() -> Callable[[int], int] | None:
    """glibc's `malloc_trim`; musl and macOS have none."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # TypeError: Windows, where no library is meant by None
        return None
