"""`/about`: what this bot is."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from core.commands.call import Call
from core.commands.command import Command


async def run(call: Call) -> None:
    call.reply(call.say("about", version=version("sluice")))


COMMAND: Final = Command("about", run, for_strangers=True, private=True, portable=True, repeatable=True)
