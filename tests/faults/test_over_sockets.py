"""Cases of the matrix with the real libraries over real sockets, judged by the matrix's own judge."""

from __future__ import annotations

from typing import Final

import pytest

from tests.fakes.model_faults import at_delta
from tests.faults.cases import At, Case, Fault, Moment, On, Process
from tests.faults.judge import broken
from tests.faults.sockets import played

FINAL: Final = Moment(At.FINAL)
CASES: Final = (
    Case(On.CHANNEL, (Fault(Process.KILL, at_delta(3)),)),
    Case(On.CHAT, (Fault(Process.KILL, at_delta(3)),)),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fault_breaks_no_promise(case: Case) -> None:
    evidence = played(case)
    assert broken(evidence) is None, (case, evidence.post.texts)
    assert {fault for fault in case.faults if fault.of_model is None} <= set(evidence.struck)
