"""Figures, refusals, coming back, and staying at the newest message."""

from __future__ import annotations

import re

import aiohttp
import pytest
import telegram as ptb
from playwright.async_api import Browser, expect

from tests.sandbox.page.harness import Sandbox, served
from tests.sandbox.telegram_harness import chat_id, connected_bot

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_before_a_first_text_its_figures_are_announced(sandbox: Sandbox) -> None:
    """Also while somebody waits for it: nobody who has asked is told to ask."""
    await sandbox.discord.say("Ada", "#general", "why?")
    await expect(sandbox.messages("discord")).to_have_count(1)
    strip = sandbox.view.get_by_label("Figures of the answers in Discord")
    await expect(strip.locator("tbody")).to_have_text(
        "The figures of an answer appear here with its first text."
    )


async def test_figures_and_429s(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    message = await sandbox.discord.say("Ada", "#general", "seen")
    figures = {
        "platform": "discord",
        "chat": sandbox.general,
        "message": message,
        "edits": 7,
        "age_s": 0.42,
        "mean_age_s": 0.66,
        "first_text_s": 1.04,
        "final_lag_s": None,
        "limited": 2,
        "done": False,
    }
    strip = sandbox.view.get_by_label("Figures of the answers in Discord")
    sandbox.page.figures(figures)
    await expect(strip.locator("tbody tr.streaming td")).to_have_text(
        ["7", "0.4 s", "0.7 s", "1.0 s", "–", "2"]
    )
    await expect(strip.locator("tbody th")).to_contain_text("#general")
    sandbox.page.figures(figures | {"edits": 8, "final_lag_s": 0.31, "done": True})
    await expect(strip.locator("tbody tr.done td")).to_have_text(["8", "–", "0.7 s", "1.0 s", "0.3 s", "2"])

    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    sandbox.telegram.fault("limited", route="sendMessage", retry_after=3)
    async with connected_bot(sandbox.telegram) as bot:
        with pytest.raises(ptb.error.RetryAfter):
            await bot.send_message(chat_id(sandbox.telegram, "Ada"), "hello")
    tick = sandbox.view.get_by_label("Figures of the answers in Telegram").get_by_role("status")
    await expect(tick).to_have_text(re.compile("429 sendMessage, retry after 3.0 s", re.IGNORECASE))


async def test_requests_are_counted_from_the_servers_start(sandbox: Sandbox) -> None:
    """Also by a browser that comes later."""
    async with connected_bot(sandbox.telegram) as bot:
        await bot.send_message(chat_id(sandbox.telegram, "Ada"), "hello")
    counts = sandbox.view.get_by_label("Figures of the answers in Telegram").locator(".counts")
    await expect(counts).not_to_contain_text(re.compile("^0 requests"))
    before = await counts.inner_text()
    await sandbox.view.reload()
    await expect(counts).to_have_text(before, use_inner_text=True)


async def test_both_bots_are_away_when_the_server_is(browser: Browser) -> None:
    async with served() as (_, local_telegram, page), connected_bot(local_telegram) as bot:
        view = await browser.new_page()
        await view.goto(page.url)
        await bot.get_updates()  # it counts as there for some seconds, and a page may take as long to open
        await expect(view.locator(".telegram .bot-state")).to_have_class(re.compile(r"\bon\b"))
    await expect(view.get_by_text("Connecting…")).to_be_visible()
    for platform in ("discord", "telegram"):
        await expect(view.locator(f".{platform} .bot-state")).to_have_class(re.compile(r"\boff\b"))
    await view.close()


async def test_the_page_comes_back_with_the_server(browser: Browser) -> None:
    async with served() as (local_discord, _, page):
        await local_discord.say("Ada", "#general", "before")
        view = await browser.new_page()
        await view.goto(page.url)
        await expect(view.get_by_text("before")).to_be_visible()
        port = int(page.url.rstrip("/").rsplit(":", 1)[1])
    await expect(view.get_by_text("Connecting…")).to_be_visible()
    async with served(port) as (local_discord, _, _):
        await local_discord.say("Ada", "#general", "after")
        await expect(view.get_by_text("after")).to_be_visible()
        await expect(view.get_by_text("before")).to_have_count(0)
        await expect(view.get_by_text("Connecting…")).to_be_hidden()
        await view.close()


async def test_it_stays_at_the_newest_unless_the_reader_scrolled_up(sandbox: Sandbox) -> None:
    for number in range(40):
        await sandbox.discord.say("Ben", "#general", f"line {number}")
    last = sandbox.messages("discord").last
    await expect(last).to_have_text(re.compile("line 39"))
    await expect(last).to_be_in_viewport()
    await sandbox.view.locator(".discord .scroller").evaluate("node => { node.scrollTop = 0; }")
    present = sandbox.view.locator(".discord .present")
    await expect(present).to_be_visible()
    await sandbox.discord.say("Ben", "#general", "line 40")
    await expect(sandbox.messages("discord")).to_have_count(41)
    await expect(last).not_to_be_in_viewport()
    await present.click()
    await expect(last).to_be_in_viewport()


async def test_a_browser_that_lags_starts_again() -> None:
    """One that does not read is let go, and nothing is kept for it without end."""
    async with served() as (local_discord, _, page), aiohttp.ClientSession() as session:
        headers = {"Origin": page.url.rstrip("/")}
        async with session.ws_connect(page.url + "socket", headers=headers) as socket:
            assert "hello" in await socket.receive_json()
            for _ in range(3000):  # never yields, so nothing can be sent meanwhile
                page.figures({"platform": "discord", "chat": "1", "message": "1"})
            kinds = [message.type async for message in socket]
            assert len(kinds) <= 2001
            assert socket.close_code == aiohttp.WSCloseCode.TRY_AGAIN_LATER
        assert local_discord.snapshot()["messages"] == []
