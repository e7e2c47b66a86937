"""`summarise`: what a message says, in short. From its menu, or as a reply to it."""

from __future__ import annotations

from typing import Final

from core.commands.about_message import ask_about
from core.commands.call import Call
from core.commands.command import Command


async def run(call: Call) -> None:
    await ask_about(call, call.say("question.summarise"))


COMMAND: Final = Command(
    "summarise", run, private=True, portable=True, message_menu=2, about_message=True, repeatable=True
)
