"""Every kind of fault at every position, through the real decoder in virtual time."""

from __future__ import annotations

import asyncio
from itertools import product

import pytest

from core.ports.completions import (
    Answering,
    Finished,
    FinishReason,
    ModelError,
    ModelErrorKind,
    StreamEvent,
    TextDelta,
)
from tests.fakes.clock import FakeClock
from tests.fakes.faulty_model import FIRST, SECOND, FaultyModel
from tests.fakes.model_faults import (
    BEFORE_DONE,
    BEFORE_FINISH,
    BEFORE_HEADERS,
    LASTING,
    MODEL_FAULTS,
    Kind,
    ModelFault,
    Position,
    Where,
    at_delta,
    in_character,
    occurs,
    outcome,
)
from tests.model.asking import ask, simple_request, text_of

_DELTAS = ("Olá, ", "mundo 🌍", ": é ", "água.")
_POSITIONS = (
    BEFORE_HEADERS,
    *(at_delta(number) for number in range(len(_DELTAS))),
    *(in_character(number) for number in range(len(_DELTAS))),
    BEFORE_FINISH,
    BEFORE_DONE,
)
_CELLS = [
    ModelFault(kind, position)
    for kind, position in product(MODEL_FAULTS, _POSITIONS)
    if occurs(kind, position) is None
]


async def asked(
    *faults: ModelFault, fallback: bool = False
) -> tuple[FaultyModel, list[StreamEvent], ModelError | None]:
    clock = FakeClock()
    model = FaultyModel(clock, _DELTAS, faults, fallback=fallback)
    asking = asyncio.ensure_future(ask(model))
    await clock.advance_until(asking.done, at_most=1_000.0)
    await model.aclose()
    assert model.open_streams == 0
    return model, *asking.result()


def _named(fault: ModelFault) -> str:
    return f"{fault.kind}, {fault.position.where} {fault.position.delta}"


@pytest.mark.parametrize("fault", _CELLS, ids=_named)
async def test_a_lasting_fault_ends_as_it_must(fault: ModelFault) -> None:
    model, events, error = await asked(ModelFault(fault.kind, fault.position, LASTING))
    expected = outcome(fault)
    if isinstance(expected, ModelErrorKind):
        assert error is not None
        assert error.kind is expected
    else:
        assert error is None
        assert events[-1] == Finished(expected)
    assert text_of(events) == model.said[-1]
    assert model.text.startswith(model.said[-1])
    if expected is FinishReason.STOP:
        assert model.said == [model.text]
    assert sum(bool(said) for said in model.said) <= 1, "what was visible was begun anew"


@pytest.mark.parametrize("fault", _CELLS, ids=_named)
async def test_after_a_passing_fault_the_answer_is_whole_or_what_was_visible_stays(fault: ModelFault) -> None:
    model, events, error = await asked(fault, fallback=True)
    assert text_of(events) == model.said[-1]
    if model.said[0]:
        assert len(model.said) == 1
    elif error is None and events[-1] == Finished(FinishReason.STOP):
        assert model.said[-1] == model.text
    else:
        assert fault.kind in {Kind.CONTENT_FILTER, Kind.CONTEXT_TOO_LONG, Kind.REASONING_ONLY}


@pytest.mark.parametrize("fault", _CELLS, ids=_named)
async def test_the_next_model_answers_where_the_first_one_cannot(fault: ModelFault) -> None:
    _, events, error = await asked(ModelFault(fault.kind, fault.position, 3), fallback=True)
    answering = [event.model for event in events if isinstance(event, Answering)]
    lasting = outcome(fault)
    unseen = fault.position in {BEFORE_HEADERS, at_delta(0), in_character(0)}
    passes_on = isinstance(lasting, ModelErrorKind) and lasting not in {
        ModelErrorKind.FILTERED,
        ModelErrorKind.CONTEXT_TOO_LONG,
    }
    if unseen and passes_on and fault.kind is not Kind.REASONING_ONLY and error is None:
        assert answering[-1] == SECOND
        assert events[-1] == Finished(FinishReason.STOP)
    else:
        assert SECOND not in answering
    assert answering.count(FIRST) <= 1


def test_every_cell_that_cannot_occur_says_why() -> None:
    impossible = {
        (kind, position): reason
        for kind, position in product(MODEL_FAULTS, _POSITIONS)
        if (reason := occurs(kind, position)) is not None
    }
    assert all(impossible.values())
    assert impossible[Kind.REFUSED, at_delta(3)]
    assert len(_CELLS) + len(impossible) == len(MODEL_FAULTS) * len(_POSITIONS)
    for kind in MODEL_FAULTS:
        assert any(occurs(kind, position) is None for position in _POSITIONS)
    for where in Where:
        assert any(occurs(kind, Position(where, 1)) is None for kind in MODEL_FAULTS)
    with pytest.raises(ValueError, match="cannot occur"):
        FaultyModel(FakeClock(), _DELTAS, [ModelFault(Kind.REFUSED, at_delta(3))])


async def test_it_takes_its_time_and_whoever_leaves_closes_the_stream() -> None:
    clock = FakeClock()
    model = FaultyModel(clock, _DELTAS, first_s=2.0, every_s=1.0)
    began = clock.monotonic()
    came: list[tuple[float, str]] = []

    async def read() -> None:
        async for event in model.stream(simple_request()):
            if isinstance(event, TextDelta):
                came.append((clock.monotonic() - began, event.text))  # noqa: PERF401 - as it comes

    reading = asyncio.ensure_future(read())
    await clock.advance(3.5)
    assert came == [(2.0, "Olá, "), (3.0, "mundo 🌍")]
    assert model.open_streams == 1
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert model.open_streams == 0
    await model.aclose()
