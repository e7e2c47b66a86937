"""Updates that Telegram brings: kept before it hears so, handed over once, and lost by no fault."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bots.sandbox.telegram.server import TelegramServer
from bots.telegram import client
from bots.telegram.webhook import Webhook
from core.adapters.memory_journal import MemoryJournal
from core.messages import ButtonPress, Incoming, IncomingMessage
from core.ports.journal import Received
from core.ports.surface import Surface
from core.settings import TelegramWebhook
from core.streaming.operations import Button, Delivered
from tests.telegram.brittle import Process, confirmed, deal_with, texts, until
from tests.telegram.harness import SECRET, Bot, calls, content, started, webhook_info


def statuses(server: TelegramServer) -> list[int]:
    """Of the tries to bring something, in order."""
    return [post.status for post in server.webhook.posts]


async def test_telegram_is_told_where_to_bring_what_and_is_not_asked(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    await server.set_inline(enabled=True)
    async with started(server, webhook=webhook, inline_mode=True) as bot:
        await server.say("Ada", "Ada", "hello")
        assert await texts(bot, 1) == ["hello"]
        await confirmed(server)
        assert await server.inline("Ada", "Riverside", "what is a sluice?")
    (told,) = calls(server, "setWebhook")
    assert told["url"] == webhook.url
    assert {"message", "callback_query", "inline_query"} <= set(told["allowed_updates"])
    assert told["max_connections"] == "40"
    assert SECRET not in json.dumps(told)
    assert not calls(server, "getUpdates")
    assert statuses(server) == [200, 200]


async def test_an_update_is_kept_before_it_is_confirmed_or_handed_over(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    process = Process()
    async with process.bot(server, webhook) as bot:
        await process.say_and_hold(server, "hello")
        assert bot.idle
        assert statuses(server) == []
        process.journal.open.set()
        assert await texts(bot, 1) == ["hello"]
        assert process.left == ["hello"]
        await confirmed(server)
        assert statuses(server) == [200]


async def test_those_that_wait_for_the_journal_are_kept_together(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """One flush of the disk for all of them."""
    process = Process()
    batches: list[int] = []

    class Counted(MemoryJournal):
        async def receive(self, events: Any) -> tuple[Received, ...]:
            batches.append(len(events))
            process.journal.asked.set()
            await process.journal.open.wait()
            return await super().receive(events)

    journal = Counted(process.state, clock=process.clock)
    async with started(server, journal=journal, clock=process.clock, webhook=webhook) as bot:
        await process.say_and_hold(server, "Ada")
        people = ["Ben", "Cleo", "Dana", "Eli"]
        for person in people:
            await server.say(person, person, person)
        await until(lambda: receiver(bot)._posts.qsize() == len(people))
        process.journal.open.set()
        assert sorted(await texts(bot, 5)) == ["Ada", *people]
        await confirmed(server)
    assert batches == [1, 4]


def receiver(bot: Bot) -> Webhook:
    running = bot.platform._running
    assert running is not None
    assert isinstance(running.receiver, Webhook)
    return running.receiver


async def test_a_chat_keeps_its_order_whatever_is_lost_on_the_way(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    async with started(server, webhook=webhook) as bot:
        server.fault("drop_before", route="webhook", times=2)
        server.fault("drop_after", route="webhook", times=3)
        for number in range(12):
            await server.say("Ada", "Ada", str(number))
        assert await texts(bot, 12) == [str(number) for number in range(12)]
        await confirmed(server)
        assert bot.idle
    assert statuses(server).count(0) == 5


@pytest.mark.parametrize("dealt_with", [True, False])
async def test_an_update_that_comes_again_after_a_kill_is_handed_over_once(
    server: TelegramServer, webhook: TelegramWebhook, *, dealt_with: bool
) -> None:
    """Killed between the write and the answer: what nobody dealt with is handed over by the next start."""
    process = Process()
    async with process.bot(server, webhook) as bot:
        lost = server.fault("drop_after", route="webhook", times=10_000)
        await server.say("Ada", "Ada", "one")
        event, _ = await bot.next(IncomingMessage)
        if dealt_with:
            await deal_with(bot, process, event.event_id)
    lost.times = 0
    assert len(server._hub.updates) == 1
    await server.say("Ada", "Ada", "two")
    async with process.next_bot(server, webhook) as bot:
        assert await texts(bot, 1 if dealt_with else 2) == (["two"] if dealt_with else ["one", "two"])
        await confirmed(server)
        assert bot.idle


async def test_what_was_left_behind_goes_before_what_comes_now(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    process = Process()
    async with process.bot(server, webhook) as bot:
        for text in ("one", "two", "three"):
            await server.say("Ada", "Ada", text)
        first, _ = await bot.next(IncomingMessage)
        await texts(bot, 2)
        await deal_with(bot, process, first.event_id)
    await server.say("Ada", "Ada", "four")
    assert (await webhook_info(server))["url"] == webhook.url
    async with process.next_bot(server, webhook) as bot:
        assert await texts(bot, 3) == ["two", "three", "four"]
        await confirmed(server)
        assert bot.idle


async def test_a_post_that_comes_twice_is_handed_over_once(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """Also where both wait for the journal together."""
    process = Process()
    async with process.bot(server, webhook) as bot:
        server.fault("drop_after", route="webhook", times=1)
        await process.say_and_hold(server, "hello")
        process.journal.open.set()
        assert await texts(bot, 1) == ["hello"]
        await confirmed(server)
        assert statuses(server) == [0, 200]
        assert bot.idle


async def test_a_journal_that_fails_keeps_nobody_waiting_and_nothing_is_confirmed(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """503, so it comes again, is known, and is kept once that works; the chat's next comes after it."""
    process = Process()
    async with process.bot(server, webhook) as bot:
        assert await bot.clock.see_next_sleep() == 60.0
        process.journal.broken = True
        await server.say("Ada", "Ada", "hello")
        await server.say("Ada", "Ada", "next")
        assert [await bot.clock.pass_next_sleep() for _ in range(5)] == [0.5] * 5
        assert await texts(bot, 1) == ["hello"]
        await until(lambda: len(server.webhook.posts) >= 3)  # nobody is made to wait for a failing one
        assert set(statuses(server)) == {503}
        assert {post.pause_s for post in server.webhook.posts} == {5.0}
        assert bot.idle
        assert len(server._hub.updates) == 2
        process.journal.broken = False
        assert await texts(bot, 1) == ["next"]
        await confirmed(server)
        assert process.left == ["hello", "next"]
        assert bot.idle


