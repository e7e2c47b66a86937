"""What an answer took is free once it is over: in a circle it would lie there until the collector looks
at all there is, which is seldom and holds everybody up."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from core.service.turn import Turn
from core.streaming.answer import Answer
from core.streaming.view import View
from tests.service.conftest import Bot


@pytest.fixture
def by_itself() -> Iterator[None]:
    """The collector helps nobody."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _there() -> list[object]:
    return [one for one in gc.get_objects() if isinstance(one, Turn | Answer | View)]


@pytest.mark.usefixtures("by_itself")
async def test_nothing_is_left_of_an_answer_that_is_over(bot: Bot) -> None:
    others = {id(one) for one in _there()}
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    for word in range(30):
        stream.say(f"**word {word}** ")
        await bot.clock.advance(0.2)
    ours = {type(one): weakref.ref(one) for one in _there() if id(one) not in others}
    assert set(ours) == {Turn, Answer, View}
    stream.finish()
    await bot.clock.advance(30.0)
    assert surface.texts
    assert [kind for kind, one in ours.items() if one() is not None] == []
