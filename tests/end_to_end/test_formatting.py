"""A long formatted answer while it streams, side by side in a browser: nothing on the page is ever raw."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from bots.sandbox.model_server import ModelRequest, ModelServer, Reply, say
from tests.end_to_end.test_browser import WATCH
from tests.end_to_end.world import ENDS_WITHIN_S
from tests.project.program import running

QUESTION = "How does a lock on a canal work?"
ANSWER = """\
## How a lock works

A **lock** lifts a boat from one stretch of water to the next, as \
[the old handbook](https://example.org/handbook) has it. It has *two gates* and a chamber between them:

1. The boat comes in, and the **lower gate** closes.
2. A paddle opens, and water flows in from above.
3. At the same height, the upper gate opens:
   - nobody pushes against water,
   - and nobody pumps.

| part | material | weight |
|------|----------|-------:|
| gate | oak | 1.2 t |
| paddle | cast iron | 80 kg |
| beam | larch | 310 kg |
| sill | granite | 2.4 t |

The time it takes follows from the height $h$ and the area $A$: \
$t = \\frac{2A\\sqrt{h}}{a\\sqrt{2g}}$. In code:

```python
from math import sqrt

def seconds(area: float, height: float, opening: float, g: float = 9.81) -> float:
    \"\"\"How long a chamber takes to fill through a paddle.\"\"\"
    return 2 * area * sqrt(height) / (opening * sqrt(2 * g))

print(seconds(area=120.0, height=2.5, opening=0.4))
```

> Whoever opens both gates has built a waterfall, said ~~an engineer~~ a lock keeper, and ||laughed||.

That is all there is to it, and it has worked for six hundred years.
"""
RAW = ("```", "**", "~~", "|---", "\\frac", "](http", "##")
"""Signs that a reader must never see, outside of code."""
MIDSTREAM = "print(seconds("


def tell(request: ModelRequest) -> Reply:
    deltas = [ANSWER[at : at + 9] for at in range(0, len(ANSWER), 9)]
    return say(*deltas, every_s=0.06)


async def test_a_formatted_answer_is_never_raw_while_it_streams(chromium: Browser, tmp_path: Path) -> None:
    async with ModelServer(tell) as model:
        settings = {
            "OPENAI_BASE_URL": model.base_url,
            "OPENAI_MODEL": "scripted",
            "SLUICE_HTTP": "127.0.0.1:0",
        }
        async with running(tmp_path, "--sandbox", settings=settings) as program:
            url = (await program.says("→ Open http://")).split()[2]
            page = await chromium.new_page(viewport={"width": 1500, "height": 1180})
            await page.add_init_script(WATCH)
            await page.goto(url)
            await page.get_by_role("radio", name="Ada").check(force=True)
            await page.locator(".discord").get_by_role("button", name="Sluice").first.click()
            for platform in ("Discord", "Telegram"):
                box = page.get_by_label(f"Message in {platform}", exact=True)
                await box.fill(QUESTION)
                await box.press("Enter")
            await _midstream(page)
            for platform in ("discord", "telegram"):
                last = page.locator(f".{platform} .message[data-author-bot='true']").last
                await expect(last).to_contain_text("six hundred years", timeout=45_000)
                await expect(last.locator("a").first).to_have_attribute(
                    "href", "https://example.org/handbook"
                )
                await expect(last.locator("pre")).to_have_count(2)  # the table and the code
            states: dict[str, list[str]] = await page.evaluate("window.shown")
            long = [shown for shown in states.values() if len(shown) > 3]
            assert len(long) == 2
            for shown in long:
                assert not [(sign, text) for text in shown for sign in RAW if sign in text]
            program.process.terminate()
            assert await program.ends(ENDS_WITHIN_S) == 0


async def _midstream(page: Page) -> None:
    """When both have come to the code; a picture of it, if one is wanted."""
    both = "(text) => Object.values(window.shown).filter((s) => s.at(-1).includes(text)).length >= 2"
    await page.wait_for_function(both, arg=MIDSTREAM, timeout=45_000)
    if path := os.environ.get("SLUICE_STREAMING_SCREENSHOT"):
        await page.screenshot(path=path)
