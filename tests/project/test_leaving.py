"""The process ends in time, also where its event loop stands still."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE

from tests.project.program import PATIENCE_S

STANDS_STILL = """
import logging, time
from bots.leaving import leave_within
logging.basicConfig(format="%(message)s")
print("begun")
leave_within(0.1)
time.sleep(3600)
"""


async def test_who_stands_still_is_left_behind() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STANDS_STILL, stdout=PIPE, stderr=PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    finally:
        if process.returncode is None:
            process.kill()
    assert (process.returncode, out) == (0, b"begun\n")
    assert b"the next start goes on with it" in err
