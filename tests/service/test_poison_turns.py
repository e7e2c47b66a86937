"""A turn that kills each process that begins with it: it is not begun for ever, and others are served."""

from __future__ import annotations

import logging

import pytest

from core.messages import PlaceKind
from core.ports.journal import STARTS, KeptTurn
from core.service.steps import Tried, encoded
from tests.fakes.mortal import Life
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, BEN, Bot, failed, shut
from tests.service.test_recovery import killed, started

FAILED = failed("unexpected")


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def poisoned(*, text: str = "") -> tuple[Bot, FakeSurface]:
    """A question that the model was asked, with another behind it; its process is killed. `text`: visible."""
    bot = Bot(life=Life())
    surface = bot.surface(kind=PlaceKind.THREAD)
    stream = await bot.asked(surface, "poison?")
    await bot.say(surface, "and I?", author=BEN)
    await bot.clock.advance(1.0)
    if text:
        stream.say(text)
        await bot.clock.advance(3.0)
    await killed(bot)
    return bot, surface


async def test_after_five_starts_it_has_failed_and_who_waited_is_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot, surface = await poisoned()
    told = surface.texts
    for _ in range(STARTS - 1):
        bot = await started(bot, surface)
        stream = await bot.model.opened()
        assert stream.prompt[-1].endswith("poison?")
        await killed(bot)
    assert surface.texts == told
    assert errors(caplog) == []
    bot = await started(bot, surface)
    await bot.clock.advance(5.0)
    assert surface.texts == [*told, FAILED]
    [error] = errors(caplog)
    assert "It is given up." in error
    stream = await bot.model.opened()
    assert stream.prompt[-1].endswith("and I?")
    stream.finish("You, too.")
    await bot.clock.advance(5.0)
    assert surface.texts == [*told, FAILED, "You, too."]
    await shut(bot)
    bot = await started(bot, surface)
    await bot.clock.advance(5.0)
    assert bot.model.streams == []
    await shut(bot)


async def test_of_one_that_was_visible_the_text_stays_above_the_mark() -> None:
    bot, surface = await poisoned(text="Once upon a time. ")
    turn = next(iter(bot.journal_state.turns.values()))
    turn.steps += [encoded(Tried())] * (STARTS - 1)
    bot = await started(bot, surface)
    await bot.clock.advance(5.0)
    [text] = [text for text in surface.texts if text.startswith("Once")]
    assert text == f"Once upon a time.\n\n{FAILED}"
    await killed(bot)


async def test_where_to_show_it_kills_too_it_is_over() -> None:
    bot, surface = await poisoned()
    surface._latency_s = 2.0
    for _ in range(STARTS):
        bot = await started(bot, surface)
        await killed(bot)
    bot = await started(bot, surface)
    await bot.clock.advance(5.0)
    assert FAILED not in surface.texts, "nor is it tried for ever"
    stream = await bot.model.opened()
    assert stream.prompt[-1].endswith("and I?")
    await killed(bot)


async def test_what_another_version_has_kept_is_alerted(caplog: pytest.LogCaptureFixture) -> None:
    bot = Bot(life=Life())
    surface = bot.surface()
    await bot.journal.begin(KeptTurn("t1", "fake:1", ("e1",), str(ADA), b'{"of": "tomorrow"}', 0.0))
    await killed(bot)
    bot = await started(bot, surface)
    await bot.clock.advance(5.0)
    [error] = errors(caplog)
    assert "(turn t1)" in error
    assert bot.journal_state.turns == {}
    await killed(bot)
