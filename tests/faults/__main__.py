"""`python -m tests.faults 455 1017`: play the pairs with these seeds, and tell what came of them."""

from __future__ import annotations

import sys

from tests.faults.cases import pairs
from tests.faults.judge import broken
from tests.faults.play import played

for seed in map(int, sys.argv[1:]):
    [case] = pairs(range(seed, seed + 1))
    evidence = played(case)
    print(case, evidence.post.texts, broken(evidence) or "as promised", sep="\n  ")  # noqa: T201
