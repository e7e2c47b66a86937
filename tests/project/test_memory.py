"""What a process has freed, the system gets back."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

HOLDS_AND_FREES = """
import asyncio, os
from pathlib import Path
from bots.memory import EVERY_S, give_back_memory
from tests.fakes.clock import FakeClock

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

async def main():
    clock = FakeClock()
    giving = asyncio.create_task(give_back_memory(clock))
    blocks = [bytes(3_000) for _ in range(20_000)]
    last = blocks.pop()  # above all others, which the C library keeps for its sake
    blocks.clear()
    await clock.advance(EVERY_S - 1.0)
    kept = resident()
    await clock.advance(1.0)
    while resident() > kept - 40_000_000:  # it is done in a thread
        await asyncio.sleep(0.001)
    giving.cancel()
    print(len(last))

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library is not glibc")
def test_memory_that_was_freed_is_given_back_once_a_minute() -> None:
    done = subprocess.run(  # noqa: S603  # this very interpreter, on the lines above
        [sys.executable, "-c", HOLDS_AND_FREES], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3000\n"
