"""What another's question quotes of a person who is forgotten while it waits: nothing of it is left in the
journal, and no later process asks with it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from core.messages import Addressed, IncomingMessage, MessageRef, Person, PlaceKind, Quote
from core.ports.journal import KeptTurn
from core.ports.store import Lane, LaneKey, Message, Shown, StoreError
from tests.fakes.clock import FakeClock
from tests.fakes.mortal import Life
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, BEN, Bot, shut
from tests.service.scripted_model import Stream
from tests.service.test_recovery import killed, started

CANARY = "the weir is open at night"
CLEO = Person("fake", "3", "Cleo")
QUOTE = Quote(MessageRef("t1", "x1"), "Ada", CANARY, author_id=ADA.id)


def bot_with_journal(journal: type[MemoryJournal] = MemoryJournal) -> Bot:
    """Its store forgets what its journal holds, too."""
    clock = FakeClock()
    kept = journal(clock=clock)
    bot = Bot(life=Life(), fake_clock=clock, journal=kept, store=MemoryStore(journal=kept))
    bot.journal_state = kept._state
    return bot


async def waiting(bot: Bot, surface: FakeSurface, text: str, quote: Quote) -> Stream:
    """Ben asks, behind another's question that is being answered."""
    stream = await bot.asked(surface, "first?", author=CLEO)
    await bot.say(surface, text, author=BEN, quote=quote)
    await bot.clock.advance(2.0)
    return stream


def kept_of(bot: Bot) -> list[KeptTurn]:
    return [one.turn for one in bot.journal_state.turns.values() if one.turn.asker == str(BEN)]


async def test_it_goes_on_without_the_quote_after_a_kill() -> None:
    before = bot_with_journal()
    surface = before.surface("t1", PlaceKind.THREAD)
    await waiting(before, surface, "is that so?", QUOTE)
    [turn] = kept_of(before)
    assert CANARY.encode() not in turn.body
    assert b"Ada" not in turn.body
    assert turn.others is not None
    assert turn.others.of == (str(ADA),)
    await before.parts.personal.forget(ADA)
    [turn] = kept_of(before)
    assert turn.others is None
    await killed(before)
    bot = await started(before, surface)
    (await bot.model.opened()).finish("First.")
    await bot.clock.advance(5.0)
    stream = await bot.model.opened()
    assert stream.prompt[-1].endswith("is that so?")
    assert CANARY not in str(stream.prompt)
    await shut(bot)


async def test_who_is_not_forgotten_is_quoted_after_a_kill() -> None:
    before = bot_with_journal()
    surface = before.surface("t1", PlaceKind.THREAD)
    await waiting(before, surface, "is that so?", QUOTE)
    await killed(before)
    bot = await started(before, surface)
    (await bot.model.opened()).finish("First.")
    await bot.clock.advance(5.0)
    [*_, asked] = (await bot.model.opened()).prompt
    assert CANARY in asked
    assert "by Ada" in asked
    await shut(bot)


async def test_an_answer_that_is_quoted_is_whose_who_asked_for_it() -> None:
    bot = bot_with_journal()
    surface = bot.surface("t1", PlaceKind.THREAD)
    shown = await bot.answered(surface, "tell", f"{CANARY}.")
    await waiting(bot, surface, "", Quote(shown, "Sluice", f"{CANARY}.", by_us=True))
    [turn] = kept_of(bot)
    assert turn.others is not None
    assert turn.others.of == (str(ADA),)
    assert CANARY.encode() not in turn.body
    await bot.parts.personal.forget(ADA)
    assert [turn.question.quote.text for turn in bot.chat._queue.turns if turn.question.quote] == [""]
    await shut(bot)


@pytest.mark.parametrize("text", ["so?", ""])
async def test_an_answer_whose_words_were_not_kept_is_quoted_out_of_the_tree(text: str) -> None:
    """As where Telegram's update was kept without them, and the process was killed."""
    bot = bot_with_journal()
    surface = bot.surface("t1", PlaceKind.THREAD)
    shown = await bot.answered(surface, "tell", f"{CANARY}.")
    await bot.answered(surface, "more", "More.")
    await bot.say(surface, text, author=BEN, quote=Quote(shown, "Sluice", "", by_us=True))
    assert CANARY in (await bot.model.opened()).prompt[-1]
    await shut(bot)


async def test_an_answer_that_still_grows_is_quoted_as_whose_who_asked_for_it() -> None:
    bot = bot_with_journal()
    surface = bot.surface()
    (await bot.asked(surface, "tell")).say(f"{CANARY}. And it goes on, and on. ")
    await bot.clock.advance(3.0)
    growing = MessageRef("c1", list(surface.messages)[-1])
    await bot.say(surface, "so?", author=BEN, quote=Quote(growing, "Sluice", f"{CANARY}.", by_us=True))
    await bot.clock.advance(2.0)
    [turn] = kept_of(bot)
    assert turn.others is not None
    assert turn.others.of == (str(ADA),)
    await shut(bot)


async def test_an_answer_that_still_grows_is_quoted_with_what_it_says_by_then() -> None:
    bot = bot_with_journal()
    surface = bot.surface()
    (await bot.asked(surface, "tell")).say(f"{CANARY}. And it goes on, and on. ")
    await bot.clock.advance(3.0)
    growing = MessageRef("c1", list(surface.messages)[-1])
    await bot.say(surface, "", author=BEN, quote=Quote(growing, "Sluice", "", by_us=True))
    await bot.clock.advance(2.0)
    [turn] = [one for one in bot.chat._queue.turns if one.question.asker == BEN]
    assert turn.question.quote is not None
    assert turn.question.quote.text.startswith(CANARY)
    await shut(bot)


