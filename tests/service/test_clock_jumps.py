"""The machine's clock is set, an hour ahead or back: nobody's conversation, limit or edit notices."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from core.configuration import Defaults
from core.messages import PlaceKind
from core.policy.spending import Spending
from core.ports.store import Message, Role
from core.service.retention import EVERY_S, Retention
from tests.fakes.clock import FakeClock
from tests.service.conftest import Bot, shut

HOUR = 3_600.0
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
def test_a_clock_set_about_midnight_gives_no_tokens_twice_and_no_count_below_zero(
    jumps: list[tuple[float, int]],
) -> None:
    clock = before_midnight(1_800.0)
    right = clock.wall_ahead_s
    spending = Spending(1_000, clock=clock)
    used = 0
    for jump, tokens in jumps:
        clock.wall_ahead_s = right + jump
        reservation = spending.reserve(prompt=0, answer=tokens)
        if reservation is not None:
            used += reservation.tokens
            reservation.settle(reservation.tokens)
        assert spending.counted >= 0
        assert 0.0 < spending.resets_in_s() <= 86_400.0
    assert used <= 2_000  # two days at most were begun


async def test_a_clock_set_back_over_midnight_and_a_restart_give_no_tokens_twice(tmp_path: Path) -> None:
    clock = before_midnight(-600.0)
    file = tmp_path / "spending.json"
    spending = Spending(1_000, clock=clock, file=file)
    reservation = spending.reserve(prompt=900, answer=50)
    assert reservation is not None
    clock.wall_ahead_s -= HOUR
    assert spending.left == 50
    assert Spending(1_000, clock=clock, file=file).left == 50
    clock.wall_ahead_s += HOUR
    reservation.settle(950)
    assert spending.counted == 950


async def test_a_clock_that_is_wrong_for_a_moment_deletes_nothing() -> None:
    clock, store = FakeClock(), MemoryStore()
    at = clock.wall()
    await store.add(Message("q", "c", None, Role.USER, "fake:1", "text", at))
    retention = Retention(store, MemoryJournal(clock=clock), clock, lambda: 30)
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
