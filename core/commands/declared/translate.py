"""`translate`: a message in the language of its reader. From its menu, or as a reply to it."""

from __future__ import annotations

from typing import Final

from core.commands.about_message import ask_about
from core.commands.call import Call
from core.commands.command import Command


async def run(call: Call) -> None:
    await ask_about(call, call.say("question.translate"))


COMMAND: Final = Command(
    "translate", run, private=True, portable=True, message_menu=3, about_message=True, repeatable=True
)
