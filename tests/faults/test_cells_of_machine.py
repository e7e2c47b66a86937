"""Every fault of the machine at every point of an answer, on every kind of surface."""

from __future__ import annotations

import pytest

from tests.faults.cases import MACHINE, Case, cells
from tests.faults.judge import broken
from tests.faults.play import played


@pytest.mark.parametrize("case", list(cells(MACHINE)), ids=str)
def test_a_fault_breaks_no_promise(case: Case) -> None:
    evidence = played(case)
    assert broken(evidence) is None, (case, evidence.post.texts)
    assert {fault for fault in case.faults if fault.of_model is None} <= set(evidence.struck)