async def test_what_was_handed_over_unkept_comes_again_after_a_restart(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """Rather a second answer than none."""
    process = Process()
    async with process.bot(server, webhook) as bot:
        assert await bot.clock.see_next_sleep() == 60.0
        process.journal.broken = True
        await server.say("Ada", "Ada", "hello")
        for _ in range(5):
            await bot.clock.pass_next_sleep()
        await texts(bot, 1)
        await until(lambda: 503 in statuses(server))
    process.journal.broken = False
    async with process.next_bot(server, webhook) as bot:
        assert await texts(bot, 1) == ["hello"]
        await confirmed(server)
        assert bot.idle


async def test_a_journal_that_hangs_is_a_journal_that_fails(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    process = Process()
    async with process.bot(server, webhook) as bot:
        await process.say_and_hold(server, "hello")
        await bot.clock.advance(3.0)
        assert await texts(bot, 1) == ["hello"]
        await until(lambda: statuses(server)[:1] == [503])
        process.journal.open.set()
        await confirmed(server)
        assert bot.idle


async def test_a_try_that_was_done_and_seemed_to_fail_leaves_nobody_unanswered(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    process = Process()
    async with process.bot(server, webhook) as bot:
        assert await bot.clock.see_next_sleep() == 60.0
        process.journal.lossy = True
        await server.say("Ada", "Ada", "hello")
        assert await bot.clock.pass_next_sleep() == 0.5
        assert await texts(bot, 1) == ["hello"]
        await server.say("Ada", "Ada", "next")
        assert await texts(bot, 1) == ["next"]
        assert process.left == ["hello", "next"]


async def test_what_the_adapter_ignores_holds_nobody_up(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """An unknown shape is taken and marked as dealt with: refused, it would come again for a day."""
    process = Process()
    async with process.bot(server, webhook) as bot:
        server._hub.updates.add("message", {"from": "a later Bot API"})
        await server.say("Ben", "Ben", "hello")
        await bot.next(IncomingMessage)
        await confirmed(server)
        await until(lambda: len(process.state.handled) == 1)
        assert process.left == ["hello"]


async def test_more_than_the_core_can_take_waits_with_telegram(
    server: TelegramServer, webhook: TelegramWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two wait here, the third there; nothing of it is lost."""
    monkeypatch.setattr(client, "_MOST_WAITING", 2)
    process = Process()
    bot = Bot(server, journal=process.journal, clock=process.clock, webhook=webhook)
    released = asyncio.Event()

    async def slowly(event: Incoming, surface: Surface) -> None:
        await released.wait()
        await bot.handle(event, surface)

    await bot.platform.start(slowly)
    await server.say("Ada", "Ada", "Ada")
    await until(lambda: len(process.left) == 1)
    await server.say("Ben", "Ben", "Ben")
    await until(lambda: len(process.left) == 2)
    await server.say("Cleo", "Cleo", "Cleo")
    await until(lambda: 503 in statuses(server))
    assert len(process.left) == 2
    released.set()
    assert sorted(await texts(bot, 3)) == ["Ada", "Ben", "Cleo"]
    await confirmed(server)
    assert len(process.left) == 3
    await bot.platform.close()


async def test_while_it_stops_presses_still_come_and_questions_stay_with_telegram(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """The webhook stays set, so that they come to the next start, once."""
    process = Process()
    async with process.bot(server, webhook) as bot:
        await server.say("Ada", "Ada", "hello")
        event, surface = await bot.next(IncomingMessage)
        sent = await surface.send(content("answer", Button("stop", "Stop")), event.ref)
        assert isinstance(sent, Delivered)
        await deal_with(bot, process, event.event_id)
        await bot.platform.stop_listening()
        await server.say("Ada", "Ada", "late")
        await until(lambda: 503 in statuses(server))
        assert process.left == []
        await server.press("Ada", "Ada", sent.message_id, "stop")
        press, _ = await bot.next(ButtonPress)
        await deal_with(bot, process, press.event_id)
        await bot.platform.close()
        assert bot.idle
    assert (await webhook_info(server))["url"] == webhook.url
    async with process.next_bot(server, webhook) as bot:
        assert await texts(bot, 1) == ["late"]
        await confirmed(server)
        assert bot.idle


async def test_a_post_that_is_being_kept_is_answered_before_the_socket_closes(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    process = Process()
    async with process.bot(server, webhook) as bot:
        await process.say_and_hold(server, "hello")
        listening = receiver(bot)
        closing = asyncio.create_task(bot.platform.close())
        await until(lambda: listening._runner is None)
        process.journal.open.set()
        await closing
        await confirmed(server)
        assert statuses(server) == [200]
    assert process.left == ["hello"]
