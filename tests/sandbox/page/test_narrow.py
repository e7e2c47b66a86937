"""The page on a phone: nothing runs out of its card, and every chat is in sight."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.sandbox.page.harness import Sandbox

pytestmark = pytest.mark.asyncio(loop_scope="package")

WIDTH = 390
FIGURES = {
    "edits": 188,
    "age_s": 12.5,
    "mean_age_s": 10.1,
    "first_text_s": 11.4,
    "final_lag_s": 10.3,
    "limited": 12,
    "done": False,
}


@pytest_asyncio.fixture(loop_scope="package")
async def phone(sandbox: Sandbox) -> Sandbox:
    await sandbox.view.set_viewport_size({"width": WIDTH, "height": 844})
    return sandbox


async def test_the_figures_stay_within_their_card(phone: Sandbox) -> None:
    private = phone.telegram.snapshot()["people"]
    ada = next(person["id"] for person in private if person["name"] == "Ada")
    for platform, chat in (("discord", phone.general), ("telegram", str(ada))):
        phone.page.figures(FIGURES | {"platform": platform, "chat": chat, "message": "1"})
    strips = phone.view.locator(".strip")
    await expect(strips.locator("tbody tr.streaming")).to_have_count(2)
    for strip in await strips.all():
        card = await strip.bounding_box()
        assert card is not None
        for cell in await strip.locator("th, td").all():
            inner = await cell.bounding_box()
            assert inner is not None
            assert inner["x"] + inner["width"] <= card["x"] + card["width"], await cell.inner_text()
            assert await cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth + 1"), (
                await cell.inner_text()
            )


async def test_every_chat_is_in_sight(phone: Sandbox) -> None:
    rows = phone.view.locator(".chat-row")
    assert await rows.count() > 5
    for row in await rows.all():
        box = await row.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= WIDTH, await row.inner_text()
    await phone.view.locator(".discord .chat-row.dm").click()
    await expect(phone.entry("Discord")).to_have_attribute("placeholder", "Message @Sluice")


async def test_everybody_and_their_language_can_be_chosen(phone: Sandbox) -> None:
    for choice in (phone.view.locator("#people"), phone.view.get_by_label("Language of your apps")):
        box = await choice.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= WIDTH
