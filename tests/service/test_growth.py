"""What an answer costs grows with its length, and not with its square. Calls are counted, not seconds, so
that a busy machine changes nothing. What grows within one call is not seen: `sluice bench growth` measures
the seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from core.streaming.answer import Answer
from tests.fakes.surface import FakeSurface
from tests.service.stage import Stage

_DELTA = "A sluice is a gate, and its keeper watches two marks of the pond. "
_PAGE = 60  # so that there are many messages


class _Calls:
    count = 0


@contextmanager
def _counted() -> Iterator[_Calls]:
    calls = _Calls()

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        calls.count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(before)


async def _calls_for(answers: int, deltas: int) -> int:
    stage = Stage()
    stories = [
        (Answer(), FakeSurface(stage.clock, page_units=_PAGE), [_DELTA] * deltas) for _ in range(answers)
    ]
    with _counted() as calls:
        shown = await stage.play(*stories)
    assert all(one.complete for one in shown)
    assert all(len(one.messages) >= deltas for one in shown)
    return calls.count


@pytest.mark.parametrize(("one", "two"), [((1, 60), (1, 120)), ((10, 10), (20, 10))], ids=["longer", "more"])
async def test_twice_as_much_takes_twice_as_long(one: tuple[int, int], two: tuple[int, int]) -> None:
    await _calls_for(1, 1)  # what is done once in a process: regular expressions, catalogues
    assert await _calls_for(*two) <= 2.1 * await _calls_for(*one)
