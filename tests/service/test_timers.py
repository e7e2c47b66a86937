"""Timers that are late and fire in any order: every answer is whole, once, and within the limits."""

from __future__ import annotations

import asyncio
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from core.messages import PlaceKind
from core.service.driver import Driver
from core.streaming.answer import Answer, Ending
from tests.fakes.disorderly_clock import DisorderlyClock
from tests.fakes.surface import FakeRenderer, FakeSurface
from tests.promise import broken_promise
from tests.service.conftest import Bot
from tests.streaming.texts import markdown, split

FAILURES = st.lists(
    st.sampled_from(["", "", "rate_limited", "unavailable", "unknown_taken", "unknown_not_taken"]), max_size=6
)
STORIES = st.lists(st.tuples(split(markdown), FAILURES), min_size=1, max_size=3)
LATE = st.sampled_from([0.0, 0.05, 2.0, 5.0])


@settings(max_examples=20, deadline=None)
@given(STORIES, st.integers(0, 1_000_000), LATE)
def test_the_driver_and_its_scheduler_bear_timers_in_any_order(
    stories: list[tuple[list[str], list[str]]], seed: int, late_s: float
) -> None:
    async def play() -> None:
        clock = DisorderlyClock(Random(seed), late_s=late_s)
        driver = Driver(clock)

        async def speak(answer: Answer, deltas: list[str]) -> None:
            for delta in deltas:
                await clock.sleep_until(clock.monotonic() + 0.2)
                answer.append(delta, clock.monotonic())
                driver.changed(answer)
            answer.end(Ending.COMPLETE, clock.monotonic())
            driver.changed(answer)

        told, speakers = [], []
        for number, (deltas, failures) in enumerate(stories):
            surface = FakeSurface(clock, chat_id=f"c{number}", page_units=300, latency_s=0.1)
            surface.failures.extend(failures)
            answer = Answer()
            showing = driver.show(answer, surface, nonce=f"n{number}")
            told.append(("".join(deltas), surface, asyncio.ensure_future(showing.finished())))
            speakers.append(asyncio.ensure_future(speak(answer, deltas)))
        await clock.advance_until(lambda: all(task.done() for _, _, task in told), at_most=3_600.0)
        for text, surface, task in told:
            assert task.result().complete or not text.strip()
            assert broken_promise(text, surface.pages, FakeRenderer(300)) is None
            assert surface.refused == 0

    asyncio.run(play())


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1_000_000), LATE)
def test_the_whole_service_bears_timers_in_any_order(seed: int, late_s: float) -> None:
    async def play() -> None:
        first = Bot()
        clock = first.clock = DisorderlyClock(Random(seed), late_s=late_s)
        bot = Bot(before=first)
        surface, other = (bot.surface(name, PlaceKind.PRIVATE) for name in ("c1", "c2"))
        for number in range(3):
            await bot.say(surface, f"q{number}")
            await bot.say(other, f"r{number}")
        for number in range(3):
            streams = [await bot.model.opened(), await bot.model.opened()]
            for stream in streams:
                assert stream.prompt[-1] in {f"q{number}", f"r{number}"}
                for word in range(20):
                    stream.say(f"word {word} ")
                    await clock.advance(0.1)
                stream.finish(f"answer to {stream.prompt[-1]}")
            await clock.advance(20.0)
        words = " ".join(f"word {word}" for word in range(20))
        for letter, there in (("q", surface), ("r", other)):
            answers = [text for text in there.texts if text.startswith("word 0")]
            assert answers == [f"{words} answer to {letter}{number}" for number in range(3)]
            assert there.refused == 0
        now = clock.monotonic()
        stopped = asyncio.ensure_future(bot.chat.stop(streams_until=now, marks_until=now))
        await clock.advance_until(stopped.done)

    asyncio.run(play())
