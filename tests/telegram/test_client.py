"""The adapter as a whole on a local Telegram: start, polling, order, failures, secrets, the end."""

from __future__ import annotations

import asyncio
import itertools
import logging

import pytest
from telegram import Bot as LibraryBot
from telegram import BotCommandScopeAllGroupChats
from telegram.error import Conflict

from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.client import TelegramPlatform
from bots.telegram.connection import LONGEST_PAUSE_S
from core.adapters.memory_journal import MemoryJournal
from core.catalogue import say
from core.messages import ButtonPress, Incoming, IncomingMessage
from core.ports.platform import CheckState, PlatformError
from core.ports.surface import Surface
from core.streaming.operations import Button, Delivered
from tests.fakes.web_answer import answering
from tests.telegram.harness import HeldClock, calls, content, next_request, online, started

WRONG = "7000000001:" + "x" * 35


def platform(
    server: TelegramServer, token: str | None = None, base_url: str | None = None
) -> TelegramPlatform:
    return _platform(token or server.token, base_url or server.url)


def _platform(token: str, base_url: str) -> TelegramPlatform:
    clock = HeldClock()
    return TelegramPlatform(
        token,
        clock=clock,
        journal=MemoryJournal(clock=clock),
        base_url=base_url,
    )


async def ignore(event: Incoming, surface: Surface) -> None:
    """A core that answers nothing."""


async def test_start_publishes_the_menu_only_when_it_changed(
    server: TelegramServer,
) -> None:
    """The second start finds it as it should be. A webhook that somebody left is removed each time."""
    async with started(server) as bot:
        assert bot.ready_line.startswith("@sluice_bot, privacy mode on")
    async with started(server):
        pass
    menus = calls(server, "setMyCommands")
    languages = {None, "pt", "es", "de", "fr", "ru"}
    scopes = {"all_private_chats", "all_group_chats", "all_chat_administrators"}
    written = [(menu["scope"]["type"], menu.get("language_code")) for menu in menus]
    assert sorted(written, key=str) == sorted(itertools.product(scopes, languages), key=str)
    for menu in menus:
        named = [command["command"] for command in menu["commands"]]
        assert named == sorted(named)
        assert {"ask", "help", "privacy"} <= set(named)
        assert ("settings" in named) is (menu["scope"]["type"] != "all_group_chats")
        assert menu["commands"][0]["description"] == say("command.ask", menu.get("language_code"))
    assert len(calls(server, "deleteWebhook")) == 2
    async with started(server) as bot:
        await server.say("Ada", "Ada", "hello")
        assert (await bot.next(IncomingMessage))[0].text == "hello"


async def test_only_the_menu_of_the_language_that_differs_is_written(server: TelegramServer) -> None:
    """Each language has its own menu at Telegram, and somebody may have changed one of them."""
    async with started(server):
        pass
    async with LibraryBot(server.token, base_url=f"{server.url}/bot") as somebody:
        groups = BotCommandScopeAllGroupChats()
        await somebody.set_my_commands([("ask", "Frag")], groups, "de")
        written = len(calls(server, "setMyCommands"))
        async with started(server):
            pass
        assert [menu["language_code"] for menu in calls(server, "setMyCommands")[written:]] == ["de"]
        (ask, *_) = await somebody.get_my_commands(groups, "de")
    assert ask.description == say("command.ask", "de")


async def test_a_menu_that_cannot_be_published_stops_nobody(server: TelegramServer) -> None:
    """Commands work without it."""
    server.fault("limited", route="setMyCommands")
    async with started(server) as bot:
        await server.say("Ada", "Ada", "hello")
        assert (await bot.next(IncomingMessage))[0].text == "hello"


