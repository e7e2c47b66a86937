"""What a process frees is used again, and goes back to the system."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library is not glibc"
)
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
    await asyncio.get_running_loop().shutdown_default_executor()  # it is done in a thread
    giving.cancel()
    assert resident() <= kept - 40_000_000
    print(len(last))

asyncio.run(main())
"""
PASSES_OVER = """
import gc, weakref
import bots.serving
from bots.memory import pass_over_what_is_loaded

class Circle:
    def __init__(self):
        self.me = self

gc.disable()
before = weakref.ref(Circle())
pass_over_what_is_loaded()
after = weakref.ref(Circle())
looked_at = {id(one) for one in gc.get_objects()}
assert before() is None and id(bots.serving.Serving) not in looked_at and id(after()) in looked_at
gc.collect()
assert after() is None
print(len(looked_at))
"""
ALLOCATES_IN_THREADS = """
import ctypes, sys
from threading import Barrier, Thread
from bots.memory import keep_one_heap

if "one" in sys.argv:
    keep_one_heap()
meet = Barrier(4)

def allocate():
    held = bytes(3_000)
    meet.wait()  # while all are there
    return held

threads = [Thread(target=allocate) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
HOLDS_WHAT_IS_LARGE = """
import ctypes, sys
from bots.memory import LARGE, keep_one_heap

if "one" in sys.argv:
    keep_one_heap()
del [bytes(16 * LARGE)][:]
held = [bytes(LARGE) for _ in range(1_000)]
"""
TELLS = """
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


def said_by(program: str, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603  # this very interpreter, on the lines above
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_collector_looks_at_what_is_new_alone() -> None:
    assert int(said_by(PASSES_OVER)) < 100


def test_memory_that_was_freed_is_given_back_soon() -> None:
    assert said_by(HOLDS_AND_FREES) == "3000\n"


def test_all_threads_share_one_heap() -> None:
    program = ALLOCATES_IN_THREADS + TELLS
    assert said_by(program).count("<heap nr=") > 1  # as the C library is by itself
    assert said_by(program, "one").count("<heap nr=") == 1


def test_what_is_large_stands_outside_the_heap() -> None:
    def outside(*arguments: str) -> int:
        told = said_by(HOLDS_WHAT_IS_LARGE + TELLS, *arguments)
        return int(re.findall(r'<total type="mmap" count="(\d+)"', told)[-1])

    assert outside() < 100
    assert outside("one") > 900  # the rest fits into what is free in the heap
