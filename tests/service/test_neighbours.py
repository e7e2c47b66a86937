"""What one answer must not do to others: hold the loop, break them, ping people, keep a channel waiting."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bots.telegram.markdown import TelegramRenderer
from core.service.driver import Driver
from core.streaming.answer import Answer, Ending
from core.streaming.meters import RateLimit
from core.streaming.operations import (
    BucketKey,
    Delivered,
    MessageContent,
    NotSent,
    NotSentReason,
    ObservedLimit,
)
from core.streaming.rate_limits import Preview
from core.streaming.rendering import Rendered
from core.streaming.scheduler import EditScheduler
from core.streaming.view_settings import ViewSettings
from core.streaming.ways import Way
from tests.fakes.clock import FakeClock
from tests.fakes.surface import LIMITS, FakeRenderer, FakeSurface


async def test_a_look_grants_no_more_than_the_loop_can_bear() -> None:
    """Whatever is due at once: between some renderings the loop must run."""
    clock = FakeClock()
    driver, answers = Driver(clock), [Answer() for _ in range(60)]
    rendered = turns = most = 0

    class Counting(FakeRenderer):
        def render(self, markdown: str) -> Rendered:
            nonlocal rendered, most
            rendered += 1
            most = max(most, rendered)
            return super().render(markdown)

    async def turning() -> None:
        nonlocal rendered, turns
        while True:
            await asyncio.sleep(0)
            rendered, turns = 0, turns + 1

    for number, answer in enumerate(answers):
        surface = FakeSurface(clock, chat_id=f"c{number}")
        surface.capabilities = replace(surface.capabilities, renderer=Counting())
        driver.show(answer, surface)
        answer.append("A sentence that ends. ", clock.monotonic())
        answer.end(Ending.COMPLETE, clock.monotonic())
        driver.changed(answer)
    loop = asyncio.get_running_loop()
    task = loop.create_task(turning())
    for _ in range(300):
        await asyncio.sleep(0)
        if clock._timers and clock._timers[0][0] <= clock.now:
            await clock.advance(0.0)
    task.cancel()
    assert most <= 20, most


async def test_a_renderer_that_raises_stops_no_other_answer() -> None:
    """One that breaks its contract, or a bug in the heart: the others go on, as with a broken surface."""

    class Broken(FakeRenderer):
        def render(self, markdown: str) -> Rendered:
            raise RecursionError

    clock = FakeClock()
    driver, answers = Driver(clock), [Answer(), Answer()]
    surfaces = [FakeSurface(clock, chat_id=f"c{number}") for number in range(2)]
    surfaces[1].capabilities = replace(surfaces[1].capabilities, renderer=Broken())
    for answer, surface in zip(answers, surfaces, strict=True):
        driver.show(answer, surface)
    await clock.advance(0.0)
    for answer in answers:
        answer.append("A sentence that ends. ", clock.monotonic())
        answer.end(Ending.COMPLETE, clock.monotonic())
        driver.changed(answer)
    for _ in range(20):
        try:
            await clock.advance(1.0)
        except RecursionError:
            continue
    assert surfaces[0].texts == ["A sentence that ends."]


def test_a_page_without_its_entities_pings_nobody() -> None:
    """In code a mention is exact, since Telegram makes none of it there. As plain text it would be one."""
    scheduler = EditScheduler(LIMITS)
    answer = Answer()
    way = Way(lambda kind, page: (BucketKey("account"), BucketKey(kind.value, "c")))
    view = scheduler.show(answer, ViewSettings(TelegramRenderer(), (way,)), 0.0)
    answer.append("Run `@somebody` and look.", 0.0)
    answer.end(Ending.COMPLETE, 0.0)
    sent: list[MessageContent] = []
    now = 0.0
    while not scheduler.view(view).done:
        for operation in scheduler.operations_to_perform(now):
            assert operation.content is not None
            sent.append(operation.content)
            rejected = len(sent) == 1
            outcome = NotSent(NotSentReason.REJECTED) if rejected else Delivered("1")
            scheduler.performed(operation, outcome, now)
        now = max(now, scheduler.next_deadline())
    assert not sent[-1].body.entities
    assert "@somebody" not in sent[-1].body.text


def test_one_long_window_is_forgotten_when_many_short_ones_were_told_of() -> None:
    """Previews of that channel wait for minutes, as long as it is never idle for a quarter of an hour."""
    edit = BucketKey("edit", "c")
    scheduler = EditScheduler({"edit": (RateLimit(5, 5.0, headers=True),)})

    def request(now: float, remaining: int, reset_after_s: float) -> None:
        scheduler.pacer.take((edit,), now)
        observed = ObservedLimit(edit, 5, remaining, reset_after_s)
        scheduler.pacer.answered((edit,), now + 0.1, now, (observed,))

    request(0.0, 4, 5.0)
    request(1.0, 3, 600.0)
    for number in range(100):
        request(602.0 + 6.0 * number, 4, 5.0)
    now = 602.0 + 6.0 * 100
    assert scheduler.pacer.blocking((edit,), now, Preview(since=now - 5.0))[0] < now + 5.0
