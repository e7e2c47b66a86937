"""`/new`: the next question begins a conversation."""

from __future__ import annotations

from typing import Final

from core.commands.call import Call
from core.commands.command import Command, Menu
from core.commands.exchange import tell


async def run(call: Call) -> None:
    tell(call, await call.services.chat.exchanges.new(call.place, call.person))


COMMAND: Final = Command("new", run, private=True, menu=Menu.LISTED)
