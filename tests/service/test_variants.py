"""Answering again: variants of an answer, the buttons that show them, and the messages that do."""

from __future__ import annotations

import asyncio

import pytest

from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from core.conversation.history import lane_of
from core.messages import Addressed, MessageDeleted, MessageRef, PlaceKind
from core.ports.completions import FinishReason, ModelError, ModelErrorKind
from core.ports.store import Message, StoreError
from core.streaming.operations import OperationKind
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, BEN, MODERATOR, Bot, Yielding, failed, mark, shut

RETRY = say("button.retry")


def private(bot: Bot, **limits: int) -> FakeSurface:
    return FakeSurface(bot.clock, chat_id="p1", kind=PlaceKind.PRIVATE, **limits)  # type: ignore[arg-type]


def labels(surface: FakeSurface, message: MessageRef) -> list[str]:
    return [button.label for button in surface.messages[message.message_id].content.buttons]


async def again(bot: Bot, surface: FakeSurface, message: MessageRef, answer: str) -> None:
    assert await bot.press_label(surface, message, RETRY) == []
    (await bot.model.opened()).finish(answer)
    await bot.clock.advance(5.0)


@pytest.fixture
async def chat(bot: Bot) -> FakeSurface:
    return private(bot)


async def test_retry_puts_a_variant_in_the_answers_place_and_the_arrows_go_back(
    bot: Bot, chat: FakeSurface
) -> None:
    await bot.answered(chat, "before", "Said before.")
    shown = await bot.answered(chat, "why?", "Because.")
    assert labels(chat, shown) == [RETRY]
    assert await bot.press_label(chat, shown, RETRY) == []
    stream = await bot.model.opened()
    assert stream.prompt == ["before", "Said before.", "why?"]
    assert chat.texts == ["Said before.", "Because."]
    stream.finish("Why not?")
    await bot.clock.advance(5.0)
    assert chat.texts == ["Said before.", "Why not?"]
    assert labels(chat, shown) == ["◀", "2/2", RETRY]
    await again(bot, chat, shown, "Who knows?")
    assert labels(chat, shown) == ["◀", "3/3", RETRY]
    assert await bot.press_label(chat, shown, "◀") == []
    await bot.clock.advance(5.0)
    assert chat.texts == ["Said before.", "Why not?"]
    assert labels(chat, shown) == ["◀", "2/3", "▶", RETRY]
    assert (await bot.asked(chat, "and?")).prompt[-3:] == ["why?", "Why not?", "and?"]


async def test_pressing_the_number_changes_nothing(bot: Bot, chat: FakeSurface) -> None:
    shown = await bot.answered(chat, "why?", "Because.")
    await again(bot, chat, shown, "Why not?")
    calls = len(chat.calls)
    assert await bot.press_label(chat, shown, "2/2") == []
    await bot.clock.advance(5.0)
    assert len(chat.calls) == calls


async def test_a_variant_takes_more_messages_and_gives_them_back() -> None:
    bot = Bot()
    chat = private(bot, page_units=200)
    shown = await bot.answered(chat, "why?", "Because.")
    ref = MessageRef("p1", "m1")
    assert shown == ref
    long = " ".join(f"word{number}" for number in range(80))
    await again(bot, chat, ref, long)
    await bot.clock.advance(30.0)
    assert len(chat.messages) > 2
    assert " ".join(chat.texts) == long
    last = list(chat.messages)[-1]
    assert labels(chat, MessageRef("p1", last)) == ["◀", "2/2", RETRY]
    await bot.press_label(chat, MessageRef("p1", last), "◀")
    await bot.clock.advance(30.0)
    assert chat.texts == ["Because."]
    assert labels(chat, ref) == ["1/2", "▶", RETRY]
    await bot.press_label(chat, ref, "▶")
    await bot.clock.advance(30.0)
    assert " ".join(chat.texts) == long
    assert chat.refused == 0
    await shut(bot)


