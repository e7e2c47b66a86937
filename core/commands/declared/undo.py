"""`/undo`: take back the last exchange, with its messages."""

from __future__ import annotations

from typing import Final

from core.commands.call import Call
from core.commands.command import Command
from core.commands.exchange import caller_of, tell


async def run(call: Call) -> None:
    tell(call, await call.services.chat.exchanges.undo(caller_of(call)))


COMMAND: Final = Command("undo", run, private=True, weighs_rights=True)
