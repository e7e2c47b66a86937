"""A driver in virtual time, and models that speak at a steady pace."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import strategies as st

from core.service.driver import Driver
from core.service.showing import Progress, Shown
from core.streaming.answer import Answer, Ending
from core.streaming.operations import Button
from tests.fakes.clock import FakeClock
from tests.fakes.surface import FakeSurface

STOP = Button("stop:1", "Stop")
WORDS = [f"word{n} " for n in range(100)]
failures = st.lists(
    st.sampled_from(["", "", "rate_limited", "unavailable", "unknown_taken", "unknown_not_taken"]),
    max_size=12,
)


class Stage:
    """A driver, a clock, and models that speak at a steady pace."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.progress: list[Progress] = []
        self.driver = Driver(self.clock, on_progress=self.progress.append)

    async def speak_for(self, answer: Answer, deltas: Sequence[str]) -> None:
        """Ten deltas a second, without an ending."""
        for delta in deltas:
            answer.append(delta, self.clock.monotonic())
            self.driver.changed(answer)
            await self.clock.advance(0.1)

    async def speak(self, answer: Answer, deltas: Sequence[str], every_s: float = 0.1) -> None:
        for delta in deltas:
            await self.clock.sleep_until(self.clock.monotonic() + every_s)
            answer.append(delta, self.clock.monotonic())
            self.driver.changed(answer)
        self.end(answer)

    async def speak_while(self, answer: Answer, deltas: Sequence[str]) -> None:
        """Let time pass until all is said and shown."""
        speaker = asyncio.ensure_future(self.speak(answer, deltas))
        await self.clock.advance_until(speaker.done)
        await self.clock.advance(10.0)

    def end(self, answer: Answer, ending: Ending = Ending.COMPLETE, mark: str = "") -> None:
        answer.end(ending, self.clock.monotonic(), mark=mark)
        self.driver.changed(answer)

    async def play(
        self, *stories: tuple[Answer, FakeSurface, Sequence[str]], every_s: float = 0.1
    ) -> list[Shown]:
        """Stream all answers side by side until all are visible."""
        showings = [
            self.driver.show(answer, surface, stop=STOP, nonce=f"n{n}")
            for n, (answer, surface, _) in enumerate(stories)
        ]
        speakers = [
            asyncio.ensure_future(self.speak(answer, deltas, every_s)) for answer, _, deltas in stories
        ]
        waiting = [asyncio.ensure_future(showing.finished()) for showing in showings]
        await self.clock.advance_until(lambda: all(task.done() for task in (*waiting, *speakers)))
        return [task.result() for task in waiting]
