"""A process is killed and the next one goes on: nothing is lost, nothing stands twice, each end is marked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from functools import partial

import pytest

from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from core.conversation.preferences import Busy
from core.messages import MessageRef, Place, PlaceKind
from core.ports.completions import ModelError, ModelErrorKind
from core.ports.journal import Journal, KeptTurn, Orphan
from core.ports.store import LaneKey, Message, StoreError
from tests.fakes.mortal import Life
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, BEN, Bot, failed

INTERRUPTED = say("ending.interrupted")


def first() -> Bot:
    return Bot(life=Life())


async def killed(bot: Bot) -> None:
    assert bot.life is not None
    await bot.life.end()


async def started(before: Bot, *surfaces: FakeSurface) -> Bot:
    """The next process, on the same places."""
    bot = Bot(before=before, life=Life())
    there = {str(surface.place): surface for surface in surfaces}

    def reopen(place: Place, address: str, *, in_doubt: bool = False) -> FakeSurface | None:
        surface = there.get(str(place))
        return bot.life.of(surface) if surface and bot.life else surface

    await bot.chat.recovery.begin("fake:1", reopen)
    await bot.clock.advance(0.0)
    return bot


async def test_what_was_visible_is_marked_and_can_go_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "core.service.turns")
    before = first()
    surface = before.surface(kind=PlaceKind.PRIVATE)
    await before.say(surface, "a tale?")
    stream = await before.model.opened()
    stream.say("Once upon a time there was a fox. ")
    await before.clock.advance(3.0)
    stream.say("It was quick")
    await before.clock.advance(0.02)
    await killed(before)
    bot = await started(before, surface)
    await bot.clock.advance(5.0)
    [message] = surface.messages.values()
    text = message.content.body.text
    assert text.startswith("Once upon a time there was a fox.")
    assert text.endswith(f"*{INTERRUPTED}*")
    assert [button.label for button in message.content.buttons] == [
        say("button.retry"),
        say("button.continue"),
    ]
    lane = await bot.store.lane(LaneKey(str(surface.place)))
    assert lane is not None
    assert lane.leaf_id is not None
    path = await bot.store.path(lane.leaf_id)
    assert [one.text for one in path] == ["a tale?", text.removesuffix(f"\n\n*{INTERRUPTED}*")]
    assert bot.model.streams == []
    assert (
        f"in {surface.place}: interrupted, " in caplog.text
    )  # which model it was is not kept before its end


async def test_what_was_never_visible_is_answered() -> None:
    before = first()
    surface = before.surface()
    await before.say(surface, "a tale?")
    await before.model.opened()
    await killed(before)
    bot = await started(before, surface)
    stream = await bot.model.opened()
    stream.say("Once upon a time.")
    stream.finish()
    await bot.clock.advance(5.0)
    assert [message.content.body.text for message in surface.messages.values()] == ["Once upon a time."]


async def test_those_who_waited_are_answered_in_their_order() -> None:
    before = first()
    surface = before.surface(kind=PlaceKind.THREAD)
    for text, author in (("first?", ADA), ("second?", BEN), ("third?", ADA)):
        await before.say(surface, text, author=author)
    stream = await before.model.opened()
    stream.say("An answer that is visible by now.")
    await before.clock.advance(3.0)
    await killed(before)
    bot = await started(before, surface)
    await bot.clock.advance(5.0)
    for expected in ("second?", "third?"):
        stream = await bot.model.opened()
        assert stream.prompt[-1].endswith(expected)
        stream.say(f"To {expected}")
        stream.finish()
        await bot.clock.advance(5.0)
    shown = [message.content.body.text for message in surface.messages.values()]
    assert f"An answer that is visible by now.\n\n*{INTERRUPTED}*" in shown
    assert [text for text in shown if text.startswith("To")] == ["To second?", "To third?"]
    assert sum("in line" in text for text in shown) == 2, "they were told before"


async def test_an_answer_that_had_ended_keeps_its_ending() -> None:
    before = first()
    surface = FakeSurface(before.clock, page_units=200)
    await before.say(surface, "a tale?")
    stream = await before.model.opened()
    stream.say("A sentence of the tale. " * 60)
    stream.finish()
    await before.clock.advance(1.5)  # the first pages stand
    shown = len(surface.messages)
    await killed(before)
    bot = await started(before, surface)
    await bot.clock.advance(60.0)
    texts = [message.content.body.text for message in surface.messages.values()]
    assert 1 <= shown < len(texts)
    assert " ".join(texts).split() == ("A sentence of the tale. " * 60).split()
    assert bot.model.streams == []


async def test_a_turn_that_is_over_is_left_alone() -> None:
    before = first()
    surface = before.surface()
    await before.say(surface, "a tale?")
    stream = await before.model.opened()
    stream.say("The end.")
    stream.finish()
    await before.clock.advance(5.0)
    await killed(before)
    calls = len(surface.calls)
    bot = await started(before, surface)
    await bot.clock.advance(60.0)
    assert len(surface.calls) == calls
    assert bot.model.streams == []


async def test_an_event_that_comes_again_after_a_restart_is_not_answered_again() -> None:
    before = first()
    surface = before.surface()
    await before.say(surface, "a tale?", event_id="e1")
    stream = await before.model.opened()
    stream.say("The end.")
    stream.finish()
    await before.clock.advance(5.0)
    await killed(before)
    bot = await started(before, surface)
    await bot.say(surface, "a tale?", event_id="e1")
    await bot.clock.advance(60.0)
    assert bot.model.streams == []
    assert len(surface.messages) == 1


def again(
    bot: Bot, surface: FakeSurface, place: Place, address: str, *, in_doubt: bool = False
) -> FakeSurface:
    """The same place, for this process."""
    assert bot.life is not None
    return bot.life.of(surface)


async def test_a_question_that_comes_again_waits_in_no_line_and_ends_no_answer() -> None:
    for mode in (Busy.QUEUE, Busy.INTERRUPT):
        before = Bot(life=Life(), busy_mode=mode)
        surface = before.surface(kind=PlaceKind.PRIVATE)
        await before.say(surface, "a tale?", event_id="e1")
        stream = await before.model.opened()
        stream.say("Once upon a time there was a fox.")
        await before.clock.advance(3.0)
        await killed(before)
        bot = Bot(before=before, life=Life(), busy_mode=mode)
        await bot.chat.recovery.begin("fake:1", partial(again, bot, surface))
        await bot.say(surface, "a tale?", event_id="e1")
        await bot.clock.advance(60.0)
        [message] = surface.messages.values()
        assert message.content.body.text.endswith(f"*{INTERRUPTED}*")
        assert bot.model.streams == []


async def test_continue_goes_on_once_also_after_a_restart() -> None:
    before = first()
    surface = before.surface(kind=PlaceKind.PRIVATE)
    await before.say(surface, "a tale?")
    stream = await before.model.opened()
    stream.say("Once upon a time there was a fox.")
    await before.clock.advance(3.0)
    await killed(before)
    bot = await started(before, surface)
    await bot.clock.advance(5.0)
    [shown] = surface.messages
    ref = MessageRef(surface.place.chat_id, shown)
    [*_, button] = surface.messages[shown].content.buttons
    assert button.label == say("button.continue")
    surface.failures += ["unavailable"] * 20  # so that the button is not taken away
    await bot.press_data(surface, ref, button.data)
    surface.failures.clear()
    stream = await bot.model.opened()
    stream.say("And it lived.")
    stream.finish()
    await bot.clock.advance(5.0)
    await killed(bot)
    after = await started(bot, surface)
    told = await after.press_data(surface, ref, button.data)
    await after.clock.advance(5.0)
    assert told == [say("continue.already")]
    assert [one.label for one in surface.messages[shown].content.buttons] == [say("button.retry")]
    assert after.model.streams == []


async def test_a_question_that_waited_goes_on_after_the_answer_it_had_waited_for() -> None:
    before = first()
    surface = before.surface(kind=PlaceKind.PRIVATE)
    await before.say(surface, "first?")
    one = await before.model.opened()
    await before.say(surface, "second?")
    one.say("The first answer.")
    one.finish()
    await before.clock.advance(5.0)
    await before.model.opened()  # for the second
    await killed(before)
    bot = await started(before, surface)
    stream = await bot.model.opened()
    assert [text.splitlines()[-1] for text in stream.prompt[-3:]] == [
        "first?",
        "The first answer.",
        "second?",
    ]
    stream.say("The second answer.")
    stream.finish()
    await bot.clock.advance(5.0)
    lane = await bot.store.lane(LaneKey(str(surface.place)))
    assert lane is not None
    path = await bot.store.path(lane.leaf_id or "")
    assert [one.text for one in path] == ["first?", "The first answer.", "second?", "The second answer."]


class FailingOnce:
    """A journal that cannot be read at the very start."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self._fails = journal, True

    def __getattr__(self, name: str) -> object:
        return getattr(self._journal, name)

    async def take_over(self, accounts: Collection[str]) -> tuple[Orphan, ...]:
        if self._fails:
            self._fails = False
            raise StoreError("the database is locked")
        return await self._journal.take_over(accounts)


