"""When the same model is asked once more: the law, without I/O.

Only before anything of an answer is visible, only after faults that pass by themselves, and only as long as
somebody who waits for an answer would.
"""

from __future__ import annotations

import random
from typing import Final

from core.ports.completions import ModelError, ModelErrorKind

RETRIES: Final = 2
SHORTEST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 2.0
LONGEST_RETRY_AFTER_S: Final = 10.0
"""What a provider may ask us to wait; beyond it another model is asked, or people are told when."""
LAST_RETRY_S: Final = 20.0
"""After a question was first asked: a fault that took longer to show is not waited for again."""
_MOST_LATE_S: Final = 0.5  # after what a provider asked for, so that those who wait do not come all at once
_PASSING: Final = frozenset(
    {
        ModelErrorKind.UNREACHABLE,
        ModelErrorKind.RATE_LIMITED,
        ModelErrorKind.SERVER,
        ModelErrorKind.BROKEN_STREAM,
    }
)


def wait_before_retry(
    error: ModelError, *, retried: int, passed_s: float, chance: random.Random
) -> float | None:
    """How many seconds to wait before the same model is asked again; None: it is not.

    `retried`: how often it was already; `passed_s`: since it was asked first.
    """
    if error.kind not in _PASSING or retried >= RETRIES:
        return None
    if error.retry_after is None:
        longest_s = LONGEST_WAIT_S / 2 ** (RETRIES - 1 - retried)
        wait_s = chance.uniform(max(SHORTEST_WAIT_S, longest_s / 2), longest_s)
    elif error.retry_after <= LONGEST_RETRY_AFTER_S:
        wait_s = max(error.retry_after, SHORTEST_WAIT_S) + chance.uniform(0.0, _MOST_LATE_S)
    else:
        return None
    return wait_s if passed_s + wait_s <= LAST_RETRY_S else None
