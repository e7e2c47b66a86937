"""`/continue`: have an answer go on that was cut."""

from __future__ import annotations

from typing import Final

from core.commands.call import Call
from core.commands.command import Command
from core.commands.exchange import caller_of, meant, tell


async def run(call: Call) -> None:
    tell(call, await call.services.chat.continuing.go_on(caller_of(call), meant(call)))


COMMAND: Final = Command("continue", run, weighs_rights=True)