async def test_what_could_not_be_read_at_the_start_is_gone_on_with_soon() -> None:
    before = first()
    surface = before.surface()
    await before.say(surface, "a tale?")
    await before.model.opened()
    await killed(before)
    journal = MemoryJournal(before.journal_state, clock=before.clock)
    bot = Bot(before=before, life=Life(), journal=FailingOnce(journal))  # type: ignore[arg-type]
    await bot.chat.recovery.begin("fake:1", partial(again, bot, surface))
    watching = asyncio.ensure_future(bot.chat.recovery.run())
    await bot.clock.advance(5.0)
    stream = await bot.model.opened()
    stream.say("Once upon a time.")
    stream.finish()
    await bot.clock.advance(5.0)
    watching.cancel()
    assert [message.content.body.text for message in surface.messages.values()] == ["Once upon a time."]


async def test_an_answer_whose_place_cannot_be_reopened_keeps_no_other_from_going_on() -> None:
    before = first()
    bad, good = before.surface("c1"), before.surface("c2")
    for surface in (bad, good):
        await before.say(surface, "a tale?")
        await before.model.opened()
    await killed(before)
    bot = Bot(before=before, life=Life())

    def reopen(place: Place, address: str, *, in_doubt: bool = False) -> FakeSurface:
        if place == bad.place:
            raise KeyError(address)
        return again(bot, good, place, address)

    await bot.chat.recovery.begin("fake:1", reopen)
    stream = await bot.model.opened()
    stream.say("Once upon a time.")
    stream.finish()
    await bot.clock.advance(5.0)
    assert [message.content.body.text for message in good.messages.values()] == ["Once upon a time."]
    await killed(bot)
    after = Bot(before=bot, life=Life())
    assert await after.journal.take_over(["fake:1"]) == ()


