"""The machine's clock is set, an hour ahead or back: nobody's conversation, limit or edit notices."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_ledger import MemoryLedger
from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from core.configuration import Defaults
from core.messages import Place, PlaceKind
from core.ports.store import Message, Role
from core.service.retention import EVERY_S, Retention
from core.service.spending import Reservation
from core.service.usage import Counted
from tests.fakes.clock import FakeClock
from tests.service.conftest import ADA, Bot, shut
from tests.service.spending import limited

HOUR = 3_600.0
HERE = Place("fake", "c1", PlaceKind.SHARED)
MIDNIGHT = 1_800_057_600.0  # of a UTC day
JUMPS = pytest.mark.parametrize("jump", [HOUR, -HOUR])


def before_midnight(seconds: float) -> FakeClock:
    clock = FakeClock()
    clock.wall_ahead_s = MIDNIGHT - seconds - clock.wall()
    return clock


@JUMPS
async def test_a_conversation_goes_on_and_pauses_after_its_silence_alone(jump: float) -> None:
    bot = Bot(defaults=Defaults(pause_minutes_channel=60))
    surface = bot.surface()
    await bot.answered(surface, "one", "First.")
    bot.clock.wall_ahead_s += jump
    stream = await bot.asked(surface, "two")
    assert stream.prompt == ["one", "First.", "two"]
    stream.finish("Second.")
    await bot.clock.advance(59 * 60.0)
    bot.clock.wall_ahead_s += jump
    stream = await bot.asked(surface, "three")
    assert stream.prompt[-3:] == ["two", "Second.", "three"]
    stream.finish("Third.")
    await bot.clock.advance(61 * 60.0)
    assert (await bot.asked(surface, "four")).prompt == ["four"]
    await bot.clock.advance(1.0)
    assert any(say("paused") in text for text in surface.texts)
    await shut(bot)


@JUMPS
async def test_edits_are_paced_as_ever(jump: float) -> None:
    async def calls(*, jumps: bool) -> list[tuple[float, str, str]]:
        bot = Bot()
        surface = bot.surface()
        stream = await bot.asked(surface, "one")
        for number in range(80):
            stream.say(f"Sentence number {number}. ")
            await bot.clock.advance(0.25)
            if jumps and number % 20 == 10:
                bot.clock.wall_ahead_s += jump
        stream.finish()
        await bot.clock.advance(5.0)
        await shut(bot)
        return [(round(at, 6), kind, text) for at, kind, text in surface.calls]

    assert await calls(jumps=True) == await calls(jumps=False)


@JUMPS
async def test_a_new_variant_stays_the_last_one(jump: float) -> None:
    bot = Bot()
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    shown = await bot.answered(surface, "one", "First.")
    bot.clock.wall_ahead_s += jump
    await bot.press_label(surface, shown, say("button.retry"))
    (await bot.model.opened()).finish("Better.")
    await bot.clock.advance(3.0)
    assert (await bot.asked(surface, "two")).prompt == ["one", "Better.", "two"]
    store = bot.store
    assert isinstance(store, MemoryStore)
    question = next(message for message in store._messages.values() if message.text == "one")
    answers = await store.answers(question.id)
    assert [answer.text for answer in sorted(answers, key=lambda one: one.at)] == ["First.", "Better."]
    await shut(bot)


@given(st.lists(st.tuples(st.sampled_from([-HOUR, HOUR, 0.0]), st.integers(1, 400)), max_size=30))
def test_a_clock_set_about_midnight_gives_no_tokens_twice(jumps: list[tuple[float, int]]) -> None:
    async def play() -> None:
        clock = before_midnight(1_800.0)
        right = clock.wall_ahead_s
        spending = limited(1_000, clock)
        used = 0
        for jump, tokens in jumps:
            clock.wall_ahead_s = right + jump
            reservation = await spending.reserve(ADA, HERE, "m", prompt=0, answer=tokens)
            if isinstance(reservation, Reservation):
                used += reservation.tokens
                await reservation.settle((Counted("m", 0, reservation.tokens),))
            [left] = await spending.left(ADA, HERE)
            assert left.tokens is not None
            assert 0.0 < left.resets_in_s <= 86_400.0
        assert used <= 2_000  # two days at most were begun

    asyncio.run(play())


async def test_a_clock_that_is_wrong_for_a_moment_deletes_nothing() -> None:
    clock, store = FakeClock(), MemoryStore()
    at = clock.wall()
    await store.add(Message("q", "c", None, Role.USER, "fake:1", "text", at))
    retention = Retention(store, MemoryJournal(clock=clock), MemoryLedger(), clock, lambda: 30)
    clock.wall_ahead_s = 400 * 86_400.0
    await retention.sweep()
    clock.wall_ahead_s = 0.0
    await retention.sweep()
    await retention.sweep()
    assert await store.message("q") is not None
    clock.wall_ahead_s = 400 * 86_400.0
    await retention.sweep()
    await clock.advance(EVERY_S)
    await retention.sweep()  # so it is, then
    assert await store.message("q") is None
