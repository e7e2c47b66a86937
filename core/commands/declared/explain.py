"""`explain`: what a message means, for whoever wants it alone. From its menu, or as a reply to it."""

from __future__ import annotations

from typing import Final

from core.commands.about_message import ask_about
from core.commands.call import Call
from core.commands.command import Command


async def run(call: Call) -> None:
    await ask_about(call, call.say("question.explain"))


COMMAND: Final = Command(
    "explain", run, private=True, portable=True, message_menu=4, about_message=True, repeatable=True
)
