"""Fixtures of the end-to-end tests: a world with the documented limits in real time, and a browser."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from bots.sandbox.limits import load_profile
from tests.end_to_end.world import World, opened
from tests.sandbox.page.conftest import CHROMIUM_ARGS


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with opened(load_profile()) as world:
        yield world


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no chromium here: `make test` installs it where it may")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGS.split())
        yield browser
        await browser.close()
