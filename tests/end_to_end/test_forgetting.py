"""`/forget` in the real program, on both platforms with their real libraries: afterwards no object of it
holds a word of what was said, no file opens to one, and no line of the log has one; after a kill neither."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from bots.sandbox.limits import load_profile
from bots.sandbox.model_server import Gate, ModelRequest, Reply, Stream, echo
from core.catalogue import say
from tests.end_to_end import looked_through
from tests.end_to_end import world as worlds
from tests.end_to_end.screen import Screen
from tests.end_to_end.world import World
from tests.project.program import PATIENCE_S, Running, running
from tests.store.test_forgetting import keys_left, opened

CANARY: Final = "Q7vexillology"
_GROWS: Final = "slowly"
_SCRIPT: Final = str(Path(looked_through.__file__).resolve())
_ROOT: Final = str(Path(_SCRIPT).parents[2])
Json = dict[str, Any]


@asynccontextmanager
async def served(world: World, folder: Path) -> AsyncIterator[Running]:
    settings = world.settings | {
        "CANARY_REVERSED": CANARY[::-1], "FOUND": str(folder / "found"), "PYTHONPATH": _ROOT,
        "SLUICE_LOG_LEVEL": "DEBUG",
    }  # fmt: skip
    script = (sys.executable, _SCRIPT)
    async with running(folder, "--live", settings=settings, program=script) as program:
        await program.says("Discord is ready")
        await program.says("Telegram is ready")
        yield program


async def held(program: Running, folder: Path) -> list[str]:
    """The objects of the process that hold the canary."""
    found = folder / "found"
    found.unlink(missing_ok=True)
    program.process.send_signal(signal.SIGUSR1)
    async with asyncio.timeout(PATIENCE_S):
        while not found.exists():  # noqa: ASYNC110  # a file of another process tells nobody that it is there
            await asyncio.sleep(0.05)
    return found.read_text().splitlines()


async def said(screen: Screen, words: str) -> Json:
    """The bot's message that says so, also where it is for one person's eyes."""

    def found() -> Json | None:
        messages = [one for one in screen.messages.values() if one["author"]["bot"]]
        return next((one for one in messages if words[:40] in one["text"]), None)

    return await screen.until(found)


def _data_of(message: Json, label: str) -> str:
    return next(str(one["id"]) for row in message["rows"] for one in row if one["label"] == label)


async def test_no_object_no_file_and_no_log_holds_a_word_of_it(tmp_path: Path) -> None:
    never = asyncio.Event()

    def reply(request: ModelRequest) -> Reply:
        if _GROWS in request.prompt:
            return Stream(("Growing ", Gate(never)))
        return echo(request)

    async with worlds.opened(load_profile(), reply) as world:
        await forgotten(world, tmp_path, never)
    check_files(tmp_path)


def check_files(folder: Path) -> None:
    [database] = folder.rglob("sluice.db")
    assert not any(CANARY in text for text in opened(database, keys_left(database.parent)))
    assert not any(CANARY.encode() in file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def forgotten(world: World, tmp_path: Path, never: asyncio.Event) -> None:
    in_discord, in_telegram = world.on_discord, world.on_telegram
    async with served(world, tmp_path) as program:
        # On both: an answer, a variant of it, one that grows, and a question that waits behind it.
        asked = await world.discord.say("Ada", "@Ada", f"my word is {CANARY}")
        await in_discord.answer(replying_to=asked, holding=CANARY)
        asked = await world.telegram.say("Ada", "Ada", f"my word is {CANARY}")
        await in_telegram.answer(replying_to=asked, holding=CANARY)
        await world.telegram.say("Ada", "Ada", "/retry")
        await world.discord.say("Ada", "@Ada", f"{_GROWS} {CANARY}")
        await in_discord.answer(holding="Growing")
        await world.discord.say("Ada", "@Ada", f"waits {CANARY}")
        # In a group that opted in to /catchup: overheard, and another's answer that grows out of a quote.
        await world.telegram.promote_bot("Ada", "Riverside")
        await world.telegram.say("Ada", "Riverside", "/settings")
        panel = await said(in_telegram, f"{say('setting.overhear')}: {say('settings.off')}")
        controls = [one for row in panel["rows"] for one in row]
        [overhear] = [one for one in controls if one["id"].rpartition(".")[0].endswith(":overhear")]
        await world.telegram.press("Ada", "Riverside", panel["id"], overhear["id"])
        await said(in_telegram, f"{say('setting.overhear')}: {say('settings.on')}")
        hers = await world.telegram.say("Ada", "Riverside", f"I say {CANARY}")
        username = world.telegram.snapshot()["bot"]["username"]
        await world.telegram.say("Ben", "Riverside", f"@{username} {_GROWS} explain", reply_to=hers)
        await in_telegram.answer(holding="Growing")
        await world.telegram.say("Ada", "Ada", f"{_GROWS} {CANARY}")
        assert await held(program, tmp_path) != []

        await world.telegram.say("Ada", "Ada", "/forget")
        question = await said(in_telegram, say("forget.ask", export="/export"))
        await world.telegram.press("Ada", "Ada", question["id"], _data_of(question, say("button.forget")))
        await said(in_telegram, say("forget.stays"))
        await world.discord.invoke("Ada", "@Ada", "more forget", {})
        question = await said(in_discord, say("forget.ask", export="/more export"))
        await world.discord.press("Ada", "@Ada", question["id"], _data_of(question, say("button.forget")))
        await said(in_discord, say("forget.stays"))
        never.set()  # Ben's answer, which is his
        async with asyncio.timeout(60.0):
            while await held(program, tmp_path):  # noqa: ASYNC110  # the same
                await asyncio.sleep(0.5)
        program.process.kill()
        await program.process.wait()
    async with served(world, tmp_path) as program:
        assert await held(program, tmp_path) == []
        program.process.terminate()
        await program.ends()
        assert not any(CANARY in line for line in program.said)
