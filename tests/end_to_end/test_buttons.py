"""The buttons under a finished answer, pressed on both platforms against the real process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bots.sandbox.model_server import Stream, say
from core.catalogue import say as words
from tests.end_to_end.screen import Json, Screen
from tests.end_to_end.test_endings import Press
from tests.end_to_end.world import World

SHORT = "Because."
LONG = " ".join(f"The tide comes in for the {number}. time, and goes out again." for number in range(120))


@pytest.mark.parametrize("platform", ["discord", "telegram"])
async def test_variants_are_made_and_chosen_in_the_answers_own_messages(
    world: World, tmp_path: Path, platform: str
) -> None:
    """A long variant takes more messages, and gives them back to the short one."""
    on_discord = platform == "discord"
    screen = world.on_discord if on_discord else world.on_telegram
    press: Press = world.discord.press if on_discord else world.telegram.press
    async with world.served(tmp_path):
        world.model.enqueue(say(SHORT), say(LONG))
        if on_discord:
            await world.discord.say("Cleo", "@Cleo", "why?")
        else:
            await world.telegram.say("Cleo", "Cleo", "why?")
        await _labelled(screen, [words("button.retry")])
        await _press(press, screen, words("button.retry"))
        await _labelled(screen, ["◀", "2/2", words("button.retry")])
        assert len(screen.by_bot()) > 1
        assert " ".join(" ".join(message["text"] for message in screen.by_bot()).split()) == LONG
        await _press(press, screen, "◀")
        await _labelled(screen, ["1/2", "▶", words("button.retry")])
        await screen.until(lambda: len(screen.by_bot()) == 1)
        assert [message["text"] for message in screen.by_bot()] == [SHORT]
        await _press(press, screen, "▶")
        await _labelled(screen, ["◀", "2/2", words("button.retry")])
        assert " ".join(" ".join(message["text"] for message in screen.by_bot()).split()) == LONG
    assert world.refusals == []


async def test_a_cut_answer_goes_on_in_a_channel_and_in_a_group(world: World, tmp_path: Path) -> None:
    async with world.served(tmp_path):
        cut = Stream(("It was a dark night, and",), finish_reason="length")
        world.model.enqueue(cut, cut)
        await world.discord.say("Ben", "#general", "@Sluice a tale, please")
        await world.telegram.say("Ben", "Riverside", "/ask a tale, please")
        for screen in (world.on_discord, world.on_telegram):
            await _labelled(screen, [words("button.continue")])
        world.model.enqueue(say("then it dawned."), say("then it dawned."))
        await asyncio.gather(
            _press(world.discord.press, world.on_discord, words("button.continue"), "Ben"),
            _press(world.telegram.press, world.on_telegram, words("button.continue"), "Ben"),
        )
        for screen in (world.on_discord, world.on_telegram):
            await screen.answer(holding="then it dawned.")
    prompts = [request.body["messages"] for request in world.model.requests[-2:]]
    for messages in prompts:
        assert [message["content"] for message in messages][-2:] == [
            "It was a dark night, and",
            words("continue.question"),
        ]


async def _labelled(screen: Screen, labels: list[str]) -> Json:
    """The bot's last message, as soon as it has these buttons."""

    def last() -> Json | None:
        messages = screen.by_bot()
        found = [[button["label"] for button in message["buttons"]] for message in messages]
        return messages[-1] if found and found[-1] == labels and not any(found[:-1]) else None

    return await screen.until(last)


async def _press(press: Press, screen: Screen, label: str, person: str = "Cleo") -> None:
    message = next(message for message in screen.by_bot() if message["buttons"])
    button = next(button for button in message["buttons"] if button["label"] == label)
    await press(person, message["chat"], message["id"], button["id"])
