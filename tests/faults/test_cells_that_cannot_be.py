"""How many cells there are, and why the others are none."""

from __future__ import annotations

from collections import Counter
from itertools import product

from tests.faults.cases import MACHINE, MODEL, PLATFORM, POINTS, PROCESS, On, cells, impossible, unmet


def test_the_matrix_is_whole_and_what_is_left_out_has_a_reason() -> None:
    everything = (*MODEL, *PLATFORM, *MACHINE, *PROCESS)
    reasons = Counter(
        impossible(on, kind, point) or unmet(on, kind, point) or "can occur"
        for kind, point, on in product(everything, POINTS, On)
    )
    there = {len(list(cells(kinds))) for kinds in (MODEL, PLATFORM, MACHINE, PROCESS)}
    assert there == {845, 1_342, 1_210, 330}
    assert sum(reasons.values()) == len(everything) * len(POINTS) * len(On)
    by_channel = reasons["the channel carries what comes after the first message"]
    assert reasons["can occur"] + by_channel == sum(there)
    assert len(reasons) == 14, reasons
