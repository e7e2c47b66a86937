"""What one look at a growing answer costs: scanning, cutting and rendering the open page.

    .venv/bin/python -m benchmarks.frame_cost

For each platform, while a page fills: the time of `Pages.frame` beside the time of the bare renderer
on the same text in the same run. The ratio is what the heart adds; single times depend on the machine.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from bots.discord.markdown import DiscordRenderer
from bots.telegram.markdown import TelegramRenderer
from core.streaming.answer import Answer
from core.streaming.pages import Pages
from core.streaming.rendering import Renderer

RUNS = 30
PARAGRAPH = (
    "A **sluice** is a water channel that a *gate* controls at its head; see [the article]"
    "(https://example.org/sluice) or run `open(gate)`.\n\n- first, it opens\n- then it closes again\n\n"
)


def seconds(work: Callable[[], object]) -> float:
    """The median time of one call."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure(renderer: Renderer, share: float) -> tuple[int, float, float]:
    """Characters of source, and ms for a frame and for the bare rendering, when a page is this full."""
    text = (PARAGRAPH * 100)[: int(renderer.page_units * share)]
    answer = Answer()
    answer.append(text, 0.0)
    pages = Pages(renderer)
    return (
        len(text),
        1_000 * seconds(lambda: pages.frame(answer)),
        1_000 * seconds(lambda: renderer.render(text)),
    )


def main() -> None:
    print(f"{'platform':10} {'page':>8} {'chars':>6} {'frame ms':>9} {'render ms':>10} {'ratio':>6}")
    for name, renderer in (("discord", DiscordRenderer()), ("telegram", TelegramRenderer())):
        for share in (0.1, 0.5, 0.74, 0.9, 2.0):
            chars, frame, render = measure(renderer, share)
            print(f"{name:10} {share:8.0%} {chars:6} {frame:9.3f} {render:10.3f} {frame / render:6.1f}")


if __name__ == "__main__":
    main()
