"""A question about one message, for the asker's eyes alone where that is possible."""

from __future__ import annotations

from core.commands.call import Call
from core.conversation.history import Question
from core.conversation.window import is_blank


async def ask_about(call: Call, question: str) -> None:
    """Ask it about the message that the command was chosen for, or was a reply to."""
    message = call.incoming.target or call.incoming.quote
    if message is None or is_blank(message.text):
        call.reply(call.say("message.empty"), private=True)
        return
    if await call.services.chat.surroundings.hides(message, call.person):
        call.reply(call.say("apart.quoted"), private=True)
        return
    call.services.chat.ask(
        Question(
            call.event_id, call.place, call.person, question, call.ref, message, private=call.command.private
        ),
        call.surface,
    )
