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


def peak_kb() -> float:
    """The most resident memory that this process has had, in kB; 0 where the system does not say."""
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1_000 if sys.platform == "darwin" else peak * 1.024


def cores() -> tuple[int | None, int | None]:
    """A core for the client and another one for the server; None where there is no choice."""
    if sys.platform != "linux":
        return None, None
    mine = sorted(os.sched_getaffinity(0))
    return (mine[0], mine[-1]) if len(mine) > 1 else (None, None)
