"""Every fault of a platform at every point of an answer, on every kind of surface."""

from __future__ import annotations

import pytest

from tests.faults.cases import PLATFORM, Case, cells, unmet
from tests.faults.judge import broken
from tests.faults.play import played


@pytest.mark.parametrize("case", list(cells(PLATFORM)), ids=str)
def test_a_platforms_fault_breaks_no_promise(case: Case) -> None:
    evidence = played(case)
    assert broken(evidence) is None, (case, evidence.post.texts)
    [fault] = case.faults
    assert (fault in evidence.struck) is (unmet(case.on, fault.kind, fault.point) is None)
