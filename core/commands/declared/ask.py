"""`/ask`: one question. Its options are for this one alone. Also "Ask about this" in a message's menu."""

from __future__ import annotations

from typing import Final

from core.commands.call import Call
from core.commands.command import Argument, Command, Kind, Menu
from core.conversation.history import Question


async def run(call: Call) -> None:
    incoming = call.incoming
    call.services.chat.ask(
        Question(
            call.event_id,
            call.place,
            call.person,
            call.text("prompt"),
            call.ref,
            incoming.target or incoming.quote,
            private=call.flag("private"),
            model=call.text("model"),
            persona=call.text("persona"),
        ),
        call.surface,
    )


COMMAND: Final = Command(
    "ask",
    run,
    (
        Argument("prompt", required=True),
        Argument("model", max_length=100),
        Argument("persona", max_length=100),
        Argument("private", Kind.BOOLEAN),
    ),
    portable=True,
    menu=Menu.LISTED,
    message_menu=1,
    form=("prompt",),
)
