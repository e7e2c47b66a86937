"""The panel of `/settings` in a browser, on both platforms side by side, as those see it who may change it.

With `SLUICE_SETTINGS_SCREENSHOT=docs/images/settings.png` it also takes the picture for the documentation.
"""

from __future__ import annotations

import os

from playwright.async_api import Browser, Locator, Page, expect

from core.catalogue import say
from tests.end_to_end.test_usage_picture import sandbox, write


async def test_settings_is_a_panel_on_both_platforms(chromium: Browser) -> None:
    async with sandbox() as (page, _):
        view = await chromium.new_page(viewport={"width": 1640, "height": 960})
        await view.goto(page.url)
        await view.locator(".telegram .chat-row", has_text="Riverside").click()
        await view.get_by_label("Message in Discord", exact=True).fill("/settings")
        await view.get_by_role("option", name="/settings").click()
        await view.keyboard.press("Enter")
        await write(view, "Telegram", "/settings")  # the menu takes the first Enter
        await view.keyboard.press("Enter")
        for platform, scope in (("discord", "channel"), ("telegram", "group")):
            told = _panel(view, platform)
            await expect(told).to_contain_text(say("settings.title", scope=say(f"scope.{scope}")))
            await expect(told).to_contain_text(say("setting.when"))
        presses = (
            ("discord", ("setting.auto_thread",), "on"),
            ("telegram", ("setting.when", "option.when.keywords"), "keywords"),
        )
        for platform, buttons, now in presses:
            told = _panel(view, platform)
            for button in buttons:
                await told.get_by_role("button", name=say(button)).click()
            await expect(told).to_contain_text(f"{now} · {say('settings.from.here')}")
            await expect(told).to_contain_text(say("setting.language"))
        if path := os.environ.get("SLUICE_SETTINGS_SCREENSHOT"):
            await view.mouse.move(0, 0)
            await view.screenshot(path=path)
        await view.close()


def _panel(view: Page, platform: str) -> Locator:
    return view.locator(f".{platform} .message", has_text=say("setting.when")).last
