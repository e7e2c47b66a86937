"""For all tests: Hypothesis tries the same examples everywhere, so that a red test is red for everybody.

`HYPOTHESIS_PROFILE=explore make test` looks for new ones.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from core.adapters.store import connections

settings.register_profile(
    "fixed", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "explore", max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

_WAITING = ("tests/end_to_end/", "tests/torture/")
"""Where real seconds pass in which nothing is computed."""
_LAST_BEGINS = 0.8  # of the run


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: there is always a test that waits."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return cores + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files whose tests wait over the run, so that others compute meanwhile and none is left for
    the end."""
    files = list(dict.fromkeys(item.nodeid.partition("::")[0] for item in items))
    waiting = [file for file in files if file.startswith(_WAITING)]
    computing = [file for file in files if not file.startswith(_WAITING)]
    place = {file: number / len(computing) for number, file in enumerate(computing)}
    place |= {file: _LAST_BEGINS * number / len(waiting) for number, file in enumerate(reversed(waiting))}
    items.sort(key=lambda item: place[item.nodeid.partition("::")[0]])


def pytest_collection_finish() -> None:
    """What is imported and collected stays: no garbage collection needs to go through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def no_flushes() -> Iterator[None]:
    """What is written within these processes goes to the system and not to the disk: nobody here pulls the
    plug. Processes that a test starts flush as ever."""
    without = tuple(one.replace("=FULL", "=OFF") for one in connections._PRAGMAS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "_PRAGMAS", without)
        yield
