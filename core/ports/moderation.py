"""What the core asks of whoever judges text: whether a model may be asked it, and people may be shown it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

LONGEST: Final = 2_000
"""Characters that are judged well at once: beyond it OpenAI calls its verdicts less accurate."""
OVERLAP: Final = 200
"""Characters that two pieces of one text share: what a cut parts is whole in one of them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`categories`: why it is flagged, each a short word of plain ASCII; there may be none."""

    flagged: bool
    categories: tuple[str, ...] = ()


class ModerationError(Exception):
    """There is no verdict, and that is no pass. Its words are one line for a log, without keys and without
    the text."""


@dataclass(slots=True)
class Bill:
    """What a check has used by now, so that one which is broken off is paid for, too: tokens of `model`, an
    id; empty while nothing is to be paid."""

    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Moderation(Protocol):
    """A judge of text. One instance serves all conversations at once."""

    def price(self, text: str) -> tuple[int, int]:
        """About how many tokens of prompt and of answer a check of this text may take; 0 of both where checks
        cost nothing. Never raises."""
        ...

    async def check(self, text: str, bill: Bill) -> Verdict:
        """Judge a text of any length. Raises ModerationError. The caller sets the time-out, and cancels."""
        ...
