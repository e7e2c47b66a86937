"""A newcomer's first minute: the page in a browser, `sluice run --sandbox` behind it, and a real model.

Between Sluice and the model stands a recording proxy: what it saw the model send is what the chats must
show. Temperature 0 makes the answers the same each time: the likeliest token is taken, so that a seed,
for which Sluice has no setting, would have no part in it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import aiohttp
from playwright.async_api import Browser, Locator, Page, expect

from bots.discord.markdown import DiscordRenderer
from bots.embedded_model.model import EmbeddedModel
from bots.sandbox.recording_proxy import Exchange, RecordingProxy
from bots.telegram.markdown import TelegramRenderer
from core.catalogue import say as words
from core.streaming.rendering import Renderer
from tests.end_to_end.screen import Json, Screen
from tests.end_to_end.world import ENDS_WITHIN_S
from tests.model.test_embedded_model import DATA_DIR
from tests.project.program import running
from tests.promise import broken_promise

BY_COMMAND = "Write a long story about a trip to Mars."
BY_MENTION = "Explain step by step how to build a small water wheel."
IN_PRIVATE = "Give me ten tips for a good night's sleep, as a list."
IN_GROUP = "Write a travel guide to Lisbon with sections."
MAX_TOKENS = "200"  # four answers of it at once take about 12 s, at some 65 tokens a second together
GROWING_STATES = 3
LONG_S = 3.0
LIST_BEGINS = re.compile(r"\n *\d+\.?$")
LIST_NUMBER = re.compile(r"^ *\d+\. ", re.MULTILINE)  # drawn by the browser, and no part of the page's text

# Keeps every text that each of the bot's messages shows, by platform and id.
WATCH = """
window.shown = {};
new MutationObserver(() => {
  for (const node of document.querySelectorAll('.message[data-author-bot="true"]')) {
    if (node.querySelector(".thinking")) continue;
    const text = node.querySelector(".body").textContent;
    const states = (window.shown[`${node.dataset.platform} ${node.dataset.messageId}`] ??= []);
    if (text && states.at(-1) !== text) states.push(text);
  }
}).observe(document, { childList: true, subtree: true, characterData: true, attributes: true });
"""


async def test_four_questions_in_the_browser(chromium: Browser, tmp_path: Path) -> None:
    """Ada looks at a channel and her private chat, Ben at the channel and a group; all ask at once."""
    async with (
        EmbeddedModel(DATA_DIR) as model,
        RecordingProxy(model.base_url) as proxy,
        running(tmp_path, "--sandbox", settings=_settings(proxy)) as program,
    ):
        url = (await program.says("→ Open http://")).split()[2]
        async with _looking_on(url) as (discord, telegram):
            ada, ben = await _page_of("Ada", chromium, url), await _page_of("Ben", chromium, url)
            await _ask_by_command(ada)
            await _ask_by_mention(ben, "Discord", BY_MENTION)
            await _write(ada, "Telegram", IN_PRIVATE)
            await ben.locator(".telegram .chat-row", has_text="Riverside").click()
            await _ask_by_mention(ben, "Telegram", IN_GROUP)
            await _take_picture(ada)
            answers: list[tuple[Page, str, Screen, Renderer]] = [
                (ada, BY_COMMAND, discord, DiscordRenderer()),
                (ben, BY_MENTION, discord, DiscordRenderer()),
                (ada, IN_PRIVATE, telegram, TelegramRenderer()),
                (ben, IN_GROUP, telegram, TelegramRenderer()),
            ]
            streamed = [await _check(*answer, proxy) for answer in answers]
            assert max(streamed) > LONG_S, streamed
            for screen in (discord, telegram):
                assert [event for event in screen.events if event["type"] == "limited"] == []
        program.process.terminate()
        assert await program.ends(ENDS_WITHIN_S) == 0


def _settings(proxy: RecordingProxy) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": proxy.base_url,
        "OPENAI_MODEL": "SmolLM2-135M-Instruct",
        "OPENAI_TEMPERATURE": "0",
        "OPENAI_MAX_TOKENS": MAX_TOKENS,
        "SLUICE_HTTP": "127.0.0.1:0",
    }


@asynccontextmanager
async def _looking_on(url: str) -> AsyncIterator[tuple[Screen, Screen]]:
    """What both servers hold, as they tell any page; kept up to date."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}socket", headers={"Origin": url.rstrip("/")}) as socket,
    ):
        hello = (await socket.receive_json())["hello"]
        screens = {platform: Screen(hello[platform]) for platform in ("discord", "telegram")}

        async def take_all() -> None:
            async for message in socket:
                news = message.json()
                if "event" in news:
                    screens[news["platform"]].take(news["event"])
                elif "figures" in news:
                    screens[news["figures"]["platform"]].take({"type": "figures", **news["figures"]})

        taking = asyncio.create_task(take_all())
        yield screens["discord"], screens["telegram"]
        taking.cancel()
        await asyncio.wait([taking])


