"""Playing many cases, and saying which of them broke the promise so that each can be played alone."""

from __future__ import annotations

from collections.abc import Iterable

from tests.faults.cases import Case
from tests.faults.judge import broken
from tests.faults.play import played


def wrong_in(cases: Iterable[Case]) -> list[str]:
    """Each case that broke the promise, as data, and how."""
    found = []
    for case in cases:
        try:
            verdict = broken(played(case))
        except Exception as error:  # noqa: BLE001 - it is a verdict, too, and its case is to be named
            verdict = f"raised {error!r}"
        if verdict is not None:
            found.append(f"{case}: {verdict}")
    return found