async def test_what_a_question_quoted_that_is_answered_again_goes_too() -> None:
    bot = bot_with_journal()
    surface = bot.surface("t1", PlaceKind.THREAD)
    await bot.say(surface, "is that so?", author=BEN, quote=QUOTE)
    (await bot.model.opened()).finish("It is.")
    await bot.clock.advance(3.0)
    answer = MessageRef("t1", list(surface.messages)[-1])
    await bot.press_label(surface, answer, say("button.retry"), author=BEN)
    [turn] = kept_of(bot)
    assert turn.others is not None
    assert turn.others.of == (str(ADA),)
    assert CANARY.encode() not in turn.body
    await shut(bot)


@pytest.mark.parametrize("kill", [False, True])
async def test_a_question_that_was_nothing_but_the_quote_is_not_asked(kill: bool) -> None:
    bot = bot_with_journal()
    surface = bot.surface("t1", PlaceKind.THREAD)
    first = await waiting(bot, surface, "", QUOTE)
    await bot.parts.personal.forget(ADA)
    if kill:
        await killed(bot)
        bot = await started(bot, surface)
        first = await bot.model.opened()
    first.finish("First.")
    await bot.clock.advance(5.0)
    assert len(bot.model.streams) == 1
    assert not bot.chat.answering
    assert any(say("message.empty") in text for text in surface.texts)
    await shut(bot)


class Refusing(MemoryJournal):
    """While `refuses`, no turn is kept."""

    refuses = False

    async def begin(self, turn: KeptTurn) -> bool:
        if self.refuses:
            raise StoreError("the disk is full")
        return await super().begin(turn)

    async def count(self, name: str, day: int) -> int:
        if self.refuses:
            raise StoreError("the disk is full")
        return await super().count(name, day)


async def test_what_waits_for_a_journal_that_fails_is_kept_without_it() -> None:
    bot = bot_with_journal(Refusing)
    assert isinstance(bot.journal, Refusing)
    surface = bot.surface("t1", PlaceKind.THREAD)
    await bot.asked(surface, "first?", author=CLEO)
    bot.journal.refuses = True
    await bot.say(surface, "is that so?", author=BEN, quote=QUOTE)
    await bot.clock.advance(2.0)
    assert kept_of(bot) == []
    await bot.parts.personal.forget(ADA)
    bot.journal.refuses = False
    await bot.clock.advance(3.0)
    [turn] = kept_of(bot)
    assert (turn.others, CANARY.encode() in turn.body) == (None, False)
    await shut(bot)


class Yielding(MemoryStore):
    """Each read of it takes a moment."""

    async def lane(self, key: LaneKey) -> Lane | None:
        await asyncio.sleep(0)
        return await super().lane(key)

    async def shown(self, shown: Shown) -> Message | None:
        await asyncio.sleep(0)
        found = await super().shown(shown)
        await asyncio.sleep(0)
        return found

    async def shows(self, message_id: str) -> tuple[Shown, ...]:
        for _ in range(5):
            await asyncio.sleep(0)
        return await super().shows(message_id)


@pytest.mark.parametrize("by_us", [False, True])
@pytest.mark.parametrize("steps", range(40))
async def test_of_a_question_that_is_on_its_way_into_line_the_quote_goes(steps: int, by_us: bool) -> None:
    """At whatever moment that is; also where it is not known yet whose the answer is that it quotes."""
    clock = FakeClock()
    journal = MemoryJournal(clock=clock)
    bot = Bot(life=Life(), fake_clock=clock, journal=journal, store=Yielding(journal=journal))
    surface = bot.surface("t1", PlaceKind.THREAD)
    quote = QUOTE
    if by_us:
        shown = await bot.answered(surface, "tell", f"{CANARY}.")
        quote = Quote(shown, "Sluice", f"{CANARY}.", by_us=True)
    await bot.answered(surface, "more", "More.", author=BEN)
    ref = MessageRef("t1", "asked")
    said = IncomingMessage("asked", surface.place, BEN, ref, "is that so?", Addressed.MENTION, quote)
    await bot.dispatcher.handle(said, surface)
    for _ in range(steps):
        await asyncio.sleep(0)
    asked_before = len(bot.model.streams)
    await bot.parts.personal.forget(ADA)
    asked_meanwhile = len(bot.model.streams) - asked_before
    await bot.clock.advance(2.0)
    stream = bot.model.streams[-1]
    kept = [one.turn for one in journal._state.turns.values()]
    if len(bot.model.streams) > asked_before + asked_meanwhile:
        assert CANARY not in str(stream.prompt)
        assert [(turn.others, CANARY.encode() in turn.body) for turn in kept] == [(None, False)]
    stream.finish("It is.")
    await bot.clock.advance(3.0)
    assert CANARY not in str((await bot.store.export(str(BEN)))["messages"])
    await shut(bot)


async def test_of_a_question_that_waits_for_its_rest_the_quote_goes() -> None:
    bot = bot_with_journal()
    surface = bot.surface("t1", PlaceKind.THREAD)
    surface.capabilities = replace(surface.capabilities, client_text_limits=(10,))
    ref = MessageRef("t1", "asked")
    said = IncomingMessage("asked", surface.place, BEN, ref, "is it so?", Addressed.MENTION, QUOTE)
    await bot.dispatcher.handle(said, surface)
    await bot.clock.advance(0.5)
    await bot.parts.personal.forget(ADA)
    await bot.clock.advance(1.0)
    assert (await bot.model.opened()).prompt == ["is it so?"]
    [turn] = kept_of(bot)
    assert turn.others is None
    await shut(bot)
