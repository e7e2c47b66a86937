"""Buttons that were used, on both platforms: they go, and nobody is told what the message itself shows."""

from __future__ import annotations

import asyncio

import pytest

from core.catalogue import say
from core.ports.completions import FinishReason
from tests.commands.hands import NAME, Hands
from tests.end_to_end.screen import Json

BEGINNING = "A beginning"
CUT = "It was a dark night, and"
CONTINUE, RETRY = say("button.continue"), say("button.retry")


@pytest.fixture(params=[True, False], ids=["private", "shared"])
def private(request: pytest.FixtureRequest, hands: Hands) -> bool:
    hands.private = bool(request.param)
    return hands.private


async def cut(hands: Hands) -> Json:
    """An answer that was cut, with its buttons."""
    (await hands.ask("a tale")).finish(CUT, reason=FinishReason.LENGTH)
    return await labelled(hands, CUT, [RETRY, CONTINUE] if hands.private else [CONTINUE])


async def stopped(hands: Hands) -> Json:
    """An answer that was stopped by its button, with those that then stand under it."""
    stream = await hands.ask("one")
    stream.say(f"{BEGINNING} that is long enough to be shown. ")
    hands.clock.ahead_s += 3.0
    stream.say("And a bit more. ")
    await press(hands, await labelled(hands, BEGINNING, [say("button.stop")]), say("button.stop"))
    return await labelled(hands, BEGINNING, [RETRY, CONTINUE])


async def labelled(hands: Hands, words: str, labels: list[str]) -> Json:
    """The bot's message that begins so, as soon as these buttons stand under it."""

    def found() -> Json | None:
        said = [one for one in hands.screen.by_bot() if one["text"].startswith(words)]
        return next((one for one in said if labels == [button["label"] for button in one["buttons"]]), None)

    return await hands.screen.until(found)


async def press(hands: Hands, message: Json, label: str) -> None:
    [button] = [one["id"] for one in message["buttons"] if one["label"] == label]
    await hands.server.press(NAME, hands.chat, message["id"], button)


def told(hands: Hands) -> list[str]:
    """What one person alone was told, by a message or by what pops up."""
    messages = [one["text"] for one in hands.screen.messages.values() if one["only_for"]]
    return messages + [one["text"] for one in hands.screen.events if one["type"] == "answer" and one["text"]]


async def test_continue_goes_once_it_was_pressed(hands: Hands, private: bool) -> None:
    message = await cut(hands)
    await press(hands, message, CONTINUE)
    (await hands.asked()).finish("then it dawned.")
    await hands.shows("then it dawned.")
    left = await labelled(hands, CUT, [RETRY] if private else [])
    assert (left["id"], left["text"]) == (message["id"], message["text"])
    assert told(hands) == []


async def test_continue_goes_where_the_answer_went_on_by_command(hands: Hands, private: bool) -> None:
    message = await cut(hands)
    await hands.command("continue")
    (await hands.asked()).finish("then it dawned.")
    left = await labelled(hands, CUT, [RETRY] if private else [])
    assert left["text"] == message["text"]


async def test_two_presses_at_once_are_one(hands: Hands, private: bool) -> None:
    message = await cut(hands)
    await asyncio.gather(*(press(hands, message, CONTINUE) for _ in range(2)))
    (await hands.asked()).finish("then it dawned.")
    await hands.shows("then it dawned.")
    await labelled(hands, CUT, [RETRY] if private else [])
    await hands.screen.until(lambda: told(hands))
    assert told(hands) == [say("continue.already")]
    await hands.rested()
    assert len(hands.service.model.streams) == 2


async def test_a_button_to_go_on_that_is_of_no_use_any_more_goes_when_it_is_pressed(
    hands: Hands, private: bool
) -> None:
    """As where the process was killed between the answer that goes on and the button that it takes away."""
    message = await cut(hands)
    await hands.service.store.forget(f"{hands.platform}:{hands.screen.person(NAME)}")
    await press(hands, message, CONTINUE)
    await hands.screen.until(lambda: say("continue.over") in told(hands))
    assert (await labelled(hands, CUT, []))["text"] == message["text"]


async def test_stop_says_nothing_that_the_message_says_and_stays_there_to_be_read(
    hands: Hands, private: bool
) -> None:
    """On Telegram a word pops up and is gone again; a message on Discord would have to be put away."""
    ended = await stopped(hands)
    assert say("ending.stopped") in ended["text"]
    await hands.rested()
    assert told(hands) == ([say("stop.done")] if hands.platform == "telegram" else [])


async def test_what_was_stopped_by_mistake_goes_on(hands: Hands, private: bool) -> None:
    ended = await stopped(hands)
    await press(hands, ended, CONTINUE)
    (await hands.asked()).finish("Here it goes on.")
    await hands.shows("Here it goes on.")
    left = await labelled(hands, BEGINNING, [RETRY])
    assert (left["id"], left["text"]) == (ended["id"], ended["text"])


async def test_what_was_stopped_is_answered_again_in_its_own_message(hands: Hands, private: bool) -> None:
    ended = await stopped(hands)
    await press(hands, ended, RETRY)
    (await hands.asked()).finish("Another answer.")
    again = await labelled(hands, "Another answer.", ["◀", "2/2", RETRY] if private else [])
    assert again["id"] == ended["id"]
