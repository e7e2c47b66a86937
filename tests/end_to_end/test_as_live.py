"""The sandbox that serves as live does: claimed, asked, approved and listed in the browser."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, expect

from bots.sandbox.model_server import ModelServer
from core.catalogue import say
from tests.end_to_end.world import ENDS_WITHIN_S
from tests.project.program import running


async def test_a_server_is_let_in_by_whoever_claimed_the_bot(chromium: Browser, tmp_path: Path) -> None:
    async with ModelServer() as model:
        settings = {
            "OPENAI_BASE_URL": model.base_url,
            "OPENAI_MODEL": "scripted",
            "SLUICE_HTTP": "127.0.0.1:0",
        }
        async with running(tmp_path, "--as-live", settings=settings) as program:
            assert (await program.says("Served: ")).startswith("Served: admins only; a new server or group")
            url = (await program.says("→ Open http://")).split()[2]
            found = re.search(r"/claim \w+", await program.says("Nobody is an admin yet."))
            assert found is not None
            ada, ben = await _page_of("Ada", chromium, url), await _page_of("Ben", chromium, url)
            await _write(ada, "Discord", "@Sluice before anybody owns it")
            await expect(_newest(ben, "discord")).to_contain_text("This bot has no admin yet")

            await _write(ada, "Telegram", found[0])
            await expect(_newest(ada, "telegram")).to_contain_text("You are now the admin")
            await _write(ben, "Discord", "@Sluice may we?")
            await expect(_newest(ben, "discord")).to_contain_text(say("refused.asked"))
            request = _newest(ada, "telegram")
            await expect(request).to_contain_text("on the server Riverside")
            who = await ben.locator(".user-panel [title]", has_text="Ben").get_attribute("title")
            assert who is not None
            await expect(request).to_contain_text(who)
            await expect(ada.locator("#people label", has_text="Ben")).to_have_attribute(
                "title", re.compile(rf"^{who}\ntelegram:\d+$")
            )
            await request.get_by_role("button", name=say("button.approve")).click()
            await expect(_newest(ben, "discord")).to_contain_text(say("access.open"))

            await _write(ben, "Discord", "@Sluice and now?")
            await expect(_newest(ben, "discord")).to_contain_text("and now?")
            await _write(ada, "Telegram", "/access")
            await expect(_newest(ada, "telegram")).to_contain_text("discord:server:")
            program.process.terminate()
            assert await program.ends(ENDS_WITHIN_S) == 0
        assert list((tmp_path / "data").iterdir()) == []


def _newest(page: Page, platform: str) -> Locator:
    return page.locator(f'.message[data-platform="{platform}"][data-author-bot="true"]').last


async def _page_of(name: str, chromium: Browser, url: str) -> Page:
    page = await chromium.new_page(viewport={"width": 1600, "height": 1000})
    await page.goto(url)
    await page.get_by_role("radio", name=name).check(force=True)
    await expect(page.locator(".user-panel")).to_contain_text(name)
    return page


async def _write(page: Page, platform: str, text: str) -> None:
    box = page.get_by_label(f"Message in {platform}", exact=True)
    await box.fill(text)
    await box.press("Enter")
