"""What the models of the benchmarks say: one Markdown passage over and over, in pieces like tokens."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate
from typing import Final

PASSAGE: Final = """\
## How a sluice works

A **sluice** is a water channel that a *gate* controls at its head. When the gate opens, water runs \
through; when it closes, the level behind it rises again. See [the article](https://example.org/sluice) \
for its history, which reaches back to ancient Egypt.

1. Measure the level above the gate, for instance with `read_level()`.
2. Open the gate **only as far** as the channel below can take it.
3. Close it slowly: a wave that runs back can damage the lining.

```python
def open_gate(gate: Gate, level: float) -> float:
    \"\"\"Return how far the gate stands open, from 0 to 1.\"\"\"
    share = min(1.0, max(0.0, (level - gate.low) / (gate.high - gate.low)))
    gate.move_to(share)
    return share
```

| level | gate | flow |
| --- | --- | --- |
| low | closed | none |
| middle | half open | 0.4 m³/s |
| high | open | 1.1 m³/s |

In short, a gate answers one question at every moment: how much may pass now? Mills, locks and mines \
have asked it for centuries – and so does every program that has more to say than it may send.

"""
TOKENS: Final[tuple[str, ...]] = tuple(re.findall(r" ?\w{1,8}|[^\w\s]{1,3}|\s+", PASSAGE))
"""About three characters each; a model's tokens of such a text are not much longer."""
_ENDS: Final = tuple(accumulate(len(token) for token in TOKENS))


def token(index: int) -> str:
    """The text of the token with this number, counted from 0 and without end."""
    return TOKENS[index % len(TOKENS)]


def text_of(tokens: int) -> str:
    """The first so many tokens."""
    rounds, rest = divmod(tokens, len(TOKENS))
    return PASSAGE * rounds + "".join(TOKENS[:rest])


def tokens_of(chars: int) -> int:
    """How many whole tokens the first so many characters hold."""
    rounds, rest = divmod(chars, len(PASSAGE))
    return rounds * len(TOKENS) + bisect_right(_ENDS, rest)
