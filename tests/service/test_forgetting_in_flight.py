"""What of somebody's is on its way when they are forgotten: in the journal's queue, in others' questions that
wait, in a summary that is being written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_store import MemoryStore
from core.configuration import ModelChoice
from core.messages import MessageRef, Person, PlaceKind, Quote
from core.ports.journal import KeptTurn, Step
from core.ports.reading import Seen
from core.ports.store import Message, StoreError
from tests.fakes.clock import FakeClock
from tests.fakes.reading import FakeReading
from tests.service.conftest import ADA, BEN, Bot, shut
from tests.service.test_my_data import CANARY, holders


async def first_of_ben(bot: Bot) -> dict[str, Any]:
    """His first message, as an export has it."""
    messages = (await bot.store.export(str(BEN)))["messages"]
    assert isinstance(messages, list)
    first: dict[str, Any] = messages[0]
    return first


class Refusing(MemoryJournal):
    """While `refuses`, it keeps nothing."""

    refuses = False

    async def begin(self, turn: KeptTurn) -> bool:
        self._look()
        return await super().begin(turn)

    async def write(self, steps: Sequence[Step]) -> frozenset[str]:
        self._look()
        return await super().write(steps)

    async def count(self, name: str, day: int) -> int:
        self._look()
        return await super().count(name, day)

    def _look(self) -> None:
        if self.refuses:
            raise StoreError("the disk is full")


async def test_what_waits_for_a_journal_that_fails_is_let_go_of() -> None:
    clock = FakeClock()
    journal = Refusing(clock=clock)
    bot = Bot(store=MemoryStore(journal=journal), journal=journal, fake_clock=clock)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.answered(surface, CANARY, f"You said {CANARY}.")
    stream = await bot.asked(surface, f"{CANARY} again")
    other = await bot.asked(bot.surface("c2"), "mine", author=BEN)
    journal.refuses = True
    stream.say(f"Growing {CANARY}")
    other.say("Growing, too.")
    await bot.say(surface, f"{CANARY} waits")
    await bot.clock.advance(3.0)
    assert holders(CANARY) != []
    await bot.parts.personal.forget(ADA)
    await bot.clock.advance(3.0)
    surface.messages.clear()  # the platform's own
    surface.calls.clear()
    bot.model.streams.clear()
    bot.progress.clear()
    del stream
    assert holders(CANARY) == []
    journal.refuses = False
    other.finish("Yours.")
    await bot.clock.advance(5.0)
    assert [one.asker for one in journal._state.over.values()] == [str(BEN)]
    assert journal._state.turns == {}
    await shut(bot)


async def test_a_question_of_anothers_that_waits_is_asked_without_it(bot: Bot) -> None:
    here = bot.surface()
    here.reading = FakeReading(Seen(MessageRef("c1", "x1"), ADA, CANARY, bot.clock.wall()))
    first = await bot.asked(here, "first", author=BEN)
    quote = Quote(MessageRef("c1", "x2"), "Ada", f"{CANARY} quoted", author_id=ADA.id)
    await bot.say(here, "and", author=BEN)
    [_, waiting] = bot.chat._queue.turns
    waiting.question = replace(waiting.question, quote=quote)
    await bot.parts.personal.forget(ADA)
    first.finish("First.")
    await bot.clock.advance(5.0)
    stream = await bot.model.opened()
    assert CANARY not in str(stream.prompt)
    assert stream.prompt[-1] == "and"


async def test_a_summary_on_its_way_is_not_written_any_further() -> None:
    bot = Bot(choice=ModelChoice("scripted", prompt_tokens=200))
    thread = bot.surface("t1", PlaceKind.THREAD)
    await bot.answered(thread, CANARY, "One.")
    await bot.answered(thread, "long " * 150, "Two.", author=BEN)
    [summary] = [one for one in bot.model.streams[2:] if CANARY in str(one.prompt)]
    assert not summary.closed.is_set()
    await bot.parts.personal.forget(ADA)
    await bot.clock.advance(0.0)
    assert summary.closed.is_set()
    await shut(bot)


async def test_a_quote_is_kept_with_those_whose_words_it_holds(bot: Bot) -> None:
    here = bot.surface()
    cleo = Person("fake", "3", "Cleo")
    here.reading = FakeReading(Seen(MessageRef("c1", "x1"), ADA, CANARY, bot.clock.wall()))
    above = MessageRef("c1", "x1")
    quote = Quote(MessageRef("c1", "x2"), "Cleo", "all of them?", author_id=cleo.id, replies_to=above)
    await bot.say(here, "well?", author=BEN, quote=quote)
    (await bot.model.opened()).finish("Yes.")
    await bot.clock.advance(2.0)
    asked = await first_of_ben(bot)
    assert CANARY in asked["quote"]
    assert asked["quotes"] == (str(ADA), str(cleo))
    await bot.parts.personal.forget(ADA)
    assert CANARY not in str(await bot.store.export(str(BEN)))


async def test_an_answer_that_another_quotes_is_whose_who_asked_for_it(bot: Bot) -> None:
    here = bot.surface()
    menu = bot.surface(private_answers=True)  # for his eyes alone: it does not go on below
    shown = await bot.answered(here, "my question", f"{CANARY}.")
    quote = Quote(shown, "Sluice", f"{CANARY}.", by_us=True)
    await bot.command(menu, "explain", target=quote, author=BEN)
    (await bot.model.opened()).finish("It is explained.")
    await bot.clock.advance(2.0)
    asked = await first_of_ben(bot)
    assert CANARY in asked["quote"]
    assert asked["quotes"] == (str(ADA),)
    await bot.parts.personal.forget(ADA)
    assert CANARY not in str(await bot.store.export(str(BEN)))


async def test_of_a_long_conversation_that_is_being_read_what_they_said_goes() -> None:
    class Meanwhile(MemoryStore):
        """Somebody is forgotten between two of its reads."""

        tops: tuple[str, ...] = ()  # of what was read
        bot: Bot | None = None
        forgot = False

        async def path(self, message_id: str, *, limit: int = 400) -> tuple[Message, ...]:
            if self.bot is not None and self.tops and message_id == self.tops[-1]:
                await self.bot.parts.personal.forget(ADA)
                self.bot, self.forgot = None, True
            found = await super().path(message_id, limit=limit)
            self.tops = (*self.tops, found[0].parent_id or "")
            return found

    store = Meanwhile()
    bot = Bot(store=store, summaries=False)
    thread = bot.surface("t1", PlaceKind.THREAD)
    for number in range(20):
        await bot.answered(thread, f"{number}", "Yes.", author=BEN)
    await bot.answered(thread, CANARY, "Yes.")
    store.bot = bot
    await bot.say(thread, "and?", author=BEN)
    await bot.clock.advance(3.0)
    assert store.forgot
    stream = await bot.model.opened()
    prompt = stream.prompt
    assert prompt[-3:] == ["19", "Yes.", "and?"]
    assert prompt[-1] == "and?"
    assert CANARY not in str(prompt)
    stream.finish("Yes.")
    await bot.clock.advance(3.0)
    assert (await bot.asked(thread, "so?", author=BEN)).prompt[-4:] == ["Yes.", "and?", "Yes.", "so?"]
    await shut(bot)
