"""`/claim`: whoever brings the code that start-up printed becomes the first admin."""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import Final

from core.commands.call import Call
from core.commands.command import Argument, Command, Menu
from core.policy.access import Claim
from core.settings import PLATFORMS

log = logging.getLogger(__name__)

_WORDS: Final = MappingProxyType(
    {
        Claim.WRONG: "claim.wrong",
        Claim.LOCKED: "claim.locked",
        Claim.NEEDLESS: "claim.needless",
        Claim.CLOSED: "claim.closed",
    }
)


async def run(call: Call) -> None:
    code = call.text("code")
    access = call.services.access
    if not call.unseen_by_others:
        access.burn_codes_in(code)
        call.reply(call.say("claim.private"))
        return
    try:
        claim = access.claim(call.person, code)
    except OSError as error:
        log.error("the first admin cannot be stored: %s", error)
        call.reply(call.say("claim.not_stored"))
        return
    log.info("claim by %s: %s", call.person, claim.value)
    if claim is Claim.ACCEPTED:
        other = ", ".join(f"{name}:YOUR-ID" for name in PLATFORMS if name != call.person.platform)
        call.reply(call.say("claimed", entry=str(call.person), other=other))
    else:
        call.reply(call.say(_WORDS[claim]))


COMMAND: Final = Command(
    "claim",
    run,
    (Argument("code", required=True, max_length=100),),
    for_strangers=True,
    private=True,
    menu=Menu.HIDDEN,
)
