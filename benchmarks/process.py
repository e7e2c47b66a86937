"""What the processes of a benchmark share."""

from __future__ import annotations

import os
import sys


def pin(cpu: int | None) -> bool:
    """Keep this process on one core; says whether it is, since only Linux can and few cores may be ours."""
    if cpu is None or sys.platform != "linux" or cpu not in os.sched_getaffinity(0):
        return False
    os.sched_setaffinity(0, {cpu})
    return True


def cores() -> tuple[int | None, int | None]:
    """A core for the client and another one for the server; None where there is no choice."""
    if sys.platform != "linux":
        return None, None
    mine = sorted(os.sched_getaffinity(0))
    return (mine[0], mine[-1]) if len(mine) > 1 else (None, None)
