"""The rest of a long block of code on the real process: a file, wherever one may be sent."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bots.discord.markdown import DiscordRenderer
from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.discord.world import Permission
from bots.sandbox.limits import load_profile
from bots.sandbox.model_server import ModelRequest, Reply, echo, say
from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.markdown import TelegramRenderer
from core.streaming.operations import FileContent
from tests.end_to_end.screen import Screen
from tests.end_to_end.world import opened
from tests.promise import broken_promise

END = "That was all of it."
ASKED = "the code for"
STREAMED_S = 7.0


def told(page_units: int) -> str:
    lines = "".join(f"gate_{n} = open_gate({n}, level={n * n})\n" for n in range(page_units // 8))
    return f"Here is the code:\n\n```python\n{lines}```\n\n{END}"


ON_DISCORD, ON_TELEGRAM = told(DiscordRenderer.page_units), told(TelegramRenderer.page_units)


def tell(request: ModelRequest) -> Reply:
    if ASKED not in request.prompt:
        return echo(request)
    text = ON_TELEGRAM if "Telegram" in request.prompt else ON_DISCORD
    deltas = [text[at : at + 40] for at in range(0, len(text), 40)]
    return say(*deltas, every_s=STREAMED_S / len(deltas))


async def test_the_rest_of_the_code_is_a_file_where_one_may_be_sent(tmp_path: Path) -> None:
    """In a channel, by slash command, in a private chat; and in pages where the bot may attach nothing."""
    async with opened(load_profile(), tell) as world, world.served(tmp_path):
        discord, telegram = world.discord, world.telegram
        chats = [str(discord.world.chat(name).id) for name in ("#general", "#bots", "#help")]
        discord.overwrite("#help", "Sluice", deny=Permission.ATTACH_FILES)
        await discord.say("Ben", "#general", f"@Sluice {ASKED} Discord")
        await discord.invoke("Ben", "#bots", "ask", {"prompt": f"{ASKED} Discord"})
        await discord.say("Cleo", "#help", f"@Sluice {ASKED} Discord")
        await telegram.say("Ada", "Ada", f"{ASKED} Telegram")
        *on_discord, in_help, on_telegram = await asyncio.gather(
            *(pages_in(world.on_discord, discord, chat) for chat in chats),
            pages_in(world.on_telegram, telegram, world.on_telegram.person("Ada")),
        )
        assert world.refusals == []
    for pages in (*on_discord, in_help):
        assert broken_promise(ON_DISCORD, pages, DiscordRenderer()) is None
    assert broken_promise(ON_TELEGRAM, on_telegram, TelegramRenderer()) is None
    for pages in (*on_discord, on_telegram):
        assert [page.name for page in pages if isinstance(page, FileContent)] == ["code.py"]


async def pages_in(
    screen: Screen, server: DiscordServer | TelegramServer, chat: str
) -> list[str | FileContent]:
    """What stands in a chat once the answer there is complete."""
    await screen.until(lambda: any(m["chat"] == chat for m in screen.by_bot(holding=END)))
    pages: list[str | FileContent] = []
    for message in screen.by_bot():
        if message["chat"] == chat and message["files"]:
            [file] = message["files"]
            pages.append(FileContent(file["name"], server.file(file["id"]) or b""))
            assert len(set(screen.states(message))) >= 2  # it said how the file grows
        elif message["chat"] == chat:
            pages.append(message["text"])
    return pages