async def test_a_proxy_of_the_environment_is_not_asked_for_the_loopback(
    server: TelegramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox works also behind a company's proxy."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with started(server) as bot:
        assert bot.ready_line


@pytest.mark.parametrize("token", [WRONG, "nonsense", "1:2/../x", ""])
async def test_a_wrong_token_is_one_clear_line(server: TelegramServer, token: str) -> None:
    """It says what to do and shows no token."""
    with pytest.raises(PlatformError, match="TELEGRAM_TOKEN") as caught:
        await _platform(token, server.url).start(ignore)
    assert "\n" not in str(caught.value)
    assert not token or token not in str(caught.value)


async def test_an_unreachable_server_is_one_clear_line() -> None:
    """The address stands in it, the token does not."""
    bot = _platform(WRONG, "http://127.0.0.1:1")
    with pytest.raises(PlatformError, match=r"127\.0\.0\.1:1.*TELEGRAM_API_BASE_URL") as caught:
        await bot.start(ignore)
    assert str(caught.value).startswith("Telegram at 127.0.0.1:1 cannot be reached (ConnectError). Check")
    assert WRONG not in str(caught.value)
    await bot.close()


async def test_a_conflict_is_waited_out_with_one_line(
    server: TelegramServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Another program takes the updates for a while; afterwards nothing is missing."""
    async with LibraryBot(server.token, base_url=f"{server.url}/bot") as other, started(server) as bot:
        await online(server)
        with caplog.at_level(logging.INFO):
            polled = next_request(server, "getUpdates")
            intruder = asyncio.create_task(other.get_updates(timeout=50))
            assert (await polled)["status"] == 409
            assert await bot.clock.pass_next_sleep() == 5.0
            with pytest.raises(Conflict):
                await intruder
        await server.say("Ada", "Ada", "hello")
        assert (await bot.next(IncomingMessage))[0].text == "hello"
        lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(lines) == 2, "when it begins, and when it is over"
        assert lines[0] == say("alert.poller", about="Telegram", why="")


async def test_network_errors_back_off_and_polling_goes_on(server: TelegramServer) -> None:
    """1, 2, 4 s; the first success starts over."""
    async with started(server) as bot:
        server.fault("drop_before", route="getUpdates", times=2)
        server.fault("status", route="getUpdates", status=502)
        await server.say("Ada", "Ada", "first")
        assert [await bot.clock.pass_next_sleep() for _ in range(3)] == [1.0, 2.0, 4.0]
        assert (await bot.next(IncomingMessage))[0].text == "first"
        await server.say("Ada", "Ada", "second")
        assert (await bot.next(IncomingMessage))[0].text == "second"


@pytest.mark.parametrize(
    ("told", "pause_s"), [(7, 7.0), ("tomorrow", 1.0), (99_999_999_999_999, LONGEST_PAUSE_S)]
)
async def test_polling_goes_on_after_a_rate_limit_whatever_it_says(
    server: TelegramServer, told: object, pause_s: float
) -> None:
    async with started(server) as bot:
        server.fault("status", route="getUpdates", status=429, parameters={"retry_after": told})
        await server.say("Ada", "Ada", "hello")
        assert await bot.clock.pass_next_sleep() == pause_s
        assert (await bot.next(IncomingMessage))[0].text == "hello"


async def test_a_token_revoked_while_running_ends_the_platform(server: TelegramServer) -> None:
    """`wait_closed` raises, so that somebody hears of it."""
    async with started(server) as bot:
        server.token = WRONG
        await server.say("Ada", "Ada", "wake the poll")
        with pytest.raises(PlatformError, match="refused the token"):
            await asyncio.wait_for(bot.platform.wait_closed(), 10)


@pytest.mark.parametrize(
    ("status", "text"), [(404, "<html>not here</html>"), (404, '{"detail": "Not Found"}'), (401, "")]
)
async def test_an_address_that_is_no_bot_api_is_not_blamed_on_the_token(status: int, text: str) -> None:
    async with answering(status, text) as url:
        elsewhere = _platform(WRONG, url)
        with pytest.raises(PlatformError, match="does not answer like a Bot API server") as caught:
            await elsewhere.start(ignore)
        assert "TELEGRAM_API_BASE_URL" in str(caught.value)
        (check,) = await elsewhere.check()
        assert "does not answer like a Bot API server" in f"{check.detail} {check.remedy}"


@pytest.mark.parametrize("text", ["[]", "null", '{"ok": false, "parameters": "none"}'])
async def test_an_error_of_another_shape_is_one_clear_line(text: str) -> None:
    async with answering(502, text) as url:
        with pytest.raises(PlatformError, match="TELEGRAM_API_BASE_URL"):
            await _platform(WRONG, url).start(ignore)


async def test_the_token_is_in_no_log_line_at_debug(
    server: TelegramServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Start, sends, a server that dies under a send, a conflict-free end: nothing of it tells."""
    with caplog.at_level(logging.DEBUG):
        async with started(server) as bot:
            await server.say("Ada", "Ada", "a text that is nobody's business")
            _, surface = await bot.next(IncomingMessage)
            await surface.send(content("an answer"), None)
            server.fault("status", route="sendMessage", status=502)
            await surface.send(content("another"), None)
            server.fault("drop_before")
            await surface.typing()
        with pytest.raises(PlatformError):
            await platform(server, WRONG).start(ignore)
    for record in caplog.records:
        line = logging.Formatter().format(record)
        assert server.token.split(":")[1] not in line
        assert WRONG not in line
        assert "nobody's business" not in line or record.name.startswith("aiohttp")


async def test_a_slow_chat_keeps_its_order_and_holds_up_nobody(server: TelegramServer) -> None:
    """Ada's second message waits for her first; Ben's does not."""
    seen: asyncio.Queue[str] = asyncio.Queue()
    release = asyncio.Event()

    async def handle(event: Incoming, surface: Surface) -> None:
        assert isinstance(event, IncomingMessage)
        seen.put_nowait(event.text)
        if event.text == "a1":
            await release.wait()

    bot = platform(server)
    await bot.start(handle)
    try:
        await server.say("Ada", "Ada", "a1")
        await server.say("Ada", "Ada", "a2")
        await server.say("Ben", "Ben", "b1")
        async with asyncio.timeout(10):
            assert [await seen.get(), await seen.get()] == ["a1", "b1"]
            assert seen.empty()
            release.set()
            assert await seen.get() == "a2"
    finally:
        await bot.close()


async def test_a_failing_core_and_an_unreadable_update_are_logged_and_survived(
    server: TelegramServer, caplog: pytest.LogCaptureFixture
) -> None:
    """With ids, without text; the chat's next message is handled."""
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def handle(event: Incoming, surface: Surface) -> None:
        assert isinstance(event, IncomingMessage)
        seen.put_nowait(event.text)
        if event.text == "one":
            raise RuntimeError("broken core")

    bot = platform(server)
    await bot.start(handle)
    try:
        server._hub.updates.add("message", {"from": "a later Bot API"})
        for text in ("one", "two"):
            await server.say("Ada", "Ada", text)
            assert await asyncio.wait_for(seen.get(), 10) == text
    finally:
        await bot.close()
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(lines) == 2
    assert "cannot be read" in lines[0]
    assert "in telegram:" in lines[1]


async def test_after_stop_listening_buttons_work_and_questions_wait_for_the_next_start(
    server: TelegramServer,
) -> None:
    """The first unwanted question stays with Telegram."""
    async with started(server) as bot:
        await server.say("Ada", "Ada", "hello")
        event, surface = await bot.next(IncomingMessage)
        outcome = await surface.send(content("answer", Button("stop", "Stop")), event.ref)
        assert isinstance(outcome, Delivered)
        await bot.platform.stop_listening()
        await server.press("Ada", "Ada", outcome.message_id, "stop")
        await bot.next(ButtonPress)
        polled = next_request(server, "getUpdates")
        await server.say("Ada", "Ada", "too late")
        assert (await polled)["status"] == 200
        await bot.platform.close()
        assert bot.idle
    async with started(server) as bot:
        assert (await bot.next(IncomingMessage))[0].text == "too late"
        assert bot.idle


async def test_close_is_idempotent_and_ends_the_waiting(server: TelegramServer) -> None:
    """Also before a start."""
    bot = platform(server)
    await bot.close()
    await bot.wait_closed()
    async with started(server) as running:
        waiting = asyncio.create_task(running.platform.wait_closed())
        await running.platform.close()
        await running.platform.close()
        await asyncio.wait_for(waiting, 10)


async def test_check_of_a_good_and_of_two_broken_configurations(server: TelegramServer) -> None:
    """One line each, with what to do."""
    token, groups, webhook = await platform(server).check()
    assert (token.state, token.detail.split()[0]) == (CheckState.GOOD, "@sluice_bot")
    assert (groups.state, webhook.state) == (CheckState.NOTE, CheckState.GOOD)
    assert "/setprivacy" in groups.remedy
    for broken in (platform(server, WRONG), platform(server, base_url="http://127.0.0.1:1")):
        (finding,) = await broken.check()
        assert finding.state is CheckState.BAD
        assert "TELEGRAM_" in finding.remedy
        assert WRONG not in str(finding)


async def test_a_server_that_is_no_bot_api_is_one_clear_line() -> None:
    """Whatever it answers."""
    answers = [b"<html>hello</html>", b"[]", b'{"ok": true}', b'{"ok": true, "result": 5}']

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = answers[0]
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        while answers:
            bot = _platform(WRONG, f"http://127.0.0.1:{port}")
            with pytest.raises(PlatformError, match="TELEGRAM_API_BASE_URL"):
                await bot.start(ignore)
            answers.pop(0)