async def _page_of(name: str, chromium: Browser, url: str) -> Page:
    page = await chromium.new_page(viewport={"width": 1600, "height": 1000})
    await page.add_init_script(WATCH)
    await page.goto(url)
    await page.get_by_role("radio", name=name).check(force=True)
    await expect(page.locator(".user-panel")).to_contain_text(name)
    return page


def _entry(page: Page, platform: str) -> Locator:
    return page.get_by_label(f"Message in {platform}", exact=True)


async def _ask_by_command(page: Page) -> None:
    await _entry(page, "Discord").fill("/")
    await page.get_by_role("option", name="/ask").click()
    await page.get_by_label("prompt", exact=True).fill(BY_COMMAND)
    await page.get_by_label("prompt", exact=True).press("Enter")


async def _ask_by_mention(page: Page, platform: str, question: str) -> None:
    """As people do: begin the name, take it from the menu, and write on."""
    box = _entry(page, platform)
    await box.press_sequentially("@slu")
    await expect(page.locator(f".{platform.lower()}").get_by_role("option")).to_contain_text("the bot")
    await box.press("Tab")
    await box.press_sequentially(question)
    await box.press("Enter")


async def _write(page: Page, platform: str, text: str) -> None:
    await _entry(page, platform).fill(text)
    await _entry(page, platform).press("Enter")


async def _take_picture(page: Page) -> None:
    """While three answers grow, if a picture is wanted: the README has one."""
    path = os.environ.get("SLUICE_SCREENSHOT")
    if path is None:
        return
    grown = "() => Object.values(window.shown).filter((states) => states.at(-1).length > 200).length >= 3"
    await page.mouse.move(0, 0)
    await page.wait_for_function(grown)
    await page.screenshot(path=path)


async def _check(
    page: Page, question: str, screen: Screen, renderer: Renderer, proxy: RecordingProxy
) -> float:
    """One answer, from the model's bytes to what the browser shows; the seconds for which it streamed."""
    answer = await screen.until(partial(_finished_answer, screen, question))
    (exchange,) = [one for one in proxy.exchanges if _prompt(one) == question]
    assert exchange.received.endswith(b"data: [DONE]\n\n")
    assert json.loads(exchange.sent)["temperature"] == 0
    mark = words("ending.length") if b'"finish_reason":"length"' in exchange.received else ""
    assert broken_promise(exchange.text, [answer["text"]], renderer, mark=mark) is None
    under = [words("button.retry")] if question == IN_PRIVATE else []
    under += [words("button.continue")] if mark else []
    assert [button["label"] for button in answer["buttons"]] == under

    message = f'.message[data-platform="{screen.platform}"][data-message-id="{answer["id"]}"]'
    await expect(page.locator(message)).to_have_attribute("data-edits", str(answer["edited"]))
    states: list[str] = await page.evaluate("key => window.shown[key]", f"{screen.platform} {answer['id']}")
    assert len(states) >= GROWING_STATES, states
    for earlier, later in pairwise(states):  # but for a list's number, until its item has words
        assert _letters(later).startswith(_letters(LIST_BEGINS.sub("", earlier)))
    if screen.platform == "telegram":
        assert states[-1] == answer["text"]
    else:
        assert _letters(states[-1]) == _letters(LIST_NUMBER.sub("", answer["text"]))
    return screen.streamed_s(answer)


def _finished_answer(screen: Screen, question: str) -> Json | None:
    """The answer to a question, once its last edit is there."""
    asked = [message["id"] for message in screen.messages.values() if question in message["text"]]
    for message in screen.by_bot():
        is_it = message["reply_to"] in asked or question in (message["command"] or "")
        if is_it and screen.is_done(message):
            return message
    return None


def _prompt(exchange: Exchange) -> str:
    return str(json.loads(exchange.sent)["messages"][-1]["content"])


def _letters(text: str) -> str:
    """A text without white space and Markdown's marks, which Discord's client turns into looks."""
    return re.sub(r"[\s*_`#>~|\\-]", "", text)
