"""A real browser in front of the page; one browser and one event loop for this folder."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.sandbox.page.harness import Sandbox, served

CHROMIUM_ARGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    """Debian's chromium, one for all tests of this file."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium here: `make test` installs it where it may")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS.split())
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="package")
async def sandbox(browser: Browser) -> AsyncIterator[Sandbox]:
    """The page in the browser; nothing in it may fail, or break its own Content Security Policy."""
    async with served() as (local_discord, local_telegram, page):
        view = await browser.new_page()
        errors: list[str] = []
        view.on("pageerror", lambda error: errors.append(str(error)))
        view.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        await view.goto(page.url)
        await expect(view.get_by_label("Message in Discord", exact=True)).to_be_visible()
        await expect(view.locator(".chat-row")).not_to_have_count(0)
        yield Sandbox(local_discord, local_telegram, page, view)
        await view.close()
        assert errors == []
