"""`/cancel`: ends a form that is asked for in the chat, one text after the other."""

from __future__ import annotations

from typing import Final

from core.commands.call import Call
from core.commands.command import Command, Menu


async def run(call: Call) -> None:
    asked = call.services.questions.drop(call.person, call.place)
    call.reply(call.say("cancel.done" if asked else "cancel.nothing"))


COMMAND: Final = Command("cancel", run, private=True, typed_only=True, menu=Menu.HIDDEN)
