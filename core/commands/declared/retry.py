"""`/retry`: answer a question again, as a variant. Also in a message's menu.

The variant takes the place of the answer, so that no text stands there twice and ◀ ▶ leaf through one place.
Who typed the command may not see that place any more: then they are shown the way there.
"""

from __future__ import annotations

from typing import Final

from core.commands.call import Call
from core.commands.command import Command
from core.commands.exchange import caller_of, meant, tell
from core.messages import MessageRef


async def run(call: Call) -> None:
    retried = await call.services.chat.exchanges.retry(caller_of(call), meant(call))
    from_its_menu = call.incoming.target is not None
    if retried.key or not retried.over or from_its_menu:
        tell(call, retried.key)
    else:
        _show_the_way(call, retried.over)


def _show_the_way(call: Call, over: tuple[MessageRef, ...]) -> None:
    can = call.surface.capabilities
    if can.private_answers:
        there = (
            can.link_of if call.surface.alternate is not None else None
        )  # else nothing there can be edited
        link = there(call.place, over[0]) if there is not None else None
        words = call.say("exchange.begun_at", link=link) if link else call.say("exchange.begun")
        call.reply(words, private=True, repeatable=False)
    elif len(over) > 1 or not (can.counts_messages and _is_next(over[0], call.ref)):
        call.reply(call.say("exchange.above"), repeatable=False, about=over[0])


def _is_next(ref: MessageRef, behind: MessageRef | None) -> bool:
    """Whether nothing stands between these two. Others' messages may count along: then it may seem so."""
    return behind is not None and int(behind.message_id) - int(ref.message_id) == 1


COMMAND: Final = Command("retry", run, private=True, message_menu=5, weighs_rights=True)
