"""One answer, whatever happens in whatever order, with one process or two: one owner, one final state,
nothing sent after the end, and the promise."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.fakes.model_faults import BEFORE_HEADERS
from tests.fakes.mortal import several
from tests.faults.cases import Case, Fault, FaultKind, On, Platform, Process
from tests.faults.judge import broken
from tests.faults.play import Play, in_memory

T = TypeVar("T")


class Anything(RuleBasedStateMachine):
    @initialize(on=st.sampled_from(On), seed=st.integers(0, 9))
    def begins(self, on: On, seed: int) -> None:
        self.loop = asyncio.new_event_loop()
        several(self.loop)
        self.play = self.loop.run_until_complete(self._playing(Case(on, (), seed)))
        self.stopped = False

    async def _playing(self, case: Case) -> Play:
        play = Play(case, lambda clock: in_memory(clock, alone=False))
        await play._start()
        return play

    @rule()
    def update(self) -> None:
        """The event comes, as often as the platform likes."""
        self._run(self.play.processes[-1].offered())

    @rule(seconds=st.sampled_from([0.01, 0.3, 0.7, 2.0]))
    def delta_or_tick(self, seconds: float) -> None:
        self._run(self.play._advance(seconds))

    @rule()
    def limited(self) -> None:
        self._happens(Platform.LIMITED_USER)

    @rule(taken=st.booleans())
    def unknown(self, taken: bool) -> None:
        self._happens(Platform.UNKNOWN_TAKEN if taken else Platform.UNKNOWN_NOT_TAKEN)

    @rule()
    def deleted(self) -> None:
        self._happens(Platform.MESSAGE_GONE)

    @rule()
    def killed_and_started_again(self) -> None:
        self._happens(Process.KILL)

    @rule()
    def lease_expires(self) -> None:
        if not any(process.life.stands_still for process in self.play.processes):
            self._happens(Process.LEASE_LOST)

    @rule()
    def stopped_by_a_person(self) -> None:
        chat = self.play.processes[-1].bot.chat

        async def stop() -> None:
            for turn in chat._queue.running:
                chat.exchanges.end(turn)

        self._run(self.play.processes[-1].life.run(stop()))

    def teardown(self) -> None:
        if not hasattr(self, "play"):
            return
        try:
            self._run(self.play.processes[-1].offered())
            seen = self._run(self.play.ends())
            assert broken(seen) is None, (seen.struck, seen.post.texts, seen.post.history)
        finally:
            self._run(self.play.close())
            self.loop.close()

    def _happens(self, kind: FaultKind) -> None:
        self.play._begin(Fault(kind, BEFORE_HEADERS))
        self._run(self.play._advance(0.0 if isinstance(kind, Platform) else 0.001))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)


Anything.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAnything = Anything.TestCase
