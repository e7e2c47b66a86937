"""`/usage` in a browser, on both platforms side by side: words and a chart, for the asker alone.

With `SLUICE_USAGE_SCREENSHOT=docs/images/usage.png` it also takes the picture for the documentation.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

from playwright.async_api import Browser, Page, expect

from bots.discord.client import DiscordPlatform
from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.limits import load_profile
from bots.sandbox.page import SandboxPage
from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.client import TelegramPlatform
from core.adapters.clock import SystemClock
from core.adapters.memory_journal import MemoryJournal
from core.catalogue import say
from core.configuration import Configuration, ModelEntry, Price
from core.policy.budgets import EVERYBODY, Span, span_name
from core.ports.completions import Answering
from core.ports.ledger import Amount, Line
from core.ports.store import Used
from tests.commands.support import Service
from tests.discord.support import library_restored

MINI = ModelEntry(
    "openai/gpt-5-mini", "openai", "gpt-5-mini", "GPT-5 mini", price=Price(Decimal("0.25"), Decimal(2))
)
LARGE = ModelEntry("openai/gpt-5", "openai", "gpt-5", "GPT-5", price=Price(Decimal("1.25"), Decimal(10)))
HOME = ModelEntry("home/llama3.2", "home", "llama3.2", "Llama at home")
CONFIGURATION = Configuration(None, {}, {model.id: model for model in (MINI, LARGE, HOME)}, MINI.id)
QUESTION = "Why do locks on canals have two gates?"
ANSWER = (
    "So that a boat can change levels **without a waterfall**: one gate always holds the water back while "
    "the chamber between them fills or empties."
)


async def use(service: Service, person: str, *, seed: int) -> None:
    """A month of somebody's, as people use a bot: little at weekends, some days not at all."""
    chance = random.Random(seed)
    today = int(service.clock.wall() // 86_400)
    for ago in range(30):
        if chance.random() < 0.1 and ago:
            continue
        busy = chance.uniform(0.4, 1.0) * (
            0.35 if (today - ago) % 7 in {2, 3} else 1.0
        )  # the epoch: a Thursday
        for model, share in ((MINI, 0.6), (LARGE, 0.3), (HOME, 0.15)):
            requests = max(1, round(24 * busy * share))
            prompt, completion = requests * chance.randint(500, 900), requests * chance.randint(150, 450)
            cost = model.price.cost(prompt, completion) if model.price else Decimal(0)
            used = Used(
                today - ago, person, "place", model.id, requests, prompt, completion, round(cost * 1_000_000)
            )
            await service.parts.store.use(used)


@asynccontextmanager
async def sandbox() -> AsyncIterator[tuple[SandboxPage, Service]]:
    """Both platforms, Sluice on them, and the page."""
    profile, clock = load_profile(scale=0.05), SystemClock()
    discord, telegram = DiscordServer(profile=profile), TelegramServer(profile=profile)
    page = SandboxPage(discord, telegram, note="GPT-5 mini", port=0)
    service = Service(clock, daily_tokens=250_000)
    budgets = service.parts.configuration.current.budgets
    service.parts.configuration.swap(replace(CONFIGURATION, budgets=budgets))
    for part in (discord, telegram, page):
        await part.start()
    with library_restored():
        platforms = (
            DiscordPlatform(discord.token, clock=clock, api_base_url=discord.url),
            TelegramPlatform(
                telegram.token, clock=clock, journal=MemoryJournal(clock=clock), base_url=telegram.url
            ),
        )
        await asyncio.gather(
            *(one.start(service.dispatcher.handle, service.dispatcher.suggest) for one in platforms)
        )
        try:
            for server, seed in ((discord, 3), (telegram, 8)):
                [ada] = [str(one["id"]) for one in server.snapshot()["people"] if one["name"] == "Ada"]
                await use(service, f"{server.snapshot()['platform']}:{ada}", seed=seed)
            today = await service.parts.store.used(since_day=int(clock.wall() // 86_400))
            spent = sum(row.prompt_tokens + row.completion_tokens for row in today)
            line = Line(EVERYBODY, span_name(Span.DAY, clock.wall()))
            await service.parts.ledger.settle([line], Amount(spent))
            yield page, service
        finally:
            await service.close()
            await asyncio.gather(*(one.close() for one in platforms))
    for part in (page, telegram, discord):
        await part.stop()


async def answered(service: Service) -> None:
    stream = await service.model.opened()
    stream.emit(Answering(MINI.id))
    stream.finish(ANSWER)


async def test_usage_is_words_and_a_chart_on_both_platforms(chromium: Browser) -> None:
    async with sandbox() as (page, service):
        view = await chromium.new_page(viewport={"width": 1640, "height": 1180})
        await view.goto(page.url)
        await write(view, "Discord", f"@Sluice {QUESTION}")
        await answered(service)
        await write(view, "Telegram", QUESTION)
        await answered(service)
        for platform in ("discord", "telegram"):
            await expect(view.locator(f".{platform}")).to_contain_text("fills or empties.")
        await view.get_by_label("Message in Discord", exact=True).fill("/")
        await view.get_by_role("option", name="/more usage").click()
        await view.get_by_role("option", name=say("command.usage.of.me")).click()
        await view.get_by_label("of", exact=True).press("Enter")
        await write(view, "Telegram", "/usage")
        for platform in ("discord", "telegram"):
            told = view.locator(f".{platform} .message", has_text=say("usage.of.me"))
            await expect(told).to_contain_text("GPT-5 mini")
            await expect(told).to_contain_text("$")
            picture = told.locator(".picture img")
            await expect(picture).to_be_visible()
            assert await picture.evaluate("image => image.naturalWidth") == 800
        if path := os.environ.get("SLUICE_USAGE_SCREENSHOT"):
            await view.mouse.move(0, 0)
            # A picture that has loaded is taller than its place was.
            for platform in ("discord", "telegram"):
                newest = view.locator(f".{platform} .message").last
                await newest.evaluate("message => message.scrollIntoView({ block: 'nearest' })")
            await view.screenshot(path=path)
        await view.close()


async def write(view: Page, platform: str, text: str) -> None:
    box = view.get_by_label(f"Message in {platform}", exact=True)
    await box.fill(text)
    await box.press("Enter")
