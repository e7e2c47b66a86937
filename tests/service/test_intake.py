"""Questions on their way in: split ones are joined, edited and deleted ones followed, none lost."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.catalogue import say
from core.messages import (
    Addressed,
    IncomingMessage,
    MessageDeleted,
    MessageEdited,
    MessageRef,
    Person,
    PlaceKind,
)
from core.ports.store import Shown
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, BEN, Bot, Yielding, mark, shut

LIMIT = 100
LONG = "word " * 19  # 95 characters


def limited(bot: Bot, kind: PlaceKind = PlaceKind.SHARED) -> FakeSurface:
    surface = bot.surface(kind=kind)
    surface.capabilities = replace(surface.capabilities, client_text_limits=(LIMIT,))
    return surface


async def edit(bot: Bot, surface: FakeSurface, ref: MessageRef, text: str, *, author: Person = ADA) -> None:
    await bot.handle(MessageEdited(f"e{text}", surface.place, author, ref, text), surface)


async def delete(bot: Bot, surface: FakeSurface, ref: MessageRef) -> None:
    await bot.handle(MessageDeleted(f"d{ref}", surface.place, ref), surface)


async def test_a_long_message_waits_for_its_rest_even_where_that_names_nobody(bot: Bot) -> None:
    surface = limited(bot)
    first = await bot.say(surface, LONG)
    await bot.clock.advance(0.9)
    await bot.say(surface, LONG + "more", addressed=Addressed.NO)
    await bot.clock.advance(0.9)
    assert not bot.model.streams
    await bot.say(surface, "the end", addressed=Addressed.NO)
    stream = await bot.model.opened()
    assert stream.prompt == [f"{LONG}\n{LONG}more\nthe end"]
    stream.finish("Fine.")
    await bot.clock.advance(2.0)
    assert surface.messages["m1"].reply_to == first
    await bot.say(surface, "not for you", addressed=Addressed.NO)
    assert len(bot.model.streams) == 1


async def test_without_a_rest_it_is_asked_after_a_second(bot: Bot) -> None:
    surface = limited(bot)
    await bot.say(surface, LONG)
    await bot.say(surface, "somebody else", author=BEN, addressed=Addressed.NO)
    await bot.clock.advance(0.9)
    assert not bot.model.streams
    await bot.clock.advance(0.2)
    assert bot.model.streams[0].prompt == [LONG]


@pytest.mark.parametrize("text", ["w" * 89, "w" * 101])
async def test_what_no_client_would_split_does_not_wait(bot: Bot, text: str) -> None:
    await bot.say(limited(bot), text)
    assert bot.model.streams[0].prompt == [text]


async def test_who_asks_behind_it_in_a_thread_comes_behind_it(bot: Bot) -> None:
    thread = limited(bot, PlaceKind.THREAD)
    await bot.say(thread, LONG)
    await bot.say(thread, "ben's", author=BEN)
    assert not bot.model.streams
    await bot.say(thread, "rest")
    stream = await bot.model.opened()
    assert stream.prompt == [f"{LONG}\nrest"]
    stream.finish("Fine.")
    await bot.clock.advance(3.0)
    assert (await bot.model.opened()).prompt[-1] == "Ben: ben's"


async def test_nothing_that_waits_is_lost_at_shutdown(bot: Bot) -> None:
    surface = limited(bot)
    await bot.say(surface, LONG)
    now = bot.clock.monotonic()
    stopped = asyncio.ensure_future(bot.chat.stop(streams_until=now + 4.0, marks_until=now + 7.0))
    stream = await bot.model.opened()
    stream.finish("In time.")
    await bot.clock.advance(3.0)
    assert await stopped == 0
    assert surface.texts == ["In time."]


@given(st.lists(st.tuples(st.sampled_from([ADA, BEN]), st.booleans(), st.integers(0, 15)), max_size=12))
def test_every_word_is_asked_once_and_in_order(story: list[tuple[Person, bool, int]]) -> None:
    """Whoever writes what, in parts or not, at whatever distance."""

    async def tell() -> None:
        bot = Bot()
        thread = limited(bot, PlaceKind.THREAD)
        written: dict[str, list[str]] = {"1": [], "2": []}
        for number, (author, long, tenths) in enumerate(story):
            text = f"{number}:{'w' * (LIMIT - 5)}" if long else f"{number}:"
            written[author.id].append(text)
            await bot.say(thread, text, author=author)
            await bot.clock.advance(tenths / 10)
        asked: list[str] = []
        while True:
            await bot.clock.advance(2.0)
            if len(bot.model.streams) == len(asked):
                break
            asked.append(bot.model.streams[-1].prompt[-1])
            bot.model.streams[-1].finish("Fine.")
        for author in (ADA, BEN):
            lines = [line for words in asked for line in words.split("\n")]
            theirs = [line.removeprefix(f"{author.name}: ") for line in lines]
            assert [line for line in theirs if line in written[author.id]] == written[author.id]
        await shut(bot)

    asyncio.run(tell())


async def test_an_edit_changes_a_question_that_waits(bot: Bot) -> None:
    thread = limited(bot, PlaceKind.THREAD)
    stream = await bot.asked(thread, "one")
    waiting = await bot.say(thread, "twoo")
    held = await bot.say(thread, LONG)
    await edit(bot, thread, waiting, "two")
    await edit(bot, thread, held, "three")
    await bot.clock.advance(2.0)
    for answer in ("First.", "Second."):
        stream.finish(answer)
        await bot.clock.advance(2.0)
        stream = await bot.model.opened()
    assert stream.prompt == ["one", "First.", "two", "Second.", "three"]


async def test_after_the_answer_an_edit_changes_the_history_and_what_retry_asks(bot: Bot) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    ref = await bot.say(surface, "waht?")
    (await bot.model.opened()).finish("Hm.")
    await bot.clock.advance(2.0)
    await edit(bot, surface, ref, "somebody else's words", author=BEN)
    await edit(bot, surface, ref, "  ")
    await edit(bot, surface, ref, "what?")
    assert len(bot.model.streams) == 1
    await bot.press_label(surface, MessageRef("c1", "m1"), say("button.retry"))
    stream = await bot.model.opened()
    assert stream.prompt == ["what?"]
    stream.finish("That.")
    await bot.clock.advance(2.0)
    assert (await bot.asked(surface, "and?")).prompt == ["what?", "That.", "and?"]


async def test_a_question_that_waits_is_dropped_when_it_is_deleted(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    thread = limited(bot, PlaceKind.THREAD)
    stream = await bot.asked(thread, "one")
    waiting = await bot.say(thread, "two")
    held = await bot.say(thread, LONG)
    for ref in (waiting, held):
        await delete(bot, thread, ref)
    stream.finish("First.")
    await bot.clock.advance(5.0)
    assert len(bot.model.streams) == 1
    assert caplog.text.count("not answered: deleted") == 2
    assert (await bot.asked(thread, "three")).prompt == ["one", "First.", "three"]


async def test_a_deleted_question_leaves_the_history_and_what_came_after_it_stays(bot: Bot) -> None:
    thread = bot.surface(kind=PlaceKind.THREAD)
    refs = []
    for number in range(3):
        refs.append(await bot.say(thread, f"question {number}"))
        (await bot.model.opened()).finish(f"Answer {number}.")
        await bot.clock.advance(2.0)
    await delete(bot, thread, refs[1])
    assert (await bot.asked(thread, "more")).prompt == [
        "question 0", "Answer 0.", "question 2", "Answer 2.", "more",
    ]  # fmt: skip


async def test_a_question_that_is_deleted_while_it_is_answered_is_answered_no_further(bot: Bot) -> None:
    surface = bot.surface()
    ref = await bot.say(surface, "my secret")
    stream = await bot.model.opened()
    stream.say("Nobody has to know.")
    await bot.clock.advance(5.0)
    await delete(bot, surface, ref)
    assert stream.closed.is_set()
    await bot.clock.advance(5.0)
    assert surface.texts == [f"Nobody has to know.\n\n{mark('ending.stopped')}"]
    assert surface.messages["m1"].content.buttons == ()
    assert (await bot.asked(surface, "what?")).prompt == ["what?"]


async def test_where_nothing_stands_yet_of_the_answer_to_a_deleted_question_nothing_comes(bot: Bot) -> None:
    surface = bot.surface()
    ref = await bot.say(surface, "my secret")
    stream = await bot.model.opened()
    await delete(bot, surface, ref)
    assert stream.closed.is_set()
    await bot.clock.advance(5.0)
    assert surface.texts == []
    assert (await bot.asked(surface, "what?")).prompt == ["what?"]


async def test_a_deletion_elsewhere_changes_nothing(bot: Bot) -> None:
    surface = bot.surface()
    ref = await bot.say(surface, "mine")
    (await bot.model.opened()).finish("Yours.")
    await bot.clock.advance(2.0)
    await delete(bot, bot.surface("c2"), ref)
    await delete(bot, surface, MessageRef("c1", "m1"))  # an answer is taken back with /undo
    assert (await bot.asked(surface, "and?")).prompt == ["mine", "Yours.", "and?"]


@pytest.mark.parametrize("steps", range(6))
async def test_a_deletion_and_an_edit_count_at_whatever_moment_they_come(steps: int) -> None:
    """Also while the store is asked where the question belongs."""
    store = Yielding()
    bot = Bot(store=store)
    surface = bot.surface()
    refs = [MessageRef("c1", "first"), MessageRef("c1", "second")]
    for number, ref in enumerate(refs):
        said = IncomingMessage(bot.event_id(), surface.place, ADA, ref, f"text {number}", Addressed.MENTION)
        await bot.dispatcher.handle(said, surface)
    for _ in range(steps):
        await asyncio.sleep(0)
    await bot.dispatcher.handle(MessageDeleted(bot.event_id(), surface.place, refs[0]), surface)
    edit = MessageEdited(bot.event_id(), surface.place, ADA, refs[1], "edited")
    await bot.dispatcher.handle(edit, surface)
    await bot.clock.advance(1.0)
    for stream in bot.model.streams:
        stream.finish("Done.")
    await bot.clock.advance(3.0)
    for stream in bot.model.streams[1:]:
        stream.finish("Done.")
    await bot.clock.advance(3.0)
    assert await store.shown(Shown("fake:c1", "first")) is None
    kept = await store.shown(Shown("fake:c1", "second"))
    assert kept is not None
    assert kept.text == "edited"
    await shut(bot)
