"""A third platform in an afternoon: a folder as a chat, each message a Markdown file that gets edited.

    .venv/bin/python examples/third_surface.py http://127.0.0.1:11434/v1 llama3.2 "What is a sluice?" ./chat

It holds no pacing, no splitting and no repair of half Markdown: the core does all of that.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path

import core
from core.adapters.openai_completions import OpenAICompletions


class FolderRenderer:
    """Files take Markdown as it is; a page is 1,000 code points."""

    page_units = 1_000
    formatted = True

    def render(self, markdown: str) -> core.Rendered:
        return core.Rendered(markdown.strip(), fill=len(markdown) / self.page_units)

    def maths(self, latex: str) -> str | None:
        return None  # shown as it is


class FolderSurface:
    """Shows an answer as message-001.md, message-002.md, … with at most two writes a second."""

    capabilities = core.Capabilities(
        FolderRenderer(), {"write": (core.RateLimit(2, 1.0),)}, buttons=False, reactions=False
    )
    alternate = ends_at = messages_left = open_form = with_rights = hears_all = open_thread = reading = None
    address = ""

    def __init__(self, folder: Path) -> None:
        self.account, self._folder = f"folder:{folder}", folder
        self.place = core.Place("folder", str(folder), core.PlaceKind.PRIVATE)

    def buckets(self, kind: core.OperationKind) -> tuple[core.BucketKey, ...]:
        return (core.BucketKey("write"),)

    async def send(self, content: core.MessageContent, reply_to: core.MessageRef | None) -> core.Outcome:
        if not self._folder.is_dir():
            return core.NotSent(core.NotSentReason.PLACE_GONE)
        name = f"message-{len(list(self._folder.glob('message-*.md'))) + 1:03}.md"
        (self._folder / name).write_text(content.body.text, encoding="utf-8")
        return core.Delivered(name)

    async def edit(self, message_id: str, content: core.MessageContent) -> core.Outcome:
        if not (self._folder / message_id).is_file():
            return core.NotSent(core.NotSentReason.MESSAGE_GONE)
        (self._folder / message_id).write_text(content.body.text, encoding="utf-8")
        return core.Delivered(message_id)

    async def delete(self, message_id: str) -> core.Outcome:
        (self._folder / message_id).unlink(missing_ok=True)
        return core.Delivered(message_id)

    async def typing(self) -> None: ...

    async def react(self, ref: core.MessageRef, emoji: str) -> None: ...


async def main(base_url: str, model: str, prompt: str, folder: Path) -> core.Shown:
    request = core.CompletionRequest((core.ChatMessage("user", prompt),), model)
    async with aclosing(OpenAICompletions(base_url=base_url, api_key=None)) as completions:
        _, shown = await core.stream_answer(request, completions, FolderSurface(folder), core.SystemClock())
    return shown


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    _, base_url, model, prompt, folder = sys.argv
    Path(folder).mkdir(parents=True, exist_ok=True)
    try:
        print(asyncio.run(main(base_url, model, prompt, Path(folder))))
    except core.ModelError as error:
        sys.exit(f"{model} at {base_url} gave no whole answer: {error.detail}")
