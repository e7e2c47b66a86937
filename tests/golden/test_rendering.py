"""A long answer as both platforms show it at several moments, in files that a person can read.

To renew them after a change that is meant, run `RENEW_GOLDEN=1 .venv/bin/pytest tests/golden`; then read the
diff.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bots.discord.markdown import DiscordRenderer
from bots.telegram.entities import Entity
from bots.telegram.markdown import TelegramRenderer
from core.streaming.answer import Answer, Ending
from core.streaming.pages import Frame, Pages
from core.streaming.rendering import Renderer

FOLDER = Path(__file__).parent / "rendering"
RENDERERS: dict[str, Renderer] = {"discord": DiscordRenderer(), "telegram": TelegramRenderer()}
MOMENTS = (
    "see [the arti",
    "| Quick | $O(n^2)$ | no |\n",
    "| Merge sort, top-down | $O(n \\log n)$ | yes |\n",
    "| Timsort | Real data with runs | More",
    "   def part(a, lo",
    "> A quote with **bo",
    "\\( x_{n+1} = \\frac{x",
    "The killer is ||the bu",
    "Bob | 44\n",
)
"""The answer is looked at where it has come to the end of each of these."""


def frames(source: str, renderer: Renderer) -> Iterator[tuple[str, Frame]]:
    answer, pages = Answer(), Pages(renderer)
    done = 0
    for moment in (*MOMENTS, ""):
        end = source.index(moment) + len(moment) if moment else len(source)
        answer.append(source[done:end], 0.0)
        done = end
        if not moment:
            answer.end(Ending.COMPLETE, 1.0)
        while True:
            frame = pages.frame(answer)
            pages.accept(frame)
            yield moment, frame
            if not frame.closed or frame.last:
                break


def readable(moment: str, frame: Frame) -> str:
    title = f"after {moment!r}" if moment else "at the end"
    lines = [f"{'═' * 8} {title}: page {frame.page}, source {frame.start}–{frame.end}", frame.body.text]
    raw = frame.body.text.encode("utf-16-le")
    for entity in frame.body.entities:
        assert isinstance(entity, Entity)
        covered = raw[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le")
        extra = "".join(f" → {value}" for value in (entity.url, entity.language) if value)
        lines.append(f"    · {entity.type}: {covered!r}{extra}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("platform", RENDERERS)
def test_a_long_answer(platform: str) -> None:
    source = (FOLDER / "answer.md").read_text(encoding="utf-8")
    shown = "\n".join(readable(moment, frame) for moment, frame in frames(source, RENDERERS[platform]))
    golden = FOLDER / f"{platform}.txt"
    if os.environ.get("RENEW_GOLDEN"):
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")