async def test_buttons_work_after_a_restart(bot: Bot, chat: FakeSurface) -> None:
    shown = await bot.answered(chat, "why?", "Because.")
    await again(bot, chat, shown, "Why not?")
    await shut(bot)
    next_start = Bot(before=bot)
    assert await next_start.press_label(chat, shown, "◀") == []
    await next_start.clock.advance(5.0)
    assert chat.texts == ["Because."]
    await next_start.press_label(chat, shown, RETRY)
    assert (await next_start.model.opened()).prompt == ["why?"]
    await shut(next_start)


async def test_a_retry_that_fails_leaves_the_answer_there_with_a_mark(bot: Bot, chat: FakeSurface) -> None:
    shown = await bot.answered(chat, "why?", "Because.")
    await bot.press_label(chat, shown, RETRY)
    (await bot.model.opened()).emit(ModelError(ModelErrorKind.SERVER, ""))
    await bot.clock.advance(5.0)
    assert chat.texts == [f"Because.\n\n{failed('server')}"]
    assert labels(chat, shown) == [RETRY]
    assert (await bot.asked(chat, "and?")).prompt == ["why?", "Because.", "and?"]


async def test_what_failed_can_be_asked_again_in_its_place(bot: Bot, chat: FakeSurface) -> None:
    stream = await bot.asked(chat, "why?")
    stream.emit(ModelError(ModelErrorKind.SERVER, ""))
    await bot.clock.advance(5.0)
    await again(bot, chat, MessageRef("p1", "m1"), "Because.")
    assert chat.texts == ["Because."]
    assert labels(chat, MessageRef("p1", "m1")) == [RETRY]
    assert (await bot.asked(chat, "and?")).prompt == ["why?", "Because.", "and?"]


async def test_a_variant_is_sent_where_the_answer_was_deleted(bot: Bot, chat: FakeSurface) -> None:
    shown = await bot.answered(chat, "why?", "Because.")
    data = next(iter(chat.messages.values())).content.buttons[0].data
    await chat.delete(shown.message_id)
    await bot.press_data(chat, shown, data)
    (await bot.model.opened()).finish("Why not?")
    await bot.clock.advance(5.0)
    assert chat.texts == ["Why not?"]


async def test_what_cannot_be_edited_gives_way(bot: Bot, chat: FakeSurface) -> None:
    """A message that carries a file on Telegram: no edit makes text of it."""
    shown = await bot.answered(chat, "why?", "Because.")
    await bot.press_label(chat, shown, RETRY)
    stream = await bot.model.opened()
    chat.failures.extend(["rejected", "rejected"])
    stream.finish("Why not?")
    await bot.clock.advance(5.0)
    assert chat.texts == ["Why not?"]
    assert shown.message_id not in chat.messages


async def test_in_a_channel_a_finished_answer_has_no_button_but_can_be_answered_again(bot: Bot) -> None:
    channel = bot.surface()
    shown = await bot.answered(channel, "why?", "Because.")
    assert labels(channel, shown) == []
    assert (await bot.chat.exchanges.retry(bot.caller(channel, BEN), shown)).key == "retry.not_yours"
    assert (await bot.chat.exchanges.retry(bot.caller(channel, MODERATOR), shown)).key == ""
    stream = await bot.model.opened()
    assert (await bot.chat.exchanges.retry(bot.caller(channel), shown)).key == "retry.busy"
    stream.finish("Why not?")
    await bot.clock.advance(5.0)
    assert channel.texts == ["Why not?"]
    kept = await bot.store.lane(lane_of(channel.place, ADA))
    assert kept is not None
    assert kept.leaf_id is not None
    question, _ = await bot.store.path(kept.leaf_id)
    stepped = asyncio.ensure_future(bot.chat.exchanges.step(bot.caller(channel), question.id, 1))
    await bot.clock.advance(5.0)
    assert await stepped == ""
    assert channel.texts == ["Because."]
    assert (await bot.asked(channel, "and?")).prompt == ["why?", "Because.", "and?"]


