"""The button to go on is taken away while something else becomes of its message."""

from __future__ import annotations

import pytest

from core.catalogue import say
from core.messages import MessageRef, PlaceKind
from core.ports.completions import FinishReason
from core.streaming.operations import MessageContent, NotSent, NotSentReason, Outcome
from tests.fakes.surface import FakeSurface
from tests.service.conftest import Bot

RETRY, CONTINUE = say("button.retry"), say("button.continue")


class Stumbling(FakeSurface):
    """Takes no controls alone for a while, as a platform in trouble."""

    stumbles = 0
    slow_s = 0.0  # of what it takes then

    async def edit(self, message_id: str, content: MessageContent) -> Outcome:
        if content.keeps_text and self.stumbles:
            self.stumbles -= 1
            return NotSent(NotSentReason.UNAVAILABLE)
        if content.keeps_text:
            await self._clock.sleep_until(self._clock.monotonic() + self.slow_s)
        return await super().edit(message_id, content)


def labels(surface: FakeSurface, message: MessageRef) -> list[str]:
    return [button.label for button in surface.messages[message.message_id].content.buttons]


async def cut(bot: Bot, chat: FakeSurface) -> MessageRef:
    """An answer that was cut, the second to its question."""
    shown = await bot.answered(chat, "a tale", "Once.")
    await bot.press_label(chat, shown, RETRY)
    (await bot.model.opened()).finish("It was a dark night, and", reason=FinishReason.LENGTH)
    await bot.clock.advance(5.0)
    assert labels(chat, shown) == ["◀", "2/2", RETRY, CONTINUE]
    return shown


async def gone_on(bot: Bot, chat: Stumbling, stumbles: int, slow_s: float) -> MessageRef:
    """A cut answer that goes on, and whose button is not taken away at once."""
    shown = await cut(bot, chat)
    chat.stumbles, chat.slow_s = stumbles, slow_s
    await bot.press_label(chat, shown, CONTINUE)
    (await bot.model.opened()).finish("then it dawned.")
    return shown


troubles = pytest.mark.parametrize(("stumbles", "slow_s"), [(0, 0.0), (3, 0.0), (0, 4.0)])


@troubles
async def test_buttons_are_of_the_variant_that_stands_there(bot: Bot, stumbles: int, slow_s: float) -> None:
    """Though another was chosen before the button to go on could be taken away."""
    chat = Stumbling(bot.clock, chat_id="p1", kind=PlaceKind.PRIVATE)
    shown = await gone_on(bot, chat, stumbles, slow_s)
    await bot.press_label(chat, shown, "◀")
    await bot.clock.advance(60.0)
    assert chat.messages[shown.message_id].content.body.text == "Once."
    assert labels(chat, shown) == ["1/2", "▶", RETRY]


@troubles
async def test_buttons_are_of_the_variant_that_comes_meanwhile(
    bot: Bot, stumbles: int, slow_s: float
) -> None:
    chat = Stumbling(bot.clock, chat_id="p1", kind=PlaceKind.PRIVATE)
    shown = await gone_on(bot, chat, stumbles, slow_s)
    await bot.press_label(chat, shown, RETRY)
    await bot.clock.advance(slow_s)
    (await bot.model.opened()).finish("It was a bright day.")
    await bot.clock.advance(60.0)
    assert chat.messages[shown.message_id].content.body.text == "It was a bright day."
    assert labels(chat, shown) == ["◀", "3/3", RETRY]


async def test_buttons_come_back_under_an_answer_that_a_late_press_is_not_about(bot: Bot) -> None:
    """A button that somebody still sees is pressed, when another variant stands there already."""
    chat = Stumbling(bot.clock, chat_id="p1", kind=PlaceKind.PRIVATE)
    shown = await cut(bot, chat)
    seen = {button.label: button for button in chat.messages[shown.message_id].content.buttons}
    await bot.press_label(chat, shown, "◀")
    await bot.clock.advance(5.0)
    await bot.press_data(chat, shown, seen[CONTINUE].data)
    (await bot.model.opened()).finish("then it dawned.")
    await bot.clock.advance(60.0)
    assert chat.messages[shown.message_id].content.body.text == "Once."
    assert labels(chat, shown) == ["1/2", "▶", RETRY]
