"""How the page draws Discord's Markdown and Telegram's entities, hostile ones included."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from playwright.async_api import Error as PlaywrightError

from tests.sandbox.page.harness import Sandbox, served

pytestmark = pytest.mark.asyncio(loop_scope="package")

HOSTILE = (
    "<img src=x onerror=window.pwned=1>",
    "<script>window.pwned=1</script>",
    "[click](javascript:window.pwned=1)",
    "[click](data:text/html,<script>1</script>)",
    "<svg/onload=window.pwned=1>",
    "\u202e\u2066\u0000||**__`<b>`__**||",
)


MARKDOWN = [
    (
        "**b** *i* _i_ __u__ ~~s~~ `c`",
        "<strong>b</strong> <em>i</em> <em>i</em> <u>u</u> <s>s</s> <code>c</code>",
    ),
    ("***both***", "<em><strong>both</strong></em>"),
    ("**open *half", "**open *half"),
    ("snake_case_name 2*3*4", "snake_case_name 2<em>3</em>4"),
    ("\\*not\\*", "*not*"),
    ("# One\n## Two\ntext", "<h1>One</h1><h2>Two</h2>text"),
    ("#hash\n-# small\nx", "#hash\n<small>small</small>x"),
    ("- a\n  - b\n- c", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"),
    ("3. a\n4. b\n\nend", '<ol start="3"><li>a</li><li>b</li></ol>\nend'),
    ("> a\n> **b**\nc", "<blockquote>a\n<strong>b</strong></blockquote>c"),
    (">>> a\n\nb", "<blockquote>a\n\nb</blockquote>"),
    ("```py\nx = '*a*'\n```\nend", "<pre data-language=\"py\"><code>x = '*a*'</code></pre>end"),
    ("```\nplain\n```", "<pre><code>plain</code></pre>"),
    ("```py\nopen", "```py\nopen"),
    ("``a`b``", "<code>a`b</code>"),
    ("| a | b |\n|---|---|\n| 1 | 2 |", "| a | b |\n|---|---|\n| 1 | 2 |"),
    ("---", "---"),
    ("<@7> <#8> <@&9> @everyone", "@Ada #general @unknown-role @everyone"),
]
SPANS = re.compile(r'<span class="mention">(.*?)</span>')


FUZZ = """async (rounds) => {
    const { renderMarkdown } = await import("/markdown.js");
    const { renderEntities } = await import("/entities.js");
    let seed = 20261123;
    const chance = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    const parts = ["*", "**", "_", "__", "~~", "||", "`", "```", "```py\\n", "> ", ">>> ", "# ", "-# ", "- ",
        "  - ", "1. ", "\\n", " ", "a", "word", "\\\\", "[", "](", ")", "https://a.example", "<", ">", "<@7>",
        "🚀", "é", "|"];
    const types = ["bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "text_link",
        "blockquote", "expandable_blockquote", "url", "mention", "unheard_of"];
    const names = { person: () => "Ada", chat: () => "general", role: () => null };
    const wrong = [];
    for (let round = 0; round < rounds; round++) {
        let text = "";
        for (let i = chance(24); i >= 0; i--) text += parts[chance(parts.length)];
        const entities = Array.from({ length: chance(6) }, () => ({
            type: types[chance(types.length)],
            offset: chance(text.length + 2),
            length: chance(text.length + 2),
            url: "javascript:1",
        }));
        const box = document.createElement("div");
        try {
            box.append(renderEntities(text, entities));
            if (box.textContent !== text) wrong.push({ text, entities });
            renderMarkdown(text, names);
        } catch (error) {
            wrong.push({ text, entities, error: String(error) });
        }
    }
    return wrong.slice(0, 3);
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def view(browser: Browser) -> AsyncIterator[Page]:
    """One open page, whose modules these tests call."""
    async with served() as (_, _, page):
        opened = await browser.new_page()
        await opened.goto(page.url)
        yield opened
        await opened.close()


@pytest.mark.parametrize(("source", "expected"), MARKDOWN)
async def test_discord_markdown(view: Page, source: str, expected: str) -> None:
    assert SPANS.sub(r"\1", await rendered_markdown(view, source)) == expected


async def test_links_lead_to_the_web_only(view: Page) -> None:
    drawn = await rendered_markdown(
        view, "[a *b*](https://a.example/x_(y)) <http://b.example> https://c.example/?q=1."
    )
    assert re.findall(r'href="([^"]*)"', drawn) == [
        "https://a.example/x_(y)",
        "http://b.example/",
        "https://c.example/?q=1",
    ]
    assert drawn.count('rel="noopener noreferrer"') == drawn.count('target="_blank"') == 3
    assert "<em>b</em>" in drawn
    for refused in ("[a](javascript:alert(1))", "<javascript:alert(1)>", "[a](file:///etc/passwd)"):
        assert "<a" not in await rendered_markdown(view, refused)


async def test_telegram_entities_over_utf16(view: Page) -> None:
    text = "🚀 bold both\nquote\ncode()\nlink end"
    spans = [
        ("bold", "bold both", {}),
        ("italic", "both", {}),
        ("blockquote", "quote", {}),
        ("pre", "code()", {"language": "py"}),
        ("text_link", "link", {"url": "https://a.example"}),
        ("text_link", "end", {"url": "javascript:window.pwned=1"}),
    ]
    entities = [
        {"type": kind, "offset": units(text[: text.index(part)]), "length": units(part), **more}
        for kind, part, more in spans
    ]
    drawn = await rendered_entities(view, text, entities)
    assert drawn == (
        "🚀 <strong>bold <em>both</em></strong>\n"
        '<blockquote>quote</blockquote><span class="line-end">\n</span>'
        '<pre data-language="py">code()</pre><span class="line-end">\n</span>'
        '<a href="https://a.example/" target="_blank" rel="noopener noreferrer"'
        ' title="https://a.example/">link</a> <span>end</span>'
    )


async def test_overlapping_and_broken_entities_lose_no_text(view: Page) -> None:
    entities = [
        {"type": "bold", "offset": 0, "length": 5},
        {"type": "italic", "offset": 3, "length": 5},
        {"type": "code", "offset": 9, "length": 99},
        {"type": "pre", "offset": -1, "length": 2},
    ]
    drawn = await rendered_entities(view, "0123456789", entities)
    assert drawn == "<strong>012<em>34</em></strong><em>567</em>89"


async def test_any_text_is_drawn_and_no_entity_changes_it(view: Page) -> None:
    """20,000 messages of marks in any order: no error, and Telegram's text stays as it is."""
    assert await view.evaluate(FUZZ, 20_000) == []


@pytest.mark.parametrize(
    "unit", ["*", "_", "`", "||", "> ", "- ", "[", "~~a", "**a*", "\\", "(", "  - a\n", "<"]
)
async def test_a_long_message_of_one_mark_is_drawn_at_once(view: Page, unit: str) -> None:
    source = (unit * 4000)[:4000]
    took_ms = await view.evaluate(
        """async (source) => {
            const { renderMarkdown } = await import("/markdown.js");
            const names = { person: () => null, chat: () => null, role: () => null };
            const began = performance.now();
            renderMarkdown(source, names);
            return performance.now() - began;
        }""",
        source,
    )
    assert took_ms < 2000


async def test_a_spoiler_shows_when_it_is_clicked(sandbox: Sandbox) -> None:
    message = await sandbox.discord.say("Ben", "#general", "it was ||the butler||")
    hidden = sandbox.message("discord", message).get_by_role("button", name="Spoiler")
    await hidden.click()
    await expect(sandbox.message("discord", message).locator(".spoiler.revealed")).to_have_text("the butler")


async def test_markup_in_a_chat_stays_text(sandbox: Sandbox) -> None:
    for text in HOSTILE:
        for say, chat in ((sandbox.discord.say, "#general"), (sandbox.telegram.say, "Ada")):
            await say("Ada", chat, text)
    await expect(sandbox.messages("discord")).to_have_count(len(HOSTILE))
    await expect(sandbox.messages("telegram")).to_have_count(len(HOSTILE))
    for pane in ("discord", "telegram"):
        await expect(sandbox.messages(pane).first.locator(".body")).to_have_text(HOSTILE[0])
        inert = sandbox.view.locator(f".pane.{pane} :is(img, script, iframe, b, a)")
        await expect(inert).to_have_count(0)
    assert await sandbox.view.evaluate("window.pwned === undefined")


async def test_the_browser_itself_refuses_markup_from_strings(view: Page) -> None:
    with pytest.raises(PlaywrightError, match="TrustedHTML"):
        await view.evaluate("document.body.innerHTML = '<b>x</b>'")


def units(text: str) -> int:
    """The length of `text` in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


async def rendered_markdown(view: Page, source: str) -> str:
    """Discord's Markdown as the page's HTML."""
    drawn: str = await view.evaluate(
        """async (source) => {
            const { renderMarkdown } = await import("/markdown.js");
            const box = document.createElement("div");
            box.append(renderMarkdown(source, {
                person: (id) => (id === "7" ? "Ada" : null),
                chat: (id) => (id === "8" ? "general" : null),
                role: () => null,
            }));
            return box.innerHTML;
        }""",
        source,
    )
    return drawn


async def rendered_entities(view: Page, text: str, entities: list[dict[str, Any]]) -> str:
    """Telegram's entities as the page's HTML."""
    drawn: str = await view.evaluate(
        """async ([text, entities]) => {
            const { renderEntities } = await import("/entities.js");
            const box = document.createElement("div");
            box.append(renderEntities(text, JSON.parse(entities)));
            if (box.textContent !== text) throw new Error("the text has changed");
            return box.innerHTML;
        }""",
        [text, json.dumps(entities)],
    )
    return drawn