@pytest.mark.parametrize("fault", ["rate_limited", "unknown_taken", "unknown_not_taken"])
@pytest.mark.parametrize("ending", ["complete", "failed"])
async def test_a_kill_in_the_last_edit_changes_nothing_of_how_the_answer_ends(
    fault: str, ending: str
) -> None:
    before = first()
    surface = before.surface(kind=PlaceKind.PRIVATE)
    await before.say(surface, "a tale?")
    stream = await before.model.opened()
    stream.say("Once upon a time there was a fox.")
    await before.clock.advance(3.0)
    surface.failures.append(fault)
    if ending == "complete":
        stream.finish(" It was quick.")
    else:
        stream.emit(ModelError(ModelErrorKind.BROKEN_STREAM, "no"))
    await before.clock.advance(0.05)
    await killed(before)
    bot = await started(before, surface)
    await bot.clock.advance(30.0)
    [message] = surface.messages.values()
    expected = {"complete": " It was quick.", "failed": f"\n\n{failed('broken_stream')}"}[ending]
    assert message.content.body.text == f"Once upon a time there was a fox.{expected}"
    assert say("button.retry") in [button.label for button in message.content.buttons]


async def test_a_variant_that_failed_and_was_killed_is_no_second_answer() -> None:
    before = first()
    surface = before.surface(kind=PlaceKind.PRIVATE)
    ref = await before.answered(surface, "a tale?", "Once upon a time.")
    await before.press_label(surface, ref, say("button.retry"))
    stream = await before.model.opened()
    surface.failures.append("rate_limited")
    stream.emit(ModelError(ModelErrorKind.UNAUTHORIZED, "no"))
    await before.clock.advance(0.05)
    await killed(before)
    bot = await started(before, surface)
    await bot.clock.advance(30.0)
    [message] = surface.messages.values()
    assert message.content.body.text == f"Once upon a time.\n\n{failed('unauthorized')}"
    lane = await bot.store.lane(LaneKey(str(surface.place)))
    assert lane is not None
    path = await bot.store.path(lane.leaf_id or "")
    assert len(await bot.store.answers(path[0].id)) == 1


