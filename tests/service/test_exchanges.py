"""Beginning anew, stopping, taking back, going on: also after a silence, and after a restart."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.catalogue import say
from core.conversation.preferences import Busy
from core.messages import MessageRef, PlaceKind
from core.ports.completions import FinishReason
from core.streaming.operations import OperationKind
from tests.service.conftest import ADA, BEN, MODERATOR, Bot, Held, Yielding, mark, shut

HOUR_S = 3_600.0
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


async def test_undo_is_for_who_asked_and_not_while_an_answer_grows(bot: Bot) -> None:
    thread = bot.surface(kind=PlaceKind.THREAD)
    await bot.answered(thread, "one", "First.")
    assert await bot.chat.exchanges.undo(bot.caller(thread, BEN)) == "undo.not_yours"
    await bot.asked(thread, "two")
    assert await bot.chat.exchanges.undo(bot.caller(thread)) == "undo.busy"
    assert thread.texts == ["First."]


async def test_continue_after_the_length_limit_works_in_a_channel_and_after_a_restart(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "a tale")
    stream.finish("It was a dark night, and", reason=FinishReason.LENGTH)
    await bot.clock.advance(2.0)
    shown = MessageRef("c1", "m1")
    [button] = surface.messages["m1"].content.buttons
    assert button.label == say("button.continue")
    await shut(bot)
    bot = Bot(before=bot)
    assert await bot.press(surface, shown, author=BEN) == [say("continue.not_yours")]
    assert await bot.press(surface, shown) == []
    stream = await bot.model.opened()
    assert stream.prompt == ["a tale", "It was a dark night, and", say("continue.question")]
    assert not surface.messages["m1"].content.buttons
    assert await bot.press_data(surface, shown, button.data) == [say("continue.already")]
    stream.finish("then it dawned.")
    await bot.clock.advance(2.0)
    assert surface.texts[-1] == "then it dawned."
    assert (await bot.asked(surface, "more")).prompt[-2:] == ["then it dawned.", "more"]
    await shut(bot)


@pytest.mark.parametrize("refusal", ["frozen", "rejected", "message_gone", "unknown_taken", "unavailable"])
async def test_an_answer_whose_button_cannot_be_taken_away_loses_nothing(bot: Bot, refusal: str) -> None:
    surface = bot.surface()
    (await bot.asked(surface, "a tale")).finish("It was a dark night, and", reason=FinishReason.LENGTH)
    await bot.clock.advance(2.0)
    text = surface.texts[0]
    surface.failures += [refusal] * 2
    await bot.press(surface, MessageRef("c1", "m1"))
    surface.failures.clear()
    (await bot.model.opened()).finish("then it dawned.")
    await bot.clock.advance(60.0)
    assert surface.texts == [text, "then it dawned."]
    gone = refusal in {"unknown_taken", "unavailable"}
    assert bool(surface.messages["m1"].content.buttons) is not gone


async def test_an_answer_that_a_shutdown_interrupted_goes_on_after_the_restart(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "a tale")
    stream.say("It was a dark and stormy night, and")
    await bot.clock.advance(3.0)
    now = bot.clock.monotonic()
    stopped = asyncio.ensure_future(bot.chat.stop(streams_until=now, marks_until=now + 5.0))
    await bot.clock.advance(6.0)
    assert await stopped == 0
    bot = Bot(before=bot)
    assert await bot.press_label(surface, MessageRef("c1", "m1"), say("button.continue")) == []
    prompt = (await bot.model.opened()).prompt
    assert prompt == ["a tale", "It was a dark and stormy night, and", say("continue.question")]
    await shut(bot)


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


async def test_an_hours_silence_in_a_channel_is_said_and_can_be_bridged(bot: Bot) -> None:
    surface = bot.surface()
    await bot.answered(surface, "old", "Old answer.")
    await bot.clock.advance(HOUR_S + 10.0)
    await bot.answered(surface, "new", "New answer.")
    assert bot.model.streams[-1].prompt == ["new"]
    assert surface.texts.count(say("paused")) == 1
    [notice] = [key for key, shown in surface.messages.items() if shown.content.body.text == say("paused")]
    assert await bot.press(surface, MessageRef("c1", notice), author=BEN) == [say("resume.not_yours")]
    assert await bot.press(surface, MessageRef("c1", notice)) == [say("resume.done")]
    assert await bot.press(surface, MessageRef("c1", notice)) == [say("resume.over")]
    expected = ["old", "Old answer.", "new", "New answer.", "and?"]
    assert (await bot.asked(surface, "and?")).prompt == expected


async def test_what_is_bridged_while_an_answer_grows_brings_that_along(bot: Bot) -> None:
    surface = bot.surface()
    await bot.answered(surface, "old", "Old answer.")
    await bot.clock.advance(HOUR_S + 10.0)
    stream = await bot.asked(surface, "new")
    await bot.clock.advance(2.0)
    [notice] = [key for key, shown in surface.messages.items() if shown.content.body.text == say("paused")]
    await bot.press(surface, MessageRef("c1", notice))
    stream.finish("New answer.")
    await bot.clock.advance(2.0)
    expected = ["old", "Old answer.", "new", "New answer.", "and?"]
    assert (await bot.asked(surface, "and?")).prompt == expected


async def test_the_first_question_of_all_says_nothing_of_a_pause(bot: Bot) -> None:
    surface = bot.surface()
    await bot.answered(surface, "one", "First.")
    await bot.clock.advance(HOUR_S - 60.0)
    await bot.answered(surface, "two", "Second.")
    assert surface.texts == ["First.", "Second."]


@pytest.mark.parametrize(("pause_s", "paused"), [(None, False), (600.0, True)])
async def test_a_private_chat_pauses_by_setting(pause_s: float | None, paused: bool) -> None:
    bot = Bot(private_pause_s=pause_s)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.answered(surface, "one", "First.")
    await bot.clock.advance(601.0)
    assert (await bot.asked(surface, "two")).prompt == (["two"] if paused else ["one", "First.", "two"])
    await bot.clock.advance(2.0)
    assert (say("paused") in surface.texts) is paused
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


async def test_two_presses_at_once_have_an_answer_go_on_once() -> None:
    bot = Bot(store=Yielding())
    surface = bot.surface()
    stream = await bot.asked(surface, "a tale")
    stream.finish("It was a dark night, and", reason=FinishReason.LENGTH)
    await bot.clock.advance(2.0)
    ref, exchanges = MessageRef("c1", "m1"), bot.chat.exchanges
    said = await asyncio.gather(*(exchanges.go_on(bot.caller(surface), ref) for _ in range(2)))
    assert sorted(said) == ["", "continue.already"]
    (await bot.model.opened()).finish("then it dawned.")
    await bot.clock.advance(5.0)
    assert len(bot.model.streams) == 2
    await shut(bot)


async def test_what_is_still_being_answered_comes_along_when_a_conversation_is_resumed(bot: Bot) -> None:
    """The offer to go on stands there before the answer does."""
    surface = bot.surface()
    await bot.answered(surface, "old", "Old answer.")
    await bot.clock.advance(HOUR_S + 10.0)
    stream = await bot.asked(surface, "new")
    await bot.clock.advance(2.0)
    [notice] = [key for key, shown in surface.messages.items() if shown.content.body.text == say("paused")]
    assert await bot.press(surface, MessageRef("c1", notice)) == []
    stream.finish("New answer.")
    await bot.clock.advance(5.0)
    expected = ["old", "Old answer.", "new", "New answer.", "and?"]
    assert (await bot.asked(surface, "and?")).prompt == expected


async def test_undo_leaves_what_others_said_after_it(bot: Bot) -> None:
    surface = bot.surface()
    shown = await bot.answered(surface, "ada's", "To Ada.")
    await bot.reply(surface, "ben's", shown, author=BEN)
    (await bot.model.opened()).finish("To Ben.")
    await bot.clock.advance(5.0)
    assert await bot.chat.exchanges.undo(bot.caller(surface)) == "undo.done"
    await bot.clock.advance(5.0)
    assert (await bot.asked(surface, "more", author=BEN)).prompt == ["ben's", "To Ben.", "more"]


async def test_to_choose_a_model_after_a_silence_does_not_hide_the_offer_to_go_on(bot: Bot) -> None:
    surface = bot.surface()
    await bot.answered(surface, "old", "Old answer.")
    await bot.clock.advance(HOUR_S + 10.0)
    chosen = await bot.chat.conversation_of(surface.place, ADA)
    assert chosen == await bot.chat.conversation_of(surface.place, ADA)
    await bot.answered(surface, "new", "New answer.")
    assert surface.texts.count(say("paused")) == 1
    assert await bot.chat.conversation_of(surface.place, ADA) == chosen
    [notice] = [key for key, shown in surface.messages.items() if shown.content.body.text == say("paused")]
    assert await bot.press(surface, MessageRef("c1", notice)) == [say("resume.done")]
