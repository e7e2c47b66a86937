"""Every fault of a model, as people see it: the text that came, and one mark of how it ended."""

from __future__ import annotations

from itertools import product

import pytest

from core.catalogue import say
from core.messages import PlaceKind
from core.ports.completions import FinishReason, ModelError, ModelErrorKind
from core.service.failures import reason_of
from tests.fakes.clock import FakeClock
from tests.fakes.faulty_model import FaultyModel
from tests.fakes.model_faults import (
    BEFORE_DONE,
    BEFORE_FINISH,
    BEFORE_HEADERS,
    LASTING,
    MODEL_FAULTS,
    Kind,
    ModelFault,
    at_delta,
    in_character,
    occurs,
    outcome,
)
from tests.service.conftest import Bot, mark, shut

DELTAS = ("Olá, ", "mundo ", "🌍: é ", "água.")
POSITIONS = (BEFORE_HEADERS, at_delta(0), at_delta(2), in_character(2), BEFORE_FINISH, BEFORE_DONE)
CELLS = [
    ModelFault(kind, position, LASTING)
    for kind, position in product(MODEL_FAULTS, POSITIONS)
    if occurs(kind, position) is None
]
_SAID_WHEN = {
    Kind.RATE_LIMITED_SHORT: 3.0,
    Kind.RATE_LIMITED_DATE: 3.0,
    Kind.OVERLOADED: 3.0,
    Kind.RATE_LIMITED_LONG: 600.0,
}


def _mark(fault: ModelFault) -> str:
    match outcome(fault):
        case FinishReason.STOP:
            return ""
        case FinishReason.LENGTH:
            return mark("ending.length")
        case FinishReason.CONTENT_FILTER:
            return mark("ending.filtered")
        case ModelErrorKind.EMPTY:
            return mark("ending.empty")
        case ModelErrorKind() as kind:
            error = ModelError(kind, "", retry_after=_SAID_WHEN.get(fault.kind))
            return f"*{say('ending.failed', reason=reason_of(error, None))}*"
        case other:
            raise AssertionError(other)


def _named(fault: ModelFault) -> str:
    return f"{fault.kind}, {fault.position.where}"


@pytest.mark.parametrize("fault", CELLS, ids=_named)
async def test_a_fault_leaves_what_came_and_one_mark(fault: ModelFault) -> None:
    clock = FakeClock()
    model = FaultyModel(clock, DELTAS, [fault])
    bot = Bot(fake_clock=clock, completions=model)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.say(surface, "why?")
    await clock.advance(300.0)
    words = _mark(fault)
    text = model.said[-1].strip()
    assert surface.texts == ["\n\n".join(part for part in (text, words) if part)]
    assert text == model.text or words
    [message] = surface.messages.values()
    labels = [button.label for button in message.content.buttons]
    goes_on = bool(text and words) and outcome(fault) is not FinishReason.CONTENT_FILTER
    assert (say("button.continue") in labels) is goes_on
    assert model.open_streams == 0
    await shut(bot)
    await model.aclose()


async def test_when_the_place_is_gone_the_stream_is_closed() -> None:
    clock = FakeClock()
    model = FaultyModel(clock, DELTAS, every_s=30.0)
    bot = Bot(fake_clock=clock, completions=model)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.say(surface, "why?")
    await clock.advance(5.0)
    assert model.open_streams == 1
    surface.failures.append("place_gone")
    await clock.advance(60.0)
    assert model.open_streams == 0
    await shut(bot)
    await model.aclose()