async def test_leases_are_kept_from_the_start_of_the_first_platform_to_the_end() -> None:
    before = Bot()
    state, clock = before.journal_state, before.clock
    bot = Bot(before=before, journal=MemoryJournal(state, clock=clock, alone=False))
    other = MemoryJournal(state, clock=clock, alone=False)
    surface = bot.surface()
    await bot.chat.recovery.begin("fake:1", lambda *_, **__: None)  # the second platform is slow to come
    stream = await bot.asked(surface, "a tale?")
    stream.say("Once upon a time.")
    for _ in range(20):
        await clock.advance(1.0)
        assert await other.take_over(["fake:1"]) == ()
    now = clock.monotonic()
    stopped = asyncio.ensure_future(bot.chat.stop(streams_until=now + 60.0, marks_until=now + 61.0))
    for _ in range(20):
        await clock.advance(1.0)
        assert await other.take_over(["fake:1"]) == ()
    stream.finish()
    await clock.advance(5.0)
    assert await stopped == 0
    assert surface.texts == ["Once upon a time."]


class HeldMessages(MemoryStore):
    """While it is not `free`, whoever asks for a message waits."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()
        self.free.set()

    async def message(self, message_id: str) -> Message | None:
        await self.free.wait()
        return await super().message(message_id)


async def test_a_stop_while_an_answer_is_taken_up_leaves_it_to_the_next_process() -> None:
    store = HeldMessages()
    before = Bot(store=store, life=Life())
    surface = before.surface(kind=PlaceKind.PRIVATE)
    await before.say(surface, "a tale?")
    stream = await before.model.opened()
    stream.say("Once upon a time there was a fox.")
    await before.clock.advance(3.0)
    await killed(before)
    store.free.clear()
    bot = await started(before, surface)
    now = bot.clock.monotonic()
    stopped = asyncio.ensure_future(bot.chat.stop(streams_until=now + 4.0, marks_until=now + 6.0))
    await bot.clock.advance(4.5)
    store.free.set()
    await bot.clock.advance(10.0)
    await stopped
    after = await started(bot, surface)
    await after.clock.advance(5.0)
    [message] = surface.messages.values()
    assert message.content.body.text.endswith(f"*{INTERRUPTED}*")
    labels = [button.label for button in message.content.buttons]
    assert labels == [say("button.retry"), say("button.continue")]


class SlowJournal(MemoryJournal):
    """While it is not `free`, nothing is known of events and turns."""

    free: asyncio.Event

    async def begin(self, turn: KeptTurn) -> bool:
        await self.free.wait()
        return await super().begin(turn)

    async def was_handled(self, account: str, event_id: str) -> bool:
        await self.free.wait()
        return await super().was_handled(account, event_id)


async def test_an_event_that_is_known_only_late_is_not_answered_again() -> None:
    before = first()
    surface = before.surface(kind=PlaceKind.PRIVATE)
    await before.answered(surface, "a tale?", "Once upon a time.")
    await killed(before)
    journal = SlowJournal(before.journal_state, clock=before.clock)
    journal.free = asyncio.Event()
    bot = Bot(before=before, journal=journal)
    bot.chat.records._patience_s = 0.0
    saying = asyncio.ensure_future(bot.say(surface, "a tale?", event_id="1"))
    await bot.clock.advance(1.5)
    stream = await bot.model.opened()
    journal.free.set()
    await bot.clock.advance(0.5)
    stream.finish("Once more.")
    await bot.clock.advance(10.0)
    await saying
    assert surface.texts == ["Once upon a time."]
    assert len(bot.model.streams) == 1
