"""What the process frees is used again, and goes back to the system.

The C library gives most threads a heap of their own, and keeps what is freed in one below anything still
used: after 4,400 answers 10 of 219 MB, and more with each thousand. What is large leaves a hole there into
which the next does not fit: while 50 answers streamed, the heap grew by 5 MB an hour, though no more was in
use.

Python's collector looks again and again at all there is. Modules and classes are 258,000 objects that stay
anyway: a look at them held the loop for 0.14 s, and since it is put off until a quarter as many are new, what
answers leave behind lay there for long.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
from collections.abc import Callable
from typing import Final

from core.ports.clock import Clock

EVERY_S: Final = 10.0
"""It takes less than a millisecond, and in a minute 60 streams leave up to 10 MB."""
_ARENA_MAX: Final = -8  # M_ARENA_MAX in glibc's malloc.h
_MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD
LARGE: Final = 16_384
"""Bytes, as a prompt has. By itself the C library begins at eight times that, and at more once something
larger was freed."""


def keep_one_heap() -> None:
    """For all threads that begin later: Python runs one of them at a time, so they hardly meet there. What is
    large stands outside it, and goes back to the system when it is freed."""
    if (mallopt := _of_glibc("mallopt")) is not None:
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, LARGE)


def pass_over_what_is_loaded() -> None:
    """The collector looks no more at what there is now."""
    gc.collect()  # else what is of no use stays for ever
    gc.freeze()
    gc.collect()  # so that it counts from here what is worth a look


async def give_back_memory(clock: Clock) -> None:
    """Until cancelled, or at once where the C library does so by itself."""
    trim = _of_glibc("malloc_trim")
    while trim is not None:
        await clock.sleep_until(clock.monotonic() + EVERY_S)
        # Beside the loop, for it takes longer the more there is. 0: all of it.
        await asyncio.to_thread(trim, 0)


def _of_glibc(name: str) -> Callable[..., int] | None:
    """musl and macOS have none of these."""
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):  # TypeError: Windows, where no library is meant by None
        return None
    return found
