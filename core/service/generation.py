"""The model's stream of one turn: each event goes into the answer, or ends it."""

from __future__ import annotations

from contextlib import aclosing
from typing import Final

from core.configuration import ModelChoice
from core.policy.spending import size_of
from core.ports.clock import Clock
from core.ports.completions import (
    Answering,
    CompletionRequest,
    Completions,
    Finished,
    ModelError,
    ModelErrorKind,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    Usage,
)
from core.service.driver import Driver
from core.service.endings import Endings
from core.service.moderating import Moderator, NotPassedError
from core.service.prompts import Prompts
from core.service.spending import Reservation
from core.service.turn import Tally, Turn

_UNBILLED: Final = frozenset(  # errors with which a provider refuses before it does any work
    {
        ModelErrorKind.UNREACHABLE,
        ModelErrorKind.NOT_AN_API,
        ModelErrorKind.UNAUTHORIZED,
        ModelErrorKind.UNKNOWN_MODEL,
        ModelErrorKind.RATE_LIMITED,
        ModelErrorKind.NO_CREDIT,
        ModelErrorKind.CONTEXT_TOO_LONG,
        ModelErrorKind.BAD_REQUEST,
    }
)


class Generation:
    """Asks the models; one instance for all turns."""

    def __init__(
        self,
        *,
        completions: Completions,
        prompts: Prompts,
        endings: Endings,
        driver: Driver,
        clock: Clock,
        moderator: Moderator | None = None,
    ) -> None:
        self._completions = completions
        self._prompts = prompts
        self._endings = endings
        self._driver = driver
        self._clock = clock
        self._moderator = moderator

    async def run(self, turn: Turn, choice: ModelChoice, reservation: Reservation, tally: Tally) -> None:
        """Returns when the answer has ended; the tally knows what it cost. A model that is shown too much is
        asked again with less."""
        while True:
            request = self._prompts.request(turn, choice)
            try:
                await self._stream(turn, request, reservation, tally)
            except NotPassedError as error:
                self._endings.not_passed(turn, error)
            except ModelError as error:
                if self._prompts.shortens(turn, choice, request, error):
                    continue
                tally.billed = bool(turn.answer.length) or error.kind not in _UNBILLED
                self._endings.failed(turn, error, goes_on=self._prompts.goes_on(turn, request))
            return

    async def _stream(
        self, turn: Turn, request: CompletionRequest, reservation: Reservation, tally: Tally
    ) -> None:
        events = self._completions.stream(request)
        if self._moderator is not None:
            events = self._moderator.over(events, turn, tally)
        async with aclosing(events):
            async for event in events:
                self._take(turn, event, tally)
                if isinstance(event, Usage):
                    self._prompts.counted(turn, request, event)
                if turn.answer.full:
                    self._endings.full(turn)
                elif tally.streamed > tally.covered and (refused := await tally.beyond(reservation)):
                    self._endings.spent(turn, refused)
                if turn.answer.ended:
                    return
        raise ModelError(ModelErrorKind.BROKEN_STREAM, "the stream ended without its ending")

    def _take(self, turn: Turn, event: StreamEvent, tally: Tally) -> None:
        match event:
            case TextDelta(text):
                turn.let_go_of_what_was_said()
                tally.streamed += size_of(text)
                text = turn.citations.feed(text) if turn.citations else text
                turn.answer.append(text, self._clock.monotonic())
                self._driver.changed(turn.answer)
            case ReasoningDelta(text):
                tally.streamed += size_of(text)
                turn.answer.append_reasoning(text)
            case Answering(model):
                tally.another_answers(turn.answered_by)
                turn.asks(model)
            case Usage():
                tally.counted = event
            case Finished(reason):
                self._endings.finished(turn, reason)
