"""The Stop button and SIGTERM on the real process: what was written stays, and says how it ended."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from bots.sandbox.model_server import Gate, Stream, say
from core.catalogue import say as words
from tests.end_to_end.screen import Json, Screen
from tests.end_to_end.world import ENDS_WITHIN_S, World

Press: TypeAlias = Callable[[str, str, str, str], Awaitable[None]]
TIDES = [f"Tide number {number} comes in, and then it goes out again. " for number in range(400)]
BEGINNING = "The beginning of an answer that never ends."


@pytest.mark.parametrize("stopper", ["Ben", "Ada"], ids=["by the asker", "by who manages messages"])
async def test_stop_keeps_the_text_and_marks_it(world: World, tmp_path: Path, stopper: str) -> None:
    """In a channel and a group at once. Cleo tries first, and is told in private that she may not."""
    async with world.served(tmp_path):
        world.model.enqueue(*(say(*TIDES, every_s=0.1) for _ in range(2)))
        in_channel = await world.discord.say("Ben", "#general", "@Sluice tell me about tides")
        in_group = await world.telegram.say("Ben", "Riverside", "/ask tell me about tides")
        answers = await asyncio.gather(
            _stop(world.discord.press, world.on_discord, in_channel, stopper),
            _stop(world.telegram.press, world.on_telegram, in_group, stopper),
        )
        async with asyncio.timeout(ENDS_WITHIN_S):
            while world.model.open_streams:  # the model is let go, too
                world.model.stream_closed.clear()
                await world.model.stream_closed.wait()
    marks = (f"*{words('ending.stopped')}*", words("ending.stopped"))
    for answer, mark in zip(answers, marks, strict=True):
        text, _, ending = answer["text"].rpartition("\n\n")
        assert ending == mark
        assert "".join(TIDES).startswith(text)
    assert world.refusals == []


async def _stop(press: Press, screen: Screen, question: str, stopper: str) -> Json:
    """Wait for the button, press it as two people, and give the answer as it then stands."""
    growing = await screen.answer(replying_to=question, button=True)
    (button,) = growing["buttons"]
    assert button["label"] == words("button.stop")
    await press("Cleo", growing["chat"], growing["id"], button["id"])
    await screen.told("Cleo", words("stop.not_yours"))
    visible = (await screen.answer(replying_to=question, button=True))["text"]
    await press(stopper, growing["chat"], growing["id"], button["id"])
    if screen.platform == "telegram":  # on Discord the message alone says so
        await screen.told(stopper, words("stop.done"))
    ended = await screen.answer(replying_to=question, holding=words("ending.stopped"))
    assert ended["text"].startswith(visible)
    assert [one["label"] for one in ended["buttons"]] == [words("button.retry"), words("button.continue")]
    assert screen.streamed_s(ended) > 1.0
    return ended


async def test_sigterm_marks_every_answer_and_leaves_in_time(world: World, tmp_path: Path) -> None:
    """By mention, by slash command, in private and in a group; no token stands in the log."""
    screens = (world.on_discord, world.on_telegram)
    async with world.served(tmp_path) as program:
        world.model.enqueue(*(Stream((BEGINNING, Gate(asyncio.Event()))) for _ in range(4)))
        await world.discord.say("Ada", "#general", "@Sluice a long one, please")
        await world.discord.invoke("Ben", "#help", "ask", {"prompt": "a long one, please"})
        await world.telegram.say("Ada", world.on_telegram.person("Ada"), "a long one, please")
        await world.telegram.say("Ben", "Riverside", "@sluice_bot a long one, please")
        for screen in screens:
            await screen.until(partial(_are_two, screen))
        program.process.send_signal(signal.SIGTERM)
        assert await program.ends(ENDS_WITHIN_S) == 0
    marked = [message for screen in screens for message in screen.by_bot()]
    continues, again = words("button.continue"), words("button.retry")
    labels = {message["chat"]: [button["label"] for button in message["buttons"]] for message in marked}
    assert list(labels.values()) == [[again, continues]] * 4
    interrupted = words("ending.interrupted")
    on_discord, on_telegram = f"{BEGINNING}\n\n*{interrupted}*", f"{BEGINNING}\n\n{interrupted}"
    assert [message["text"] for message in marked] == [on_discord] * 2 + [on_telegram] * 2
    said = "\n".join(program.said)
    assert "could not be completed or marked" not in said
    assert "Traceback" not in said
    for secret in (world.discord.token, world.telegram.token, world.telegram.token.partition(":")[2]):
        assert secret not in said


def _are_two(screen: Screen) -> bool:
    return len(screen.by_bot(holding=BEGINNING)) == 2
