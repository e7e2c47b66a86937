"""Whatever an outsider sends, and however much of it: what is under way is bounded, and they are told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from core.catalogue import say
from core.commands.call import Call
from core.commands.command import Command
from core.commands.registry import Registry
from core.messages import Addressed, ButtonPress, IncomingCommand, IncomingMessage, MessageRef, PlaceKind
from core.service.intake import IN_LINE, LONGEST_QUESTION
from tests.fakes.surface import FakePress, FakeSurface
from tests.service.conftest import ADA, BEN, Bot, Held, shut

BUSY = say("busy")


def message(bot: Bot, surface: FakeSurface, text: str = "?", *, who: str = "1") -> IncomingMessage:
    event = bot.event_id()
    ref = MessageRef(surface.place.chat_id, f"u{event}")
    return IncomingMessage(event, surface.place, replace(ADA, id=who), ref, text, Addressed.PRIVATE)


class Stuck:
    """A command that is never done, as one that waits for a store that hangs."""

    def __init__(self) -> None:
        self.runs = 0
        self.command = Command("help", self.run)

    async def run(self, call: Call) -> None:
        self.runs += 1
        await asyncio.Event().wait()


async def stuck_bot(stuck: Stuck) -> Bot:
    bot = Bot(commands=Registry([stuck.command]))
    await bot.chat.approvals.known()
    return bot


def command(bot: Bot, surface: FakeSurface, who: str) -> IncomingCommand:
    return IncomingCommand(bot.event_id(), surface.place, replace(ADA, id=who), "help")


async def test_a_storm_of_one_persons_commands_is_bounded_and_told() -> None:
    stuck = Stuck()
    bot = await stuck_bot(stuck)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    storm = [
        asyncio.ensure_future(bot.dispatcher.handle(command(bot, surface, "1"), surface))
        for _ in range(1_000)
    ]
    await bot.clock.advance(5.0)
    assert all(event.done() for event in storm)
    assert stuck.runs == 20
    assert set(surface.texts) == {BUSY}
    others = bot.surface("c2", PlaceKind.PRIVATE)
    one = asyncio.ensure_future(bot.dispatcher.handle(command(bot, others, "2"), others))
    await bot.clock.advance(5.0)
    assert (one.done(), stuck.runs) == (True, 21)
    await shut(bot)


async def test_in_a_rush_everybody_is_answered_waits_or_is_told() -> None:
    """2,000 questions after an outage, as a poller gets them."""
    bot = Bot()
    surfaces = [bot.surface(f"c{number}", PlaceKind.PRIVATE) for number in range(2_000)]
    for number, surface in enumerate(surfaces):
        await bot.handle(message(bot, surface, who=str(number)), surface)
        if number % 100 == 99:
            await bot.clock.advance(0.1)
    await bot.clock.advance(60.0)
    inside = {turn.question.place.chat_id for turn in bot.chat._queue.turns}
    told = {surface.place.chat_id for surface in surfaces if BUSY in surface.texts}
    assert (len(inside), len(told), inside & told) == (1_000, 1_000, set())
    await shut(bot)


async def test_a_storm_of_a_crowd_is_bounded_and_told() -> None:
    stuck = Stuck()
    bot = await stuck_bot(stuck)
    before = len(asyncio.all_tasks())
    surfaces = [bot.surface(f"c{number}", PlaceKind.PRIVATE) for number in range(1_200)]
    for number, surface in enumerate(surfaces):
        storm = bot.dispatcher.handle(command(bot, surface, str(number)), surface)
        bot.chat.beside(storm, "event")
    await bot.clock.advance(5.0)
    assert stuck.runs == 1_000
    assert len(asyncio.all_tasks()) - before <= 1_000
    told = [text for surface in surfaces for text in surface.texts]
    assert set(told) == {BUSY}
    await shut(bot)


async def test_an_event_that_takes_long_does_not_hold_up_those_behind_it() -> None:
    """Adapters give the events of one place in order: each waits for the one before."""
    stuck = Stuck()
    bot = await stuck_bot(stuck)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    began = bot.clock.monotonic()
    first = asyncio.ensure_future(bot.dispatcher.handle(command(bot, surface, "1"), surface))
    await bot.clock.advance_until(first.done)
    assert bot.clock.monotonic() - began <= 2.0
    for _ in range(5):  # and nobody waits for the next ones there
        await bot.dispatcher.handle(command(bot, surface, "1"), surface)
    await bot.handle(message(bot, surface, "still there?"), surface)
    assert (await bot.model.opened()).prompt == ["still there?"]
    await shut(bot)


async def test_a_storm_of_presses_is_bounded_and_told() -> None:
    held = Held()
    bot = Bot(store=held)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    shown = await bot.answered(surface, "one", "First.")
    controls = surface.messages[shown.message_id].content.controls
    retry = next(button.data for row in controls if isinstance(row, tuple) for button in row)
    held.free.clear()
    before = len(asyncio.all_tasks())
    told: list[FakePress] = []
    real = bot.store.message

    async def waits(message_id: str) -> object:
        await held.free.wait()
        return await real(message_id)

    held.message = waits  # type: ignore[method-assign,assignment]
    for _ in range(300):
        press = FakePress(bot.clock, surface)
        told.append(press)
        event = ButtonPress(bot.event_id(), surface.place, ADA, shown, retry)
        await bot.dispatcher.handle(event, press)
    assert len(asyncio.all_tasks()) - before <= 12
    await bot.clock.advance(3.0)
    answered = [text for press in told for text in press.told]
    assert answered
    assert set(answered) == {BUSY}
    held.free.set()
    await bot.clock.advance(1.0)
    await shut(bot)


async def test_questions_that_wait_for_the_store_are_bounded_and_told() -> None:
    held = Held()
    bot = Bot(store=held)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    free = asyncio.Event()
    real = held.set_lane

    async def waits(*args: object) -> None:
        await free.wait()
        await real(*args)  # type: ignore[arg-type]

    held.set_lane = waits  # type: ignore[method-assign,assignment]
    for number in range(200):
        await bot.dispatcher.handle(message(bot, surface, f"q{number}", who=str(number % 50)), surface)
    await bot.clock.advance(2.0)
    assert set(surface.texts) == {BUSY}
    assert sum(map(len, bot.chat._intake._lines.values())) == IN_LINE
    free.set()
    await bot.clock.advance(2.0)
    assert not bot.chat._intake._lines
    assert len(bot.chat._queue.turns) == IN_LINE
    await shut(bot)


async def test_a_question_that_never_ends_is_joined_no_further_than_one_may_be_long() -> None:
    bot = Bot()
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    surface.capabilities = replace(surface.capabilities, client_text_limits=(1_000,))
    for _ in range(91):  # seven times what is too long
        await bot.handle(message(bot, surface, "x" * 950), surface)
        await bot.clock.advance(0.5)
    await bot.clock.advance(5.0)
    assert not bot.model.streams
    told = [text for text in surface.texts if f"{LONGEST_QUESTION:,}" in text]
    assert told
    assert len(told) == len(surface.texts)
    await shut(bot)


async def test_long_work_is_bounded_for_each_person() -> None:
    bot = Bot()

    async def for_ever() -> None:
        await asyncio.Event().wait()

    surface = bot.surface()
    done = [bot.chat.later(for_ever(), "work", of=ADA, surface=surface, event_id="e") for _ in range(8)]
    assert done == [True] * 5 + [False] * 3
    assert bot.chat.later(for_ever(), "work", of=BEN, surface=surface, event_id="e")
    await shut(bot)


async def test_notices_that_wait_for_a_platform_are_bounded() -> None:
    bot = Bot()
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    surface.failures.extend(["unavailable"] * 100_000)
    shown = [
        bot.chat.notices.reply(surface, replace(ADA, id=str(number)), "no", ref=None)
        for number in range(5_500)
    ]
    assert sum(one is not None for one in shown) == 5_000
    surface.failures.clear()
    await bot.clock.advance(3_600.0)
    assert bot.chat.notices.reply(surface, ADA, "yes", ref=None) is not None
    await shut(bot)
