"""A model's stream under rules: what is judged before it passes, what beside it, and how a hit ends it.

    input  before: judge ─► ask the model       beside: ask the model, judge meanwhile
    output before: model ─► held ─► judged ─► shown      beside: model ─► shown, judged meanwhile
    at the end: all verdicts are waited for ─► the model's own ending, or its error

The law: one check of a stream is in flight at a time, the question's first. Text that is judged beside waits
for none of them; text that is judged before is with nobody but this until it has passed, so that neither the
screen, nor the journal, nor the store ever has it. What was yielded is never taken back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace
from enum import StrEnum
from typing import Final, TypeAlias, TypeGuard

from core.configuration import Check, ModerationRules
from core.policy.spending import size_of
from core.ports.completions import Finished, ReasoningDelta, StreamEvent, TextDelta
from core.service.pieces import MOST_NEW, Pieces
from core.service.turn import Tally

_MOST_HELD: Final = 4 * MOST_NEW
"""Characters that wait for a verdict; with more of them the model's stream is read no further meanwhile."""


class Side(StrEnum):
    """What is judged: what is asked, or what is answered."""

    INPUT = "input"
    OUTPUT = "output"


Judge: TypeAlias = Callable[[Side, str], Awaitable[None]]
"""Returns where the text may pass, else raises; what it raises ends the stream."""
_Text: TypeAlias = TextDelta | ReasoningDelta


class Moderated:
    """One stream. `asked`: what is judged of the question, nothing where it is empty. `reasons`: the model's
    reasoning is shown, too. `tally`: counts what the model was asked for and nobody saw."""

    def __init__(
        self,
        events: AsyncGenerator[StreamEvent, None],
        judge: Judge,
        rules: ModerationRules,
        *,
        asked: str,
        reasons: bool,
        tally: Tally,
    ) -> None:
        self._events = events
        self._judge = judge
        self._input = rules.input if asked else Check.OFF
        self._output = rules.output
        self._asked = asked
        self._reasons = reasons
        self._tally = tally
        self._arrived: deque[StreamEvent] = deque()
        self._held: deque[_Text] = deque()
        self._held_chars = self._released = 0
        self._pieces = Pieces()
        self._last: Finished | None = None
        self._wake = asyncio.Event()  # something has arrived, or there is a verdict
        self._room = asyncio.Event()
        self._check: asyncio.Task[None] | None = None
        self._checks = Side.INPUT  # what `_check` is about

    async def stream(self) -> AsyncGenerator[StreamEvent, None]:
        """As `Completions.stream`; raises also what the judge does."""
        async with aclosing(self._events):
            if self._input is Check.BEFORE:
                self._tally.billed = False  # the model is not asked yet
                await self._judge(Side.INPUT, self._asked)
                self._tally.billed = True
            reader = asyncio.create_task(self._read())
            reader.add_done_callback(lambda _: self._wake.set())
            try:
                if self._input is Check.BESIDE:
                    self._begin(Side.INPUT, self._asked)
                while not (reader.done() and self._is_through()):
                    await self._wake.wait()
                    self._wake.clear()
                    ended = reader.done()
                    self._take_verdict()
                    for event in self._take_arrived():
                        yield event
                    self._judge_next(last=ended)
                    for passed in self._release(last=ended):
                        yield passed
                await reader  # raises what the model's stream did
            finally:
                unseen = (*self._held, *filter(self._is_judged, self._arrived))
                self._tally.streamed += sum(size_of(event.text) for event in unseen)
                await _cancelled(reader, self._check)
            if self._last is not None:
                yield self._last

    async def _read(self) -> None:
        """In a task of its own, since whoever judges and the model are waited for at once."""
        async for event in self._events:
            self._arrived.append(event)
            self._wake.set()
            if self._output is Check.BEFORE and self._is_judged(event):
                self._held_chars += len(event.text)
                if self._held_chars >= _MOST_HELD:
                    self._room.clear()
                    await self._room.wait()

    def _take_arrived(self) -> Iterator[StreamEvent]:
        """What may be shown at once of it."""
        while self._arrived:
            event = self._arrived.popleft()
            if isinstance(event, Finished):
                self._last = event
                continue
            if self._is_judged(event):
                self._pieces.add(event.text)
                if self._output is Check.BEFORE:
                    self._held.append(event)
                    continue
            yield event

    def _is_judged(self, event: StreamEvent) -> TypeGuard[_Text]:
        if self._output is Check.OFF:
            return False
        return isinstance(event, TextDelta) or (self._reasons and isinstance(event, ReasoningDelta))

    def _judge_next(self, *, last: bool) -> None:
        if self._check is None and (piece := self._pieces.take(last=last)) is not None:
            self._begin(Side.OUTPUT, piece)

    def _begin(self, side: Side, text: str) -> None:
        async def judged() -> None:
            await self._judge(side, text)

        self._checks, self._check = side, asyncio.create_task(judged())
        self._check.add_done_callback(lambda _: self._wake.set())

    def _take_verdict(self) -> None:
        """Raises what the judge did."""
        if self._check is None or not self._check.done():
            return
        check, self._check = self._check, None
        check.result()
        if self._checks is Side.OUTPUT:
            self._pieces.passed()

    def _release(self, *, last: bool) -> Iterator[StreamEvent]:
        """What may be shown by now of what is held."""
        clear = self._pieces.clear(last=last) - self._released
        while self._held and clear > 0:
            event = self._held.popleft()
            if len(event.text) > clear:
                self._held.appendleft(replace(event, text=event.text[clear:]))
                event = replace(event, text=event.text[:clear])
            clear -= len(event.text)
            self._released += len(event.text)
            self._held_chars -= len(event.text)
            yield event
        if self._held_chars < _MOST_HELD:
            self._room.set()

    def _is_through(self) -> bool:
        return not self._arrived and not self._held and self._check is None and not self._pieces.waiting


async def _cancelled(*tasks: asyncio.Task[None] | None) -> None:
    """Wait until they have ended, whichever way."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
