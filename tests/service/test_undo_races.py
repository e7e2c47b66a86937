"""/undo and Retry at the same moment: one of them is done, and whoever wanted the other is told."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from core.catalogue import say
from core.messages import ButtonPress, IncomingCommand, MessageRef, PlaceKind
from tests.fakes.surface import FakePress
from tests.service.conftest import ADA, Bot, Yielding, shut

ANSWER = MessageRef("c1", "m1")


@pytest.mark.parametrize("kind", [PlaceKind.SHARED, PlaceKind.PRIVATE])
@pytest.mark.parametrize("first", ["undo", "retry"])
@pytest.mark.parametrize("delay", range(9))
async def test_what_is_taken_back_is_not_answered_again(
    kind: PlaceKind, first: str, delay: int, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot(store=Yielding())
    surface = bot.surface(kind=kind)
    stream = await bot.asked(surface, "a tale")
    stream.say("It was a dark and stormy night, and the rain fell. ")
    await bot.clock.advance(3.0)
    await bot.press_label(surface, ANSWER, say("button.stop"))
    await bot.clock.advance(2.0)
    buttons = surface.messages["m1"].content.buttons
    [retry] = [one.data for one in buttons if one.label == say("button.retry")]
    press = FakePress(bot.clock, surface)
    pressed = ButtonPress(bot.event_id(), surface.place, ADA, ANSWER, retry)
    undo = IncomingCommand(bot.event_id(), surface.place, ADA, "undo", {})
    wants = [bot.dispatcher.handle(undo, surface), bot.dispatcher.handle(pressed, press)]

    async def later(turns: int, work: Coroutine[Any, Any, None]) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        await work

    both = asyncio.gather(
        *(later(number * delay, one) for number, one in enumerate(wants if first == "undo" else wants[::-1]))
    )
    await bot.clock.advance(5.0)
    await both
    answered = len(bot.model.streams) == 2
    if answered:
        bot.model.streams[-1].finish("Then it dawned.")
    await bot.clock.advance(10.0)
    assert answered is not (say("undo.done") in surface.texts)
    assert answered is not (say("retry.unknown") in press.told)
    assert answered is (say("undo.busy") in surface.texts)
    assert not [one for one in caplog.records if one.levelname == "ERROR"]
    await shut(bot)
