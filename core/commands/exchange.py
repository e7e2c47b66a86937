"""What commands about exchanges that were had share: who calls, which answer is meant, what they are told."""

from __future__ import annotations

from core.commands.call import Call
from core.messages import MessageRef
from core.service.caller import Caller
from core.service.exchanges import DONE


def caller_of(call: Call) -> Caller:
    return Caller(call.place, call.person, call.surface, call.event_id)


def meant(call: Call) -> MessageRef | None:
    """The message that the command was chosen for, or was a reply to; None for the last one."""
    about = call.incoming.target or call.incoming.quote
    return None if about is None else about.ref


def tell(call: Call, key: str) -> None:
    """Say how it went. What speaks for itself still has to answer the platform that waits for an answer."""
    if key or call.surface.capabilities.private_answers:
        call.reply(call.say(key or "exchange.begun"), private=True, repeatable=bool(key) and key not in DONE)
