"""`/forget`: delete all that is kept of the person who asks, once they have said it twice."""

from __future__ import annotations

from typing import Final

from core.commands.call import Call, Occasion, Press
from core.commands.command import Command
from core.commands.declared.export import COMMAND as EXPORT
from core.service.in_time import ends_within
from core.service.personal_data import SOON_S, Confirmed
from core.streaming.operations import Button, ButtonStyle

ASK, YES, NO = "forget:ask", "forget:yes:", "forget:no:"
"""Of the last two the token of the question follows."""


async def run(call: Call) -> None:
    _ask(call)


async def press(press: Press) -> None:
    if press.data == ASK:
        _ask(press)
        return
    forgets = press.data.startswith(YES)
    token = press.data.removeprefix(YES if forgets else NO)
    match press.services.personal.confirm(token, press.person):
        case Confirmed.NOT_THEIRS:
            press.reply(press.say("forget.not_theirs"), private=True)
        case Confirmed.OVER:
            press.reply(press.say("forget.over", command=press.spelled()), private=True)
        case Confirmed.YES if forgets:
            await _forget(press)
        case _:
            press.update(press.say("forget.kept"))


def _ask(occasion: Occasion) -> None:
    if isinstance(occasion, Press) and not occasion.private_files:
        # The answer to a press is a line without buttons there.
        occasion.reply(occasion.say("forget.private", command=occasion.spelled()), private=True)
        return
    token = occasion.services.personal.ask(occasion.person)
    yes = Button(YES + token, occasion.say("button.forget"), ButtonStyle.DANGER)
    no = Button(NO + token, occasion.say("button.keep"))
    question = occasion.say("forget.ask", export=occasion.spelled(EXPORT))
    occasion.reply(question, ((yes, no),), private=True, repeatable=True)


async def _forget(press: Press) -> None:
    services = press.services
    forgetting = services.chat.beside(services.personal.forget(press.person), f"forgetting {press.person}")
    if not await ends_within(services.clock, SOON_S, forgetting):
        slow = press.update(press.say("forget.slow"))
        await forgetting
        if slow is not None:
            await slow.finished()  # so that it does not come to stand over what is said now
    rows = forgetting.result()
    done = press.say("forget.done", entries=rows) if rows else press.say("forget.nothing")
    press.update(f"{done}\n\n{press.say('forget.stays')}")


COMMAND: Final = Command("forget", run, press=press, for_strangers=True, private=True, portable=True)