async def test_only_who_asked_or_manages_messages_may_press(bot: Bot) -> None:
    thread = bot.surface("t1", PlaceKind.THREAD)
    shown = await bot.answered(thread, "why?", "Because.")
    assert await bot.press_label(thread, shown, RETRY, author=BEN) == [say("retry.not_yours")]
    await again(bot, thread, shown, "Why not?")
    assert await bot.press_label(thread, shown, "◀", author=BEN) == [say("variant.not_yours")]
    assert thread.texts == ["Why not?"]
    assert await bot.press_label(thread, shown, "◀", author=MODERATOR) == []


@pytest.mark.parametrize("forged", ["retry:{0}", "retry:{0}.AAAAAAAAAAAA", "variant:{0}:1", "resume:{0}"])
async def test_a_forged_press_gets_a_polite_word(bot: Bot, chat: FakeSurface, forged: str) -> None:
    shown = await bot.answered(chat, "why?", "Because.")
    data = next(iter(chat.messages.values())).content.buttons[0].data
    known = data.partition(":")[2].partition(".")[0]
    assert await bot.press_data(chat, shown, forged.format(known)) == [say("button.over")]
    elsewhere = bot.surface("p2", PlaceKind.PRIVATE)
    assert await bot.press_data(elsewhere, shown, data) == [say("button.over")]
    assert len(bot.model.streams) == 1


async def test_a_stopped_retry_shows_what_there_is_of_it(bot: Bot, chat: FakeSurface) -> None:
    shown = await bot.answered(chat, "why?", "Because.")
    await bot.press_label(chat, shown, RETRY)
    (await bot.model.opened()).say("A long and winding answer that takes its time")
    await bot.clock.advance(5.0)
    await bot.press_label(chat, shown, say("button.stop"))
    await bot.clock.advance(5.0)
    assert chat.texts == [f"A long and winding answer that takes its time\n\n{mark('ending.stopped')}"]
    assert labels(chat, shown) == ["◀", "2/2", RETRY, say("button.continue")]


async def test_a_cut_variant_can_go_on(bot: Bot, chat: FakeSurface) -> None:
    stream = await bot.asked(chat, "why?")
    stream.finish("Because", reason=FinishReason.LENGTH)
    await bot.clock.advance(5.0)
    shown = MessageRef("p1", "m1")
    assert labels(chat, shown) == [RETRY, say("button.continue")]
    await again(bot, chat, shown, "Why not?")
    assert labels(chat, shown) == ["◀", "2/2", RETRY]
    await bot.press_label(chat, shown, "◀")
    await bot.clock.advance(5.0)
    assert labels(chat, shown) == ["1/2", "▶", RETRY, say("button.continue")]
    assert chat.texts == [f"Because\n\n{mark('ending.length')}"]


async def test_steps_that_are_pressed_fast_end_where_the_last_one_said(bot: Bot, chat: FakeSurface) -> None:
    shown = await bot.answered(chat, "why?", "One.")
    for answer in ("Two.", "Three."):
        await again(bot, chat, shown, answer)
    question = next(iter(chat.messages.values())).content.buttons[-1].data.split(":")[1].partition(".")[0]
    for number in (1, 2, 1, 3, 1):
        bot.chat._tasks.start(_step(bot, chat, question, number), "step")
    await bot.clock.advance(60.0)
    assert chat.texts == ["One."]
    assert chat.refused == 0


async def _step(bot: Bot, chat: FakeSurface, question: str, number: int) -> None:
    assert await bot.chat.exchanges.step(bot.caller(chat), question, number) == ""


async def test_a_retry_of_an_older_answer_branches_off(bot: Bot, chat: FakeSurface) -> None:
    first = await bot.answered(chat, "one", "First.")
    await bot.answered(chat, "two", "Second.")
    await again(bot, chat, first, "Another first.")
    assert chat.texts == ["Another first.", "Second."]
    assert (await bot.asked(chat, "three")).prompt == ["one", "Another first.", "three"]


