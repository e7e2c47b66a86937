"""Somebody floods the bot, on both platforms by their real libraries."""

from __future__ import annotations

import asyncio
import logging

import pytest

from core.catalogue import say
from core.policy.flood import QUIET_S
from tests.commands.hands import Hands
from tests.commands.support import PATIENCE_S

MESSAGES = 100
FLOOD = say("flood", seconds=int(QUIET_S))


@pytest.mark.parametrize("private", [True, False])
async def test_a_hundred_messages_at_once_cost_one_answer_and_one_notice(
    hands: Hands, private: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    hands.private = private
    hands.clock.freeze()  # all of them in the same second, however slow the machine
    mention = "" if private else "@Sluice @sluice_bot "
    for number in range(MESSAGES):
        await hands.say(f"{mention}question {number}")
    async with asyncio.timeout(3 * PATIENCE_S):
        while caplog.text.count("not answered: flood") < MESSAGES - 1:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)
    hands.clock.move(QUIET_S)  # and what was to be said later is said
    stream = await hands.asked()
    assert stream.prompt[-1].endswith("question 0")
    stream.finish("Here.")
    async with asyncio.timeout(PATIENCE_S):
        while hands.service.chat.answering:
            hands.clock.move(0.5)
            await asyncio.sleep(0.01)
    await hands.shows("Here.")
    await hands.shows(FLOOD)
    assert len(hands.service.model.streams) == 1
    by_bot = [one["text"] for one in hands.screen.messages.values() if one["author"]["bot"]]
    assert sorted(by_bot) == sorted([FLOOD, "Here."])
