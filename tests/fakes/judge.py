"""A judge that flags what holds one word, and takes as long as it is told."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

from core.ports.clock import Clock
from core.ports.moderation import Bill, ModerationError, Verdict

BAD = "forbidden"
CATEGORY = "violence"


class FakeJudge:
    """The port `Moderation`. `takes_s`: how long each verdict takes, in turn. `costs`: tokens of prompt and
    answer of one check by `model`. `judged`: every text, in order; `most_at_once`: how many at once."""

    def __init__(
        self,
        clock: Clock,
        *,
        bad: str = BAD,
        takes_s: Iterator[float] | None = None,
        costs: tuple[int, int] = (0, 0),
        model: str = "",
    ) -> None:
        self.judged: list[str] = []
        self.most_at_once = 0
        self.fails: Exception | None = None
        self._clock = clock
        self._bad = bad
        self._takes_s = takes_s or repeat(0.0)
        self._costs = costs
        self._model = model
        self._running = 0

    def price(self, text: str) -> tuple[int, int]:
        return self._costs

    async def check(self, text: str, bill: Bill) -> Verdict:
        self.judged.append(text)
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        try:
            bill.model, (bill.prompt_tokens, _) = self._model, self._costs
            await self._clock.sleep_until(self._clock.monotonic() + next(self._takes_s))
            bill.completion_tokens = self._costs[1]
            if self.fails is not None:
                raise self.fails
        finally:
            self._running -= 1
        return Verdict(self._bad in text, (CATEGORY,) if self._bad in text else ())


def broken() -> ModerationError:
    return ModerationError("HTTP 500")
