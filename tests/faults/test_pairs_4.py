"""Two faults at a time, drawn by seed: part 4 of 4. `python -m tests.faults SEED` plays one alone."""

from __future__ import annotations

import pytest

from tests.faults.cases import pairs
from tests.faults.check import wrong_in


@pytest.mark.parametrize("first", range(3750, 5000, 125))
def test_two_faults_break_no_promise(first: int) -> None:
    assert wrong_in(pairs(range(first, first + 125))) == []
