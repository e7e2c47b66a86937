"""What comes in is kept before it is confirmed, handed over once, and not lost with a journal or a poller."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.kept import to_keep, update_in
from core.adapters.memory_journal import JournalState, MemoryJournal
from core.messages import ButtonPress, Choice, IncomingMessage, Suggesting
from core.ports.journal import LEASE_S, STARTS
from core.streaming.operations import Button, Delivered
from tests.telegram.brittle import Process, deal_with, texts, until
from tests.telegram.harness import Bot, HeldClock, calls, content, next_request, online, started


def offsets(server: TelegramServer) -> list[int]:
    return [int(body.get("offset", 0)) for body in calls(server, "getUpdates")]


async def test_an_update_is_kept_before_it_is_confirmed_or_handed_over(server: TelegramServer) -> None:
    process = Process()
    async with process.bot(server) as bot:
        await process.say_and_hold(server, "hello")
        assert bot.idle
        assert len(server._hub.updates) == 1
        assert offsets(server) == [0]
        confirming = next_request(server, "getUpdates")
        process.journal.open.set()
        event, _ = await bot.next(IncomingMessage)
        assert process.left == ["hello"]
        await server.say("Ada", "Ada", "again")  # wakes the poll that confirms
        await confirming
        await bot.next(IncomingMessage)
    assert int(event.event_id) + 1 in offsets(server)
    assert len(server._hub.updates) == 0


async def test_what_was_not_dealt_with_is_handed_over_at_the_next_start_in_order(
    server: TelegramServer,
) -> None:
    """Before anything new; and what was dealt with is not."""
    process = Process()
    async with process.bot(server) as bot:
        for text in ("one", "two", "three"):
            await server.say("Ada", "Ada", text)
        first, _ = await bot.next(IncomingMessage)
        await texts(bot, 2)
        await deal_with(bot, process, first.event_id)
    await server.say("Ada", "Ada", "four")
    async with process.next_bot(server) as bot:
        assert await texts(bot, 3) == ["two", "three", "four"]
        assert bot.idle


async def test_an_update_that_comes_again_after_a_kill_is_handed_over_once(server: TelegramServer) -> None:
    """Killed after it was dealt with and before it was confirmed."""
    process = Process()
    async with process.bot(server) as bot:
        await online(server)
        unreachable = server.fault("drop_before", route="getUpdates", times=99)
        await server.say("Ada", "Ada", "one")
        event, _ = await bot.next(IncomingMessage)
        await deal_with(bot, process, event.event_id)
    unreachable.times = 0
    assert len(server._hub.updates) == 1
    await server.say("Ada", "Ada", "two")
    async with process.next_bot(server) as bot:
        assert await texts(bot, 1) == ["two"]
        assert bot.idle


async def test_what_the_adapter_ignores_it_marks_itself(server: TelegramServer) -> None:
    """An unknown shape, and a service message; what the core was given, the core marks."""
    process = Process()
    async with process.bot(server) as bot:
        server._hub.updates.add("message", {"from": "a later Bot API"})
        await server.kick_bot("Ada", "Riverside")
        await server.say("Ben", "Ben", "hello")
        await bot.next(IncomingMessage)
        await until(lambda: len(process.state.handled) == 2)
        assert process.left == ["hello"]


async def test_inline_queries_are_not_kept(server: TelegramServer) -> None:
    """One comes with every letter."""
    process = Process()

    async def offer(suggesting: Suggesting) -> tuple[Choice, ...]:
        return (Choice(suggesting.typed, "Ask it"),)

    await server.set_inline(enabled=True)
    async with started(server, journal=process.journal, inline_mode=True, suggest=offer):
        offered = await server.inline("Ada", "Riverside", "what is a sluice?")
    assert len(offered["results"]) == 1
    assert not process.journal.asked.is_set()


async def test_a_journal_that_fails_keeps_nobody_waiting_and_nothing_is_confirmed(
    server: TelegramServer, caplog: pytest.LogCaptureFixture
) -> None:
    """One line; handed over once, though it comes again with every poll; kept when that works again."""
    process = Process()
    async with process.bot(server) as bot:
        await online(server)
        process.journal.broken = True
        with caplog.at_level(logging.INFO):
            await server.say("Ada", "Ada", "hello")
            assert [await bot.clock.pass_next_sleep() for _ in range(5)] == [0.5] * 5
            assert await texts(bot, 1) == ["hello"]
            await server.say("Ada", "Ada", "nobody waits now")
            assert await bot.clock.pass_next_sleep() == 1.0
            assert await texts(bot, 1) == ["nobody waits now"]
            assert await bot.clock.pass_next_sleep() == 1.0
            assert set(offsets(server)) == {0}
            process.journal.broken = False
            assert await bot.clock.pass_next_sleep() == 1.0
            await server.say("Ada", "Ada", "later")
            assert await texts(bot, 1) == ["later"]
        assert process.left == ["hello", "nobody waits now", "later"]
    assert len(server._hub.updates) == 0
    lines = [record.getMessage() for record in caplog.records if "kept" in record.getMessage()]
    assert len(lines) == 2
    assert "cannot be kept (disk full)" in lines[0]
    assert "kept again" in lines[1]


async def test_what_was_handed_over_unkept_comes_again_after_a_restart(server: TelegramServer) -> None:
    """Rather a second answer than none."""
    process = Process()
    process.journal.broken = True
    async with process.bot(server) as bot:
        await online_after(bot, 5)  # patience with what an earlier process may have left
        await server.say("Ada", "Ada", "hello")
        await texts(bot, 1)
    process.journal.broken = False
    async with process.next_bot(server) as bot:
        assert await texts(bot, 1) == ["hello"]


async def online_after(bot: Bot, sleeps: int) -> None:
    for _ in range(sleeps):
        await bot.clock.pass_next_sleep()
    await online(bot.server)


async def test_a_journal_that_hangs_is_a_journal_that_fails(server: TelegramServer) -> None:
    process = Process()
    async with process.bot(server) as bot:
        await online(server)
        await process.say_and_hold(server, "hello")
        await bot.clock.advance(3.0)
        assert await texts(bot, 1) == ["hello"]
        process.journal.open.set()


async def test_a_try_that_was_done_and_seemed_to_fail_leaves_nobody_unanswered(
    server: TelegramServer,
) -> None:
    """The second try finds it kept, which is not to mean that somebody has seen it."""
    process = Process()
    async with process.bot(server) as bot:
        process.journal.lossy = True
        await server.say("Ada", "Ada", "hello")
        assert await bot.clock.pass_next_sleep() == 0.5
        assert await texts(bot, 1) == ["hello"]
        await server.say("Ada", "Ada", "next")
        assert await texts(bot, 1) == ["next"]
        assert process.left == ["hello", "next"]


async def test_more_than_one_batch_comes_through_while_the_journal_fails(server: TelegramServer) -> None:
    """Telegram shows a hundred; the older half of those is confirmed unkept, and no more."""
    process = Process()
    async with process.bot(server) as bot:
        await online(server)
        process.journal.broken = True
        for number in range(120):
            await server.say("Ada", "Ada", str(number))
        for _ in range(5):
            await bot.clock.pass_next_sleep()
        async with asyncio.timeout(20):
            seen = await texts(bot, 100)
            while len(seen) < 120:
                if bot.idle:
                    await bot.clock.pass_next_sleep()
                seen += await texts(bot, 1)
        assert seen == [str(number) for number in range(120)]
    assert len(server._hub.updates) == 70


async def test_a_poller_that_takes_over_hands_over_what_the_other_left(server: TelegramServer) -> None:
    """The other one took it, confirmed it and died; nothing that either has handed over comes twice."""
    process = Process()
    async with process.bot(server) as bot:
        await server.say("Ada", "Ada", "ours")
        assert await texts(bot, 1) == ["ours"]
        await until(lambda: not len(server._hub.updates))  # confirmed
        polled = next_request(server, "getUpdates")
        async with started(server, journal=MemoryJournal(process.state, clock=HeldClock())) as other:
            assert await texts(other, 1) == ["ours"]  # whether we live it cannot know
            assert (await polled)["status"] == 409
            await server.say("Ada", "Ada", "theirs")
            assert await texts(other, 1) == ["theirs"]
        assert await bot.clock.pass_next_sleep() == 5.0
        await bot.clock.advance(3.0)
        await server.say("Ada", "Ada", "new")
        assert await texts(bot, 2) == ["theirs", "new"]
        assert bot.idle


async def test_what_another_process_has_in_work_is_left_to_it_until_it_is_dead(
    server: TelegramServer,
) -> None:
    """It may be in the midst of a command, which nobody else is to do a second time."""
    state, clock = JournalState(), HeldClock()
    dead, ours = (MemoryJournal(state, clock=clock, alone=False) for _ in range(2))
    async with started(server, journal=dead, clock=clock) as bot:
        await server.say("Ada", "Ada", "theirs")
        assert await texts(bot, 1) == ["theirs"]
    async with started(server, journal=ours, clock=clock) as bot:
        await server.say("Ada", "Ada", "ours")
        assert await texts(bot, 1) == ["ours"]
        await clock.advance(LEASE_S)
        await server.say("Ada", "Ada", "new")
        assert await texts(bot, 2) == ["theirs", "new"]
        assert bot.idle


async def test_an_update_that_kills_each_process_is_given_up(
    server: TelegramServer, caplog: pytest.LogCaptureFixture
) -> None:
    state = JournalState()
    await server.say("Ada", "Ada", "poison")
    for _ in range(STARTS):
        clock = HeldClock()
        async with started(server, journal=MemoryJournal(state, clock=clock), clock=clock) as bot:
            assert await texts(bot, 1) == ["poison"]
    clock = HeldClock()
    async with started(server, journal=MemoryJournal(state, clock=clock), clock=clock) as bot:
        await server.say("Ada", "Ada", "new")
        assert await texts(bot, 1) == ["new"]
    assert len(state.waiting) == 1
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "It is given up." in errors[0]


async def test_a_question_that_was_kept_during_the_stop_is_answered_at_the_next_start(
    server: TelegramServer,
) -> None:
    """Once; and a press on Stop still comes through."""
    process = Process()
    async with process.bot(server) as bot:
        await server.say("Ada", "Ada", "hello")
        event, surface = await bot.next(IncomingMessage)
        sent = await surface.send(content("answer", Button("stop", "Stop")), event.ref)
        assert isinstance(sent, Delivered)
        await deal_with(bot, process, event.event_id)
        process.journal.asked.clear()
        process.journal.open.clear()
        await server.press("Ada", "Ada", sent.message_id, "stop")
        await server.say("Ada", "Ada", "late")
        async with asyncio.timeout(10):
            await process.journal.asked.wait()
        await bot.platform.stop_listening()
        process.journal.open.set()
        press, _ = await bot.next(ButtonPress)
        await deal_with(bot, process, press.event_id)
        await bot.platform.close()
        assert bot.idle
    async with process.next_bot(server) as bot:
        assert await texts(bot, 1) == ["late"]
        await server.say("Ada", "Ada", "next")
        assert await texts(bot, 1) == ["next"]


@pytest.mark.parametrize(
    ("update", "author"),
    [
        ({"message": {"from": {"id": 7}, "chat": {"id": -1}}}, "telegram:7"),
        ({"message": {"from": {"id": 7}, "sender_chat": {"id": -100}}}, "telegram:-100"),
        ({"callback_query": {"from": {"id": 7}, "message": {"from": {"id": 1}}}}, "telegram:7"),
        ({"my_chat_member": {"from": {"id": 7}, "chat": {"id": -1}}}, "telegram:7"),
        ({"stopped_message_generation": {"chat": {"id": 7}, "draft_id": 3}}, "telegram:7"),
        ({"message": {"from": "a later Bot API"}}, ""),
        ({"message": None}, ""),
    ],
)
def test_an_update_is_sealed_under_whoever_it_is_from(update: dict[str, Any], author: str) -> None:
    """So that it goes with them."""
    update = {"update_id": 5, **update}
    kept = to_keep(update, "telegram:1", 9.0)
    assert (kept.account, kept.id, kept.author, kept.at) == ("telegram:1", "5", author, 9.0)
    assert update_in(kept) == update


REPLY: dict[str, Any] = {"message_id": 3, "from": {"id": 8}, "chat": {"id": -1}, "text": "their words"}


@pytest.mark.parametrize("kind", ["message", "edited_message"])
def test_what_it_is_a_reply_to_is_sealed_under_who_wrote_that_too(kind: str) -> None:
    """And goes with them, as all else of others does that nobody reads."""
    said = {"from": {"id": 7}, "chat": {"id": -1}, "text": "so?"}
    unread = {"external_reply": {"origin": {}}, "quote": {"text": "their words"}, "pinned_message": REPLY}
    kept = to_keep({"update_id": 5, kind: {**said, "reply_to_message": REPLY, **unread}}, "telegram:1", 9.0)
    assert kept.others is not None
    assert kept.others.of == ("telegram:8",)
    assert b"their words" not in kept.body
    assert update_in(kept) == {"update_id": 5, kind: {**said, "reply_to_message": REPLY}}
    assert update_in(replace(kept, others=None)) == {"update_id": 5, kind: said}


@pytest.mark.parametrize(
    ("reply", "left"),
    [
        ({**REPLY, "from": {"id": 7}}, {**REPLY, "from": {"id": 7}}),  # their own
        (
            {**REPLY, "from": {"id": 1}},
            {"message_id": 3, "from": {"id": 1}, "chat": {"id": -1}},
        ),  # ours: the tree has it
        ({**REPLY, "text": ""}, {**REPLY, "text": ""}),  # as each message of a topic has
        ({"message_id": 3, "text": "whose?"}, {"message_id": 3}),
        ("of a later Bot API", "of a later Bot API"),
        (
            {**REPLY, "from": {"id": 7}, "quote": {"text": "a third's"}, "external_reply": {"origin": {}}},
            {**REPLY, "from": {"id": 7}},
        ),
        (  # that something was pinned
            {"message_id": 3, "chat": {"id": -1}, "from": {"id": 7}, "pinned_message": REPLY},
            {"message_id": 3, "chat": {"id": -1}, "from": {"id": 7}},
        ),
        (
            {"message_id": 3, "chat": {"id": -1}, "from": {"id": 8}, "contact": {"phone_number": "+1"}},
            {"message_id": 3, "chat": {"id": -1}, "from": {"id": 8}},
        ),
    ],
)
def test_what_it_is_a_reply_to_otherwise(reply: object, left: object) -> None:
    said = {"from": {"id": 7}, "chat": {"id": -1}, "text": "so?"}
    kept = to_keep({"update_id": 5, "message": {**said, "reply_to_message": reply}}, "telegram:1", 9.0)
    assert kept.others is None
    assert update_in(kept) == {"update_id": 5, "message": {**said, "reply_to_message": left}}


def test_of_a_press_nothing_is_kept_of_what_stands_there() -> None:
    keyboard = {"inline_keyboard": [[{"text": "Stop", "callback_data": "stop:1"}]]}
    there = {
        "message_id": 4,
        "from": {"id": 1},
        "text": "an answer",
        "entities": [],
        "reply_markup": keyboard,
    }
    press = {"from": {"id": 7}, "data": "stop:1", "message": {**there, "reply_to_message": REPLY}}
    kept = to_keep({"update_id": 5, "callback_query": press}, "telegram:1", 9.0)
    assert kept.others is None
    left = {"message_id": 4, "from": {"id": 1}, "reply_markup": keyboard}
    assert update_in(kept) == {"update_id": 5, "callback_query": {**press, "message": left}}
