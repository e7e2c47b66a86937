"""The panel of `/settings` in a browser, on both platforms side by side, as those see it who may change it.

With `SLUICE_SETTINGS_SCREENSHOT=docs/images/settings.png` it also takes the picture for the documentation.
"""

from __future__ import annotations

import os

from playwright.async_api import Browser, Page, expect

from core.catalogue import say
from tests.end_to_end.test_usage_picture import sandbox, write


async def test_settings_is_a_panel_on_both_platforms(chromium: Browser) -> None:
    async with sandbox() as (page, _):
        view = await chromium.new_page(viewport={"width": 1640, "height": 900})
        await view.goto(page.url)
        await view.locator(".telegram .chat-row", has_text="Riverside").click()
        await view.get_by_label("Message in Discord", exact=True).fill("/settings")
        await view.get_by_role("option", name="/settings").click()
        await view.get_by_label("Message in Discord", exact=True).press("Enter")
        await write(view, "Telegram", "/settings")
        for platform, scope in (("discord", "channel"), ("telegram", "group")):
            told = _panel(view, platform)
            await expect(told).to_contain_text(say("settings.title", scope=say(f"scope.{scope}")))
            await expect(told).to_contain_text(say("setting.when"))
        if path := os.environ.get("SLUICE_SETTINGS_SCREENSHOT"):
            await view.mouse.move(0, 0)
            await view.screenshot(path=path)
        await view.close()


def _panel(view: Page, platform: str):  # type: ignore[no-untyped-def]
    return view.locator(f".{platform} .message", has_text=say("setting.when")).last
