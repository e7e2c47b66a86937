"""A question is deleted at whatever moment after somebody wants more of its answer: nothing goes on."""

from __future__ import annotations

import asyncio

import pytest

from core.catalogue import say
from core.messages import MessageDeleted, MessageRef, PlaceKind
from core.ports.completions import FinishReason
from tests.service.conftest import Bot, Yielding, shut


@pytest.mark.parametrize("steps", range(30))
@pytest.mark.parametrize(
    ("button", "reason"), [("button.retry", FinishReason.STOP), ("button.continue", FinishReason.LENGTH)]
)
async def test_nothing_goes_on_for_a_question_deleted_after_a_press(
    button: str, reason: FinishReason, steps: int
) -> None:
    bot = Bot(store=Yielding())
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    (await bot.asked(surface, "my secret")).finish("It was a dark night, and", reason=reason)
    await bot.clock.advance(5.0)
    press = asyncio.ensure_future(bot.press_label(surface, MessageRef("c1", "m1"), say(button)))
    for _ in range(steps):
        await asyncio.sleep(0)
    await bot.handle(MessageDeleted(bot.event_id(), surface.place, MessageRef("c1", "u1")), surface)
    await bot.clock.advance(5.0)
    await press
    assert all(stream.closed.is_set() for stream in bot.model.streams)
    await shut(bot)
