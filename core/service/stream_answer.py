"""One question, one answer on one surface: the core without commands, history or permissions."""

from __future__ import annotations

import sys
from contextlib import aclosing

from core.ports.clock import Clock
from core.ports.completions import CompletionRequest, Completions, Finished, FinishReason, TextDelta
from core.ports.surface import Surface
from core.service.driver import Driver
from core.service.showing import Shown
from core.streaming.answer import Answer, Ending

_ENDINGS = {FinishReason.LENGTH: Ending.LENGTH, FinishReason.CONTENT_FILTER: Ending.FILTERED}


async def stream_answer(
    request: CompletionRequest, completions: Completions, surface: Surface, clock: Clock
) -> tuple[Ending, Shown]:
    """Show the answer as it grows; returns when all of it stands, or when the surface is gone.

    Raises ModelError once the text that came before it is shown. No mark of the ending is put under
    the text: a pipe gets the model's own words and nothing else.
    """
    answer = Answer(max_chars=sys.maxsize)
    driver = Driver(clock)
    showing = driver.show(answer, surface)
    ending = Ending.FAILED
    try:
        async with aclosing(completions.stream(request)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    answer.append(event.text, clock.monotonic())
                    driver.changed(answer)
                elif isinstance(event, Finished):
                    ending = _ENDINGS.get(event.reason, Ending.COMPLETE)
                if showing.lost:
                    break
    finally:
        answer.end(ending, clock.monotonic())
        driver.changed(answer)
        shown = await showing.finished()
    return ending, shown
