"""Beginning anew, stopping, taking back; what is said goes on after a restart, and may interrupt."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from core.catalogue import say
from core.conversation.preferences import Busy
from core.messages import PlaceKind
from core.ports.completions import FinishReason
from core.streaming.operations import NotSent, NotSentReason, OperationKind, Unknown
from tests.service.conftest import ADA, BEN, MODERATOR, Bot, Held, mark, shut

LONG = "Water finds its way, slowly and then all at once."


@pytest.mark.parametrize("kind", PlaceKind)
async def test_new_begins_afresh_and_a_reply_still_finds_the_old(bot: Bot, kind: PlaceKind) -> None:
    surface = bot.surface(kind=kind)
    shown = await bot.answered(surface, "one", "First.")
    assert await bot.chat.exchanges.new(surface.place, ADA) == "new.done"
    await bot.answered(surface, "two", "Second.")
    assert bot.model.streams[-1].prompt == ["two"]
    await bot.reply(surface, "and?", shown)
    prompt = (await bot.model.opened()).prompt
    assert ("one" in prompt) is (kind is PlaceKind.SHARED)


async def test_new_is_for_oneself_in_a_channel(bot: Bot) -> None:
    surface = bot.surface()
    await bot.answered(surface, "ada's", "A.")
    await bot.answered(surface, "ben's", "B.", author=BEN)
    await bot.chat.exchanges.new(surface.place, BEN)
    assert (await bot.asked(surface, "more")).prompt == ["ada's", "A.", "more"]


async def test_stop_ends_ones_own_answer_and_keeps_it(bot: Bot) -> None:
    surface = bot.surface()
    exchanges = bot.chat.exchanges
    assert exchanges.stop(surface.place, ADA) == "stop.nothing"
    stream = await bot.asked(surface, "one")
    other = await bot.asked(surface, "two", author=BEN)
    stream.say(LONG)
    await bot.clock.advance(5.0)
    assert exchanges.stop(surface.place, replace(ADA, id="7")) == "stop.not_yours"
    assert exchanges.stop(bot.surface("c2").place, ADA) == "stop.nothing"
    assert exchanges.stop(surface.place, ADA) == "stop.done"
    await bot.clock.advance(5.0)
    assert surface.texts[0] == f"{LONG}\n\n{mark('ending.stopped')}"
    assert not other.closed.is_set()
    assert exchanges.stop(surface.place, MODERATOR) == "stop.done"
    assert (await bot.asked(surface, "three")).prompt == ["one", LONG, "three"]


@pytest.mark.parametrize("kind", PlaceKind)
async def test_undo_takes_back_the_last_exchange_and_its_messages(bot: Bot, kind: PlaceKind) -> None:
    surface = bot.surface(kind=kind)
    await bot.answered(surface, "one", "First.")
    await bot.answered(surface, "two", "Second.")
    assert await bot.chat.exchanges.undo(bot.caller(surface)) == "undo.done"
    await bot.clock.advance(5.0)
    assert surface.texts == ["First."]
    deleted = [message for _, operation, message in surface.calls if operation is OperationKind.DELETE]
    assert deleted == ["m2", "u2"]
    assert await bot.chat.exchanges.undo(bot.caller(surface)) == "undo.done"
    assert await bot.chat.exchanges.undo(bot.caller(surface)) == "undo.nothing"
    await bot.clock.advance(5.0)
    assert surface.texts == []
    assert (await bot.asked(surface, "three")).prompt == ["three"]


async def test_what_may_not_be_deleted_is_told_in_the_log_in_words(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    surface = bot.surface()
    await bot.answered(surface, "one", "First.")
    surface.failures.append("place_gone")
    assert await bot.chat.exchanges.undo(bot.caller(surface)) == "undo.done"
    await bot.clock.advance(5.0)
    assert "fake:c1 delete page 0: not sent, place gone" in caplog.messages
    assert str(NotSent(NotSentReason.RATE_LIMITED, 2.0, detail="slow down")) == (
        "not sent, rate limited for 2.0 s (slow down)"
    )
    assert str(Unknown("TimeoutError")) == "unknown (TimeoutError)"


async def test_undo_takes_back_all_of_an_answer_that_went_on(bot: Bot) -> None:
    """It went on by questions that nobody wrote, so that nobody would know what "the last question" is."""
    surface = bot.surface()
    await bot.answered(surface, "one", "First.")
    (await bot.asked(surface, "a tale")).finish("It was a", reason=FinishReason.LENGTH)
    await bot.clock.advance(2.0)
    for part in ("dark night,", "and then"):
        await bot.command(surface, "continue")
        (await bot.model.opened()).finish(part, reason=FinishReason.LENGTH)
        await bot.clock.advance(2.0)
    assert len(surface.messages) == 4
    await shut(bot)
    bot = Bot(before=bot)
    assert await bot.chat.exchanges.undo(bot.caller(surface)) == "undo.done"
    await bot.clock.advance(5.0)
    assert surface.texts == ["First."]
    assert await bot.chat.continuing.go_on(bot.caller(surface)) == "continue.nothing"
    assert (await bot.asked(surface, "two")).prompt == ["one", "First.", "two"]
    await shut(bot)


async def test_what_somebody_wrote_is_a_question_though_it_reads_as_continue_does(bot: Bot) -> None:
    surface = bot.surface()
    (await bot.asked(surface, "a tale")).finish("It was a", reason=FinishReason.LENGTH)
    await bot.clock.advance(2.0)
    await bot.answered(surface, say("continue.question"), "dark night.")
    assert await bot.chat.exchanges.undo(bot.caller(surface)) == "undo.done"
    await bot.clock.advance(5.0)
    assert (await bot.asked(surface, "two")).prompt == ["a tale", "It was a", "two"]


async def test_who_asked_takes_back_an_answer_that_a_moderator_had_go_on(bot: Bot) -> None:
    thread = bot.surface(kind=PlaceKind.THREAD)
    (await bot.asked(thread, "a tale")).finish("It was a", reason=FinishReason.LENGTH)
    await bot.clock.advance(2.0)
    await bot.command(thread, "continue", author=MODERATOR)
    (await bot.model.opened()).finish("dark night.")
    await bot.clock.advance(2.0)
    assert await bot.chat.exchanges.undo(bot.caller(thread)) == "undo.done"
    await bot.clock.advance(5.0)
    assert thread.texts == []


async def test_undo_is_for_who_asked_and_not_while_an_answer_grows(bot: Bot) -> None:
    thread = bot.surface(kind=PlaceKind.THREAD)
    await bot.answered(thread, "one", "First.")
    assert await bot.chat.exchanges.undo(bot.caller(thread, BEN)) == "undo.not_yours"
    await bot.asked(thread, "two")
    assert await bot.chat.exchanges.undo(bot.caller(thread)) == "undo.busy"
    assert thread.texts == ["First."]


async def test_what_could_not_be_marked_is_remembered_all_the_same(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "a tale")
    stream.say("It was a dark and stormy night, and")
    await bot.clock.advance(3.0)
    await shut(bot)
    bot = Bot(before=bot)
    assert (await bot.asked(surface, "more")).prompt[1] == "It was a dark and stormy night, and"
    await shut(bot)


async def test_a_conversation_survives_a_restart(bot: Bot) -> None:
    surface = bot.surface()
    shown = await bot.answered(surface, "one", "First.")
    await shut(bot)
    bot = Bot(before=bot)
    await bot.answered(surface, "two", "Second.")
    assert bot.model.streams[-1].prompt == ["one", "First.", "two"]
    await bot.reply(surface, "three", shown, author=BEN)
    assert (await bot.model.opened()).prompt == ["Ada: one", "First.", "Ben: three"]
    await shut(bot)


async def test_what_is_overtaken_before_the_model_is_asked_says_so_and_asks_nothing() -> None:
    store = Held()
    bot = Bot(busy_mode=Busy.INTERRUPT, store=store)
    chat = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.answered(chat, "one", "First.")
    store.free.clear()
    await bot.say(chat, "two")
    await bot.say(chat, "three")
    store.free.set()
    await bot.clock.advance(5.0)
    assert chat.texts[1] == mark("ending.overtaken")
    assert [stream.prompt[-1] for stream in bot.model.streams] == ["one", "three"]
    await shut(bot)


async def test_where_it_is_wanted_a_new_question_interrupts_ones_own_answer() -> None:
    bot = Bot(busy_mode=Busy.INTERRUPT)
    thread = bot.surface(kind=PlaceKind.THREAD)
    stream = await bot.asked(thread, "one")
    stream.say(LONG)
    await bot.clock.advance(3.0)
    await bot.say(thread, "ben waits", author=BEN)
    assert not stream.closed.is_set()
    await bot.say(thread, "two")
    assert stream.closed.is_set()
    await bot.clock.advance(5.0)
    assert thread.texts[0] == f"{LONG}\n\n{mark('ending.overtaken')}"
    prompt = (await bot.model.opened()).prompt
    assert prompt == ["Ada: one", LONG, "Ben: ben waits"]
    await shut(bot)


async def test_undo_leaves_what_others_said_after_it(bot: Bot) -> None:
    surface = bot.surface()
    shown = await bot.answered(surface, "ada's", "To Ada.")
    await bot.reply(surface, "ben's", shown, author=BEN)
    (await bot.model.opened()).finish("To Ben.")
    await bot.clock.advance(5.0)
    assert await bot.chat.exchanges.undo(bot.caller(surface)) == "undo.done"
    await bot.clock.advance(5.0)
    assert (await bot.asked(surface, "more", author=BEN)).prompt == ["ben's", "To Ben.", "more"]
