"""Who is next."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from core.conversation.history import Joined, Question, lane_of
from core.messages import MessageRef, Person, PlaceKind
from core.ports.store import Message, Role, Shown
from core.service.line import QUEUED_AFTER_S
from core.service.queue import QueueFullError, TurnQueue
from core.service.tasks import Tasks
from core.service.turn import Turn
from core.streaming.answer import Answer
from tests.fakes.clock import FakeClock, settle
from tests.fakes.surface import FakeSurface
from tests.service.conftest import BEN, Bot, shut


def turn(conversation: int, number: int = 0, person: str = "1") -> Turn:
    surface = FakeSurface(FakeClock(), chat_id=str(conversation))
    question = Question(str(number), surface.place, Person("fake", person, ""), "?")
    joined = Joined(str(conversation), None, lane_of(surface.place, question.asker))
    return Turn(question, joined, surface, Answer())


@given(st.lists(st.integers(0, 3), max_size=30), st.data())
def test_each_conversation_is_served_in_order_one_at_a_time_beside_the_others(
    conversations: list[int], data: st.DataObject
) -> None:
    async def story() -> None:
        done: dict[Turn, asyncio.Event] = {}
        begun: list[Turn] = []

        async def run(turn: Turn) -> None:
            begun.append(turn)
            await done[turn].wait()

        tasks = Tasks()
        queue = TurnQueue(run, tasks, each_person=1_000)
        added = [turn(conversation, number) for number, conversation in enumerate(conversations)]
        for one in added:
            done[one] = asyncio.Event()
            queue.add(one)
        await settle()
        while queue.running:
            assert {one.conversation_id for one in queue.running} == {
                one.conversation_id for one in added if not done[one].is_set()
            }
            done[data.draw(st.sampled_from(queue.running))].set()
            await settle()
        for same in {one.conversation_id for one in added}:
            in_order = [one for one in added if one.conversation_id == same]
            assert [one for one in begun if one.conversation_id == same] == in_order
        assert all(queue.find(one.id) is None for one in added)
        await tasks.close()

    asyncio.run(story())


async def never(_: Turn) -> None:
    await asyncio.Event().wait()


async def test_there_is_an_end_to_what_can_wait() -> None:
    tasks = Tasks()
    queue = TurnQueue(never, tasks, waiting_each=3, waiting_in_all=5, each_person=100)
    assert [queue.add(turn(1)) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(QueueFullError):
        queue.add(turn(1))
    assert [queue.add(turn(2)) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(QueueFullError):
        queue.add(turn(2))
    assert queue.add(turn(3)) == 0  # that one does not wait
    await settle()
    await tasks.close()
    assert queue.running == ()


async def test_who_has_others_questions_answered_again_takes_places_of_their_own() -> None:
    """Else whoever may press Retry under somebody's answers keeps them from asking."""
    tasks = Tasks()
    queue = TurnQueue(never, tasks, each_person=2)
    again = [turn(conversation) for conversation in range(3)]
    for one in again:
        one.question = replace(one.question, by=Person("fake", "9", ""))
    for one in again[:2]:
        queue.add(one)
    with pytest.raises(QueueFullError):
        queue.add(again[2])
    queue.add(turn(3))
    assert queue.drop_waiting() == ()
    await tasks.close()


async def test_one_person_cannot_take_every_place() -> None:
    tasks = Tasks()
    queue = TurnQueue(never, tasks, each_person=2)
    assert [queue.add(turn(number)) for number in range(2)] == [0, 0]
    with pytest.raises(QueueFullError):
        queue.add(turn(9))
    assert queue.add(turn(9, person="2")) == 0
    await tasks.close()


async def test_what_waits_can_be_let_go() -> None:
    tasks = Tasks()
    queue = TurnQueue(never, tasks)
    turns = [turn(1, number) for number in range(3)]
    for one in turns:
        queue.add(one)
    assert queue.drop_waiting() == (turns[1], turns[2])
    assert queue.running == (turns[0],)
    assert queue.add(turn(1)) == 1
    await tasks.close()


async def test_a_second_question_is_told_its_place_and_answered_in_order(bot: Bot) -> None:
    surface = bot.surface(kind=PlaceKind.THREAD)
    first = await bot.asked(surface, "one")
    await bot.say(surface, "two", author=BEN)
    await bot.say(surface, "three", author=BEN)
    await bot.clock.advance(2.0)
    assert surface.texts == [say("queued", place=1)]
    assert len(bot.model.streams) == 1
    first.finish("First.")
    await bot.clock.advance(3.0)
    second = await bot.model.opened()
    assert second.prompt == ["Ada: one", "First.", "Ben: two"]
    second.finish("Second.")
    await bot.clock.advance(3.0)
    (await bot.model.opened()).finish("Third.")
    await bot.clock.advance(3.0)
    assert surface.texts == ["First.", "Second.", "Third."]  # what held no more was deleted


