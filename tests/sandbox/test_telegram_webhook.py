"""Webhooks as the real python-telegram-bot sets them: what is brought, when again, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from telegram import Bot, Update
from telegram.error import BadRequest, Conflict, RetryAfter

from bots.sandbox.telegram.server import TelegramServer
from tests.sandbox.telegram_harness import ManualClock, connected_bot, local_telegram

SECRET = "0123456789abcdef"


class Receiver:
    """What somebody's web server gets; `answers` are given first, and then 200."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[web.Response] = []
        self.seen: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.refused: Callable[[dict[str, Any]], bool] = lambda _: False

    async def serve(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.seen.append((dict(request.headers), body))
        if self.refused(body):
            return web.Response(status=500)
        return self.answers.pop(0) if self.answers else web.Response()

    def texts(self) -> list[str]:
        return [body["message"]["text"] for _, body in self.seen]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/hook", receiver.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/hook"
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def quick(telegram_clock: ManualClock) -> AsyncIterator[tuple[TelegramServer, Bot]]:
    """A Telegram whose pauses are a millionth."""
    async with local_telegram(telegram_clock, scale=1e-6) as server, connected_bot(server) as bot:
        yield server, bot


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0)


async def test_updates_are_brought_with_the_secret_in_their_header(
    quick: tuple[TelegramServer, Bot], receiver: Receiver
) -> None:
    """Those that wait already, too; and the library reads them."""
    server, bot = quick
    await server.say("Ada", "Ada", "before")
    await bot.set_webhook(receiver.url, secret_token=SECRET, max_connections=5)
    await server.say("Ada", "Ada", "after")
    await until(lambda: not len(server._hub.updates))
    assert receiver.texts() == ["before", "after"]
    headers, body = receiver.seen[0]
    assert headers["X-Telegram-Bot-Api-Secret-Token"] == SECRET
    assert headers["Content-Type"] == "application/json"
    update = Update.de_json(body, bot)
    assert update.message is not None
    assert update.message.text == "before"
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count, info.max_connections) == (receiver.url, 0, 5)
    assert info.last_error_date is None


async def test_what_is_not_taken_comes_again_at_once_then_less_and_less_often(
    quick: tuple[TelegramServer, Bot], receiver: Receiver
) -> None:
    server, bot = quick
    receiver.answers = [web.Response(status=500) for _ in range(9)]
    await bot.set_webhook(receiver.url)
    await server.say("Ada", "Ada", "hello")
    await until(lambda: not len(server._hub.updates))
    assert [post.pause_s for post in server.webhook.posts] == [0, 2, 4, 8, 16, 32, 60, 60, 60, 0]
    info = await bot.get_webhook_info()
    assert info.last_error_message == "Wrong response from the webhook: 500 Internal Server Error"


async def test_retry_after_is_heeded(quick: tuple[TelegramServer, Bot], receiver: Receiver) -> None:
    server, bot = quick
    receiver.answers = [web.Response(status=503, headers={"Retry-After": "7"}) for _ in range(2)]
    await bot.set_webhook(receiver.url)
    await server.say("Ada", "Ada", "hello")
    await until(lambda: not len(server._hub.updates))
    assert [post.pause_s for post in server.webhook.posts] == [7, 7, 0]


async def test_a_chat_waits_for_its_own_and_for_no_other(
    quick: tuple[TelegramServer, Bot], receiver: Receiver
) -> None:
    server, bot = quick
    receiver.refused = lambda body: body["message"]["text"] == "refused"
    await bot.set_webhook(receiver.url)
    await server.say("Ada", "Ada", "refused")
    await server.say("Ada", "Ada", "behind it")
    await server.say("Ben", "Ben", "beside it")
    await until(lambda: "beside it" in receiver.texts() and receiver.texts().count("refused") > 3)
    assert "behind it" not in receiver.texts()
    receiver.refused = lambda _: False
    await until(lambda: not len(server._hub.updates))
    assert receiver.texts()[-1] == "behind it"


async def test_nobody_polls_while_a_webhook_is_set(
    telegram: TelegramServer, bot: Bot, receiver: Receiver
) -> None:
    """Who does already is sent away; deleted, it leaves what waits, unless that is to be dropped."""
    online = asyncio.Event()
    telegram.subscribe(lambda event: online.set() if event["type"] == "online" else None)
    polling = asyncio.create_task(bot.get_updates(timeout=30))
    await asyncio.wait_for(online.wait(), 10)
    await bot.set_webhook(receiver.url)
    with pytest.raises(Conflict, match="terminated by setWebhook"):
        await asyncio.wait_for(polling, 10)
    with pytest.raises(Conflict, match="while webhook is active"):
        await bot.get_updates()
    receiver.refused = lambda _: True
    await telegram.say("Ada", "Ada", "hello")
    await until(lambda: len(receiver.seen) > 0)
    await bot.delete_webhook()
    (update,) = await bot.get_updates()
    assert update.message is not None
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()


@pytest.mark.parametrize(
    ("url", "secret", "words"),
    [
        ("http://bot.example.org/", SECRET, "(?i)an https url must be provided"),
        ("ftp://bot.example.org/", SECRET, "(?i)invalid webhook url"),
        ("https://bot.example.org/", "no spaces", "unallowed characters"),
        ("https://bot.example.org/", "x" * 257, "too long"),
    ],
)
async def test_what_telegram_does_not_take(
    telegram: TelegramServer, bot: Bot, url: str, secret: str, words: str
) -> None:
    with pytest.raises(BadRequest, match=words):
        await bot.set_webhook(url, secret_token=secret)
    assert (await bot.get_webhook_info()).url == ""


async def test_one_webhook_a_second(
    telegram: TelegramServer,
    bot: Bot,
    receiver: Receiver,
    telegram_clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    await bot.set_webhook(receiver.url, secret_token=SECRET)
    with pytest.raises(RetryAfter):
        await bot.set_webhook(receiver.url)
    telegram_clock.now += 1.0
    await bot.set_webhook(receiver.url)
    logged = [request.body for request in telegram.requests if request.route == "setWebhook"]
    assert SECRET not in str(logged)
