"""`/start`: what Telegram sends when somebody opens the chat with the bot for the first time."""

from __future__ import annotations

from typing import Final

from core.commands.call import Call
from core.commands.command import Command, Menu


async def run(call: Call) -> None:
    call.reply(call.say("start"))


COMMAND: Final = Command("start", run, private=True, typed_only=True, menu=Menu.HIDDEN, repeatable=True)