async def test_nothing_is_previewed_twice_before_the_new_text(bot: Bot, chat: FakeSurface) -> None:
    """The old answer stands until the new one begins."""
    shown = await bot.answered(chat, "why?", "Because.")
    await bot.press_label(chat, shown, RETRY)
    stream = await bot.model.opened()
    await bot.clock.advance(10.0)
    edits = [text for _, kind, text in chat.calls if kind is OperationKind.EDIT]
    assert edits == []
    stream.finish("Why not?")
    await bot.clock.advance(5.0)
    assert [text for _, kind, text in chat.calls if kind is OperationKind.EDIT] == ["Why not?"]


async def test_in_a_private_chat_everything_is_addressed(bot: Bot, chat: FakeSurface) -> None:
    await bot.say(chat, "hello", addressed=Addressed.PRIVATE, author=ADA)
    (await bot.model.opened()).finish("Hi.")
    await bot.clock.advance(5.0)
    assert chat.texts == ["Hi."]


async def test_two_who_press_retry_at_once_have_one_variant() -> None:
    bot = Bot(store=Yielding())
    chat = private(bot)
    shown = await bot.answered(chat, "why?", "Because.")
    exchanges = bot.chat.exchanges
    said = await asyncio.gather(*(exchanges.retry(bot.caller(chat), shown) for _ in range(2)))
    assert sorted(one.key for one in said) == ["", "retry.busy"]
    (await bot.model.opened()).finish("Why not?")
    await bot.clock.advance(5.0)
    assert labels(chat, shown) == ["◀", "2/2", RETRY]
    await shut(bot)


async def test_a_question_deleted_while_it_is_answered_again_takes_nothing_of_others_along(bot: Bot) -> None:
    thread = bot.surface(kind=PlaceKind.THREAD)
    shown = await bot.answered(thread, "ada's", "To Ada.")
    await bot.answered(thread, "ben's", "To Ben.", author=BEN)
    assert (await bot.chat.exchanges.retry(bot.caller(thread), shown)).key == ""
    stream = await bot.model.opened()
    asked = MessageRef("c1", "u1")
    await bot.handle(MessageDeleted(bot.event_id(), thread.place, asked), thread)
    stream.finish("To Ada, again.")
    await bot.clock.advance(5.0)
    prompt = (await bot.asked(thread, "more", author=BEN)).prompt
    assert prompt == ["Ben: ben's", "To Ben.", "Ben: more"]


async def test_a_reply_to_a_question_that_is_deleted_goes_on_from_above_it(bot: Bot) -> None:
    """While it waits, and while it is answered."""
    surface = bot.surface()
    await bot.answered(surface, "one", "First.")
    running = await bot.asked(surface, "two")
    waiting = await bot.say(surface, "three")
    await bot.reply(surface, "to two", MessageRef("c1", "u2"), author=BEN)
    await bot.reply(surface, "to three", waiting, author=BEN)
    for ref in (MessageRef("c1", "u2"), waiting):
        await bot.handle(MessageDeleted(bot.event_id(), surface.place, ref), surface)
    running.finish("Second.")
    await bot.clock.advance(5.0)
    stream = await bot.model.opened()
    assert stream.prompt[:2] == ["Ada: one", "First."]
    stream.finish("To Ben.")
    await bot.clock.advance(5.0)
    assert (await bot.model.opened()).prompt[:2] == ["Ada: one", "First."]


async def test_who_presses_retry_where_there_is_no_room_is_told_once(bot: Bot, chat: FakeSurface) -> None:
    shown = await bot.answered(chat, "why?", "Because.")
    for number in range(20):
        await bot.say(chat, f"{number}?")
        await bot.clock.advance(1.0)
    await bot.clock.advance(30.0)
    assert await bot.press_label(chat, shown, RETRY) == [say("busy")]


async def test_a_press_that_fails_is_told() -> None:
    class Failing(MemoryStore):
        async def answers(self, question_id: str) -> tuple[Message, ...]:
            raise StoreError("out of order")

    bot = Bot(store=Failing())
    chat = private(bot)
    shown = await bot.answered(chat, "why?", "Because.")
    assert await bot.press_label(chat, shown, RETRY) == [say("unusable.failed")]
    await shut(bot)
