"""Updates that Telegram brings: kept before it hears so, handed over once, and lost by no fault."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from telegram import Bot as LibraryBot

from bots.sandbox.telegram.server import TelegramServer
from bots.telegram import client
from bots.telegram.webhook import Webhook
from core.adapters.memory_journal import MemoryJournal
from core.messages import ButtonPress, Incoming, IncomingMessage
from core.ports.alerts import Cause
from core.ports.journal import Received
from core.ports.platform import CheckState, PlatformError
from core.ports.surface import Surface
from core.settings import TelegramWebhook
from core.streaming.operations import Button, Delivered
from tests.fakes.alerts import NotedAlerts
from tests.telegram.brittle import Process, deal_with, texts, until
from tests.telegram.harness import SECRET, Bot, HeldClock, calls, content, local_webhook, online, started


@pytest.fixture
def webhook() -> TelegramWebhook:
    return local_webhook()


def statuses(server: TelegramServer) -> list[int]:
    """Of the tries to bring something, in order."""
    return [post.status for post in server.webhook.posts]


async def confirmed(server: TelegramServer) -> None:
    await until(lambda: not len(server._hub.updates))


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
    async with started(server, journal=process.journal, clock=process.clock, webhook=webhook) as bot:
        process.journal.open.clear()
        await server.say("Ada", "Ada", "hello")
        async with asyncio.timeout(10):
            await process.journal.asked.wait()
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
        process.journal.open.clear()
        await server.say("Ada", "Ada", "Ada")
        async with asyncio.timeout(10):
            await process.journal.asked.wait()
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
    async with started(server, journal=process.journal, clock=process.clock, webhook=webhook) as bot:
        lost = server.fault("drop_after", route="webhook", times=10_000)
        await server.say("Ada", "Ada", "one")
        event, _ = await bot.next(IncomingMessage)
        if dealt_with:
            await deal_with(bot, process, event.event_id)
    lost.times = 0
    assert len(server._hub.updates) == 1
    await server.say("Ada", "Ada", "two")
    async with started(server, journal=process.journal, webhook=webhook) as bot:
        assert await texts(bot, 1 if dealt_with else 2) == (["two"] if dealt_with else ["one", "two"])
        await confirmed(server)
        assert bot.idle


async def test_what_was_left_behind_goes_before_what_comes_now(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    process = Process()
    async with started(server, journal=process.journal, clock=process.clock, webhook=webhook) as bot:
        for text in ("one", "two", "three"):
            await server.say("Ada", "Ada", text)
        first, _ = await bot.next(IncomingMessage)
        await texts(bot, 2)
        await deal_with(bot, process, first.event_id)
    await server.say("Ada", "Ada", "four")
    assert (await info(server))["url"] == webhook.url
    async with started(server, journal=process.journal, webhook=webhook) as bot:
        assert await texts(bot, 3) == ["two", "three", "four"]
        await confirmed(server)
        assert bot.idle


async def test_a_post_that_comes_twice_is_handed_over_once(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """Also where both wait for the journal together."""
    process = Process()
    async with started(server, journal=process.journal, clock=process.clock, webhook=webhook) as bot:
        process.journal.open.clear()
        server.fault("drop_after", route="webhook", times=1)
        await server.say("Ada", "Ada", "hello")
        async with asyncio.timeout(10):
            await process.journal.asked.wait()
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
    async with started(server, journal=process.journal, clock=process.clock, webhook=webhook) as bot:
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
    async with started(server, journal=process.journal, clock=process.clock, webhook=webhook) as bot:
        assert await bot.clock.see_next_sleep() == 60.0
        process.journal.broken = True
        await server.say("Ada", "Ada", "hello")
        for _ in range(5):
            await bot.clock.pass_next_sleep()
        await texts(bot, 1)
        await until(lambda: 503 in statuses(server))
    process.journal.broken = False
    async with started(server, journal=process.journal, webhook=webhook) as bot:
        assert await texts(bot, 1) == ["hello"]
        await confirmed(server)
        assert bot.idle


async def test_a_journal_that_hangs_is_a_journal_that_fails(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    process = Process()
    async with started(server, journal=process.journal, clock=process.clock, webhook=webhook) as bot:
        process.journal.open.clear()
        await server.say("Ada", "Ada", "hello")
        async with asyncio.timeout(10):
            await process.journal.asked.wait()
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
    async with started(server, journal=process.journal, clock=process.clock, webhook=webhook) as bot:
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
    async with started(server, journal=process.journal, clock=process.clock, webhook=webhook) as bot:
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
    async with started(server, journal=process.journal, clock=process.clock, webhook=webhook) as bot:
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
    assert (await info(server))["url"] == webhook.url
    async with started(server, journal=process.journal, webhook=webhook) as bot:
        assert await texts(bot, 1) == ["late"]
        await confirmed(server)
        assert bot.idle


async def test_a_post_that_is_being_kept_is_answered_before_the_socket_closes(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    process = Process()
    async with started(server, journal=process.journal, clock=process.clock, webhook=webhook) as bot:
        process.journal.open.clear()
        await server.say("Ada", "Ada", "hello")
        async with asyncio.timeout(10):
            await process.journal.asked.wait()
        listening = receiver(bot)
        closing = asyncio.create_task(bot.platform.close())
        await until(lambda: listening._runner is None)
        process.journal.open.set()
        await closing
        await confirmed(server)
        assert statuses(server) == [200]
    assert process.left == ["hello"]


async def test_from_polling_to_a_webhook_and_back_nothing_is_lost_or_doubled(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """Also what was kept and not confirmed, and what was said while neither was there."""
    process = Process()
    async with started(server, journal=process.journal, clock=process.clock) as bot:
        await online(server)
        lost = server.fault("drop_before", route="getUpdates", times=10_000)
        await server.say("Ada", "Ada", "one")
        event, _ = await bot.next(IncomingMessage)
        await deal_with(bot, process, event.event_id)
    lost.times = 0
    await server.say("Ada", "Ada", "two")
    async with started(server, journal=process.journal, clock=HeldClock(), webhook=webhook) as bot:
        event, _ = await bot.next(IncomingMessage)
        assert event.text == "two"
        await confirmed(server)
        await deal_with(bot, process, event.event_id)
        assert bot.idle
    await server.say("Ada", "Ada", "three")
    async with started(server, journal=process.journal, clock=HeldClock()) as bot:
        assert await texts(bot, 1) == ["three"]
        assert bot.idle
    assert (await info(server))["url"] == ""
    assert not any("drop_pending_updates" in call for call in calls(server, "deleteWebhook"))


async def test_a_webhook_that_somebody_took_away_is_set_again_with_an_alert(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """Nothing comes in that could say so."""
    alerts = NotedAlerts()
    async with (
        LibraryBot(server.token, base_url=f"{server.url}/bot") as somebody,
        started(server, webhook=webhook, alerts=alerts) as bot,
    ):
        await somebody.delete_webhook()
        await server.say("Ada", "Ada", "hello")
        assert await bot.clock.pass_next_sleep() == 60.0
        assert await texts(bot, 1) == ["hello"]
        assert (Cause.POLLER, "Telegram") in alerts.raised
        assert await bot.clock.pass_next_sleep() == 60.0
        await until(lambda: not alerts.raised)


async def test_a_poller_deletes_a_webhook_that_stays(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """After a minute of 409: until then it may be that of a Sluice that ends."""
    async with (
        LibraryBot(server.token, base_url=f"{server.url}/bot") as somebody,
        started(server) as bot,
    ):
        await online(server)
        await somebody.set_webhook(webhook.url)
        await server.say("Ada", "Ada", "hello")
        assert [await bot.clock.pass_next_sleep() for _ in range(12)] == [5.0] * 12
        assert await texts(bot, 1) == ["hello"]


async def test_a_token_revoked_while_running_ends_the_platform(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    async with started(server, webhook=webhook) as bot:
        server.token = "7000000001:" + "x" * 35
        assert await bot.clock.pass_next_sleep() == 60.0
        with pytest.raises(PlatformError, match="refused the token"):
            await asyncio.wait_for(bot.platform.wait_closed(), 10)


async def test_a_start_right_after_another_one_waits_for_its_turn(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """Telegram takes one setWebhook a second."""
    server.fault("limited", route="setWebhook", times=2, retry_after=1)
    bot = Bot(server, webhook=webhook)
    starting = asyncio.create_task(bot.platform.start(bot.handle))
    assert [await bot.clock.pass_next_sleep() for _ in range(2)] == [1.0, 1.0]
    await starting
    await server.say("Ada", "Ada", "hello")
    assert await texts(bot, 1) == ["hello"]
    await bot.platform.close()


@pytest.mark.parametrize(
    ("status", "description", "words"),
    [
        (400, "Bad Request: bad webhook: failed to resolve host", "TELEGRAM_WEBHOOK_URL: .*resolve host"),
        (502, "Bad Gateway", "cannot be used"),
    ],
)
async def test_a_webhook_that_cannot_be_set_is_one_clear_line(
    server: TelegramServer, webhook: TelegramWebhook, status: int, description: str, words: str
) -> None:
    """And the address is free again."""
    server.fault("status", route="setWebhook", status=status, description=description)
    with pytest.raises(PlatformError, match=words) as caught:
        await Bot(server, webhook=webhook).platform.start(ignore)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)
    async with started(server, webhook=webhook):
        pass


async def test_an_address_in_use_is_one_clear_line(server: TelegramServer, webhook: TelegramWebhook) -> None:
    async with started(server, webhook=webhook):
        with pytest.raises(PlatformError, match=rf"TELEGRAM_WEBHOOK_LISTEN: 127\.0\.0\.1:{webhook.port}"):
            await Bot(server, webhook=webhook).platform.start(ignore)


async def test_a_stop_right_after_the_start_frees_the_address(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """Before anything has begun to take updates in."""
    bot = Bot(server, webhook=webhook)
    await bot.platform.start(bot.handle)
    await bot.platform.close()
    async with started(server, webhook=webhook) as bot:
        await server.say("Ada", "Ada", "hello")
        assert await texts(bot, 1) == ["hello"]


async def ignore(event: Incoming, surface: Surface) -> None:
    """A core that answers nothing."""


async def info(server: TelegramServer) -> dict[str, Any]:
    async with LibraryBot(server.token, base_url=f"{server.url}/bot") as somebody:
        return (await somebody.get_webhook_info()).to_dict()


async def test_the_doctor_says_how_telegram_fares(server: TelegramServer, webhook: TelegramWebhook) -> None:
    """Not set, set by another, well, failing with what waits, and how to mend that."""
    process = Process()
    idle = Bot(server, webhook=webhook).platform
    assert [check.detail for check in await idle.check()][-1] == "not set yet"
    async with LibraryBot(server.token, base_url=f"{server.url}/bot") as somebody:
        await somebody.set_webhook("https://elsewhere.example.org/1234567:their-own-token")
        *_, check = await idle.check()
        assert (check.state, check.detail) == (
            CheckState.NOTE,
            "another one is set, at elsewhere.example.org",
        )
        assert "another program uses this token" in check.remedy
        await somebody.delete_webhook()
    async with started(server, journal=process.journal, clock=process.clock, webhook=webhook) as bot:
        *_, check = await bot.platform.check()
        assert (check.state, check.detail) == (CheckState.GOOD, "set, at 127.0.0.1")
    process.clock.wall_ahead_s = server._hub.unix_time() - process.clock.wall() + 120
    await server.say("Ada", "Ada", "hello")
    await until(lambda: len(server.webhook.posts) >= 2)
    *_, check = await Bot(server, clock=process.clock, webhook=webhook).platform.check()
    assert check.state is CheckState.BAD
    assert check.detail == "set, at 127.0.0.1; Telegram failed 2 min ago: Connection refused; 1 update waits"
    assert "See that the proxy runs" in check.remedy
