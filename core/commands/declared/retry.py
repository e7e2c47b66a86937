"""`/retry`: answer a question again, as a variant. Also in a message's menu."""

from __future__ import annotations

from typing import Final

from core.commands.call import Call
from core.commands.command import Command
from core.commands.exchange import caller_of, meant, tell


async def run(call: Call) -> None:
    tell(call, await call.services.chat.exchanges.retry(caller_of(call), meant(call)))


COMMAND: Final = Command("retry", run, private=True, message_menu=5, weighs_rights=True)