async def test_a_place_in_line_that_stands_there_late_is_taken_back_all_the_same(bot: Bot) -> None:
    surface = bot.surface()
    surface._latency_s = 5.0
    first = await bot.asked(surface, "one")
    await bot.say(surface, "two")
    await bot.clock.advance(1.0)
    first.finish("First.")
    await bot.clock.advance(1.0)
    assert surface.texts == []
    await bot.clock.advance(30.0)
    (await bot.model.opened()).finish("Second.")
    await bot.clock.advance(30.0)
    assert surface.texts == ["First.", "Second."]


async def test_in_a_group_the_second_wait_of_an_hour_is_a_reaction(bot: Bot) -> None:
    surface = bot.surface()
    await bot.asked(surface, "one")
    await bot.say(surface, "two")
    await bot.clock.advance(2.0)
    await bot.say(surface, "three")
    await bot.clock.advance(2.0)
    assert surface.texts == [say("queued", place=1)]
    assert surface.reactions == [(MessageRef("c1", "u3"), say("reaction.queued"))]


async def test_a_crowds_reactions_come_one_after_the_other_and_an_endless_crowds_are_left_out(
    bot: Bot,
) -> None:
    surface = bot.surface()
    for number in range(100):
        bot.chat.notices.react(surface, MessageRef("c1", f"u{number}"), "reaction.queued")
    await bot.clock.advance(0.0)
    assert len(surface.reactions) == 1
    await bot.clock.advance(1.0)
    assert len(surface.reactions) == 4
    await bot.clock.advance(60.0)
    assert [ref.message_id for ref, _ in surface.reactions] == [f"u{number}" for number in range(34)]


async def test_where_answers_can_be_private_the_place_is(bot: Bot) -> None:
    surface = bot.surface(private_answers=True)
    await bot.asked(surface, "one")
    for number in range(2):
        await bot.say(surface, "again")
        await bot.clock.advance(2.0)
        assert surface.texts[-1] == say("queued", place=number + 1)
    assert all(message.content.private for message in surface.messages.values())


async def test_a_full_queue_says_so(bot: Bot) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    for _ in range(21):
        await bot.say(surface, "again")
        await bot.clock.advance(20.0)
    await bot.clock.advance(60.0)
    assert surface.texts[-1] == say("busy")
    assert len(bot.model.streams) == 1


async def test_nothing_more_goes_to_a_place_that_is_gone(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    surface = bot.surface(kind=PlaceKind.THREAD, private_answers=True)
    stream = await bot.asked(surface, "one")
    await bot.say(surface, "two")
    await bot.clock.advance(2.0)
    surface.failures.append("place_gone")
    stream.say("Something to be shown now.")
    await bot.clock.advance(5.0)
    calls = len(surface.calls)
    assert len(bot.model.streams) == 1
    assert "not answered: not_reached event=2" in caplog.text
    await bot.clock.advance(60.0)
    assert len(surface.calls) == calls
    assert (await bot.asked(surface, "three")).prompt  # it may have come back


async def test_eight_people_see_their_answers_grow_at_once(bot: Bot) -> None:
    surface = bot.surface()
    people = [Person("fake", str(10 + number), f"P{number}") for number in range(8)]
    streams = [await bot.asked(surface, f"question {person.id}", author=person) for person in people]
    for stream in streams:
        stream.say(f"The answer to {stream.prompt[-1]} begins like this.")
    await bot.clock.advance(10.0)
    assert len(surface.texts) == 8
    for stream in streams:
        stream.finish(" And it ends.")
    await bot.clock.advance(20.0)
    assert sorted(surface.texts) == sorted(
        f"The answer to question {person.id} begins like this. And it ends." for person in people
    )
    assert surface.refused == 0


class _SlowStore(MemoryStore):
    """Keeps no answer before it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may = asyncio.Event()

    async def add(self, message: Message, shown: tuple[Shown, ...] = ()) -> None:
        if message.role is Role.ASSISTANT:
            await self.may.wait()
        await super().add(message, shown)


async def test_nobody_is_told_to_wait_for_an_answer_that_stands_there_and_is_being_kept() -> None:
    before = Bot()
    store = before.store = _SlowStore()
    bot = Bot(before=before)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.answered(surface, "one", "First.")
    await bot.say(surface, "two")
    await bot.clock.advance(2.0)
    assert surface.texts == ["First."]
    await bot.say(surface, "three")
    await bot.clock.advance(2.0)
    assert surface.texts == ["First.", say("queued", place=1)]
    assert len(bot.model.streams) == 1
    store.may.set()
    await bot.clock.advance(1.0)
    assert (await bot.model.opened()).prompt == ["one", "First.", "two"]
    await shut(bot)


async def test_who_waits_for_a_moment_is_told_of_no_line(bot: Bot) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    first = await bot.asked(surface, "one")
    await bot.say(surface, "two")
    first.finish("First.")
    await bot.clock.advance(QUEUED_AFTER_S * 0.9)
    (await bot.model.opened()).finish("Second.")
    await bot.clock.advance(3.0)
    assert surface.texts == ["First.", "Second."]
