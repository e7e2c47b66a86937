"""`/stop`: end the answer that grows here, and keep what is there."""

from __future__ import annotations

from typing import Final

from core.commands.call import Call
from core.commands.command import Command, Menu
from core.commands.exchange import tell


async def run(call: Call) -> None:
    tell(call, call.services.chat.exchanges.stop(call.place, call.person))


COMMAND: Final = Command("stop", run, private=True, menu=Menu.TYPED, weighs_rights=True)
