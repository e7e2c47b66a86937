"""`/access`: who asked to use the bot, and what its admins decide."""

from __future__ import annotations

import re
from typing import Final

from core.commands.call import Call, Inquiry, Occasion, Press
from core.commands.command import Argument, Command, Kind, Who
from core.messages import Choice
from core.ports.store import StoreError
from core.service.approvals import NO, YES, Decision, State, buttons_for
from core.streaming.operations import MAX_OPTIONS, Button, Option, Row, Select

PICK, FORGET = "access:pick", "access:drop:"
"""What chooses one of the list; the entry follows the second."""
_LISTED: Final = 40  # lines
_DECISIONS: Final = {"approve": State.APPROVED, "refuse": State.REFUSED}
_WORDS: Final = {  # what it is, and what is said when it becomes so
    State.ASKED: ("access.state.asked", "access.revoked"),
    State.APPROVED: ("access.state.approved", "access.approved"),
    State.REFUSED: ("access.state.refused", "access.refused"),
}
_PLACE: Final = re.compile(r"[a-z]+:(?:server|channel|chat|private):-?[0-9a-z]{1,20}", re.ASCII)


async def run(call: Call) -> None:
    entry, decision = call.text("entry").strip(), call.text("decision")
    if not entry:
        call.reply(*_list(call))
    elif not _PLACE.fullmatch(entry):
        call.reply(call.say("access.unfit", entry=_short(entry)))
    elif not decision:
        call.reply(*_one(call, entry))
    else:
        call.reply(await _decided(call, entry, decision))


async def press(press: Press) -> None:
    if press.data == PICK and press.values:
        press.update(*_one(press, press.values[0]))
        return
    for start, decision in ((YES, "approve"), (NO, "refuse"), (FORGET, "revoke")):
        entry = press.data.removeprefix(start)
        if press.data.startswith(start) and _PLACE.fullmatch(entry):
            press.update(await _decided(press, entry, decision))
            return
    press.reply(press.say("form.over"), private=True)


async def _decided(occasion: Occasion, entry: str, decision: str) -> str:
    """Do it; what became of it."""
    approvals = occasion.services.chat.approvals
    shown = approvals.names.beside(entry)
    try:
        if decision in _DECISIONS:
            done = await approvals.decide(entry, _DECISIONS[decision], occasion.person)
            return occasion.say(_WORDS[done.state][1], entry=shown)
        await approvals.revoke(entry, occasion.person)
    except StoreError:
        return occasion.say("settings.not_kept")
    return occasion.say("access.revoked", entry=shown)


def _list(occasion: Occasion) -> tuple[str, tuple[Row, ...]]:
    every = occasion.services.chat.approvals.all()
    if not every:
        return occasion.say("access.none"), ()
    lines = [occasion.say("access.title"), *(_line(occasion, one) for one in every[:_LISTED])]
    if len(every) > _LISTED:
        lines.append(occasion.say("access.more", count=len(every) - _LISTED))
    options = tuple(Option(one.entry, _label(occasion, one)) for one in every[:MAX_OPTIONS])
    return "\n".join(lines), (Select(PICK, options, occasion.say("access.pick")),)


def _one(occasion: Occasion, entry: str) -> tuple[str, tuple[Row, ...]]:
    found = occasion.services.chat.approvals.find(entry)
    if found is None:
        shown = occasion.services.chat.approvals.names.beside(entry)
        return occasion.say("access.revoked", entry=shown), buttons_for(entry, occasion.locale)
    forget = Button(FORGET + entry, occasion.say("button.revoke"))
    return _line(occasion, found), (*buttons_for(entry, occasion.locale), (forget,))


def _line(occasion: Occasion, one: Decision) -> str:
    state, names = occasion.say(_WORDS[one.state][0]), occasion.services.chat.approvals.names
    return occasion.say("access.line", entry=names.beside(one.entry), state=state, by=names.beside(one.by))


def _label(occasion: Occasion | Inquiry, one: Decision) -> str:
    """A plain line, as where one of them is picked."""
    names = occasion.services.chat.approvals.names
    name, state = names.plain(one.entry), occasion.say(_WORDS[one.state][0])
    return f"{name} ({one.entry}): {state}" if name else f"{one.entry}: {state}"


def _short(text: str) -> str:
    return re.sub(r"[^\w:/-]", "", text)[:60]


async def _suggest(inquiry: Inquiry, typed: str) -> tuple[Choice, ...]:
    return tuple(
        Choice(one.entry, _label(inquiry, one))
        for one in inquiry.services.chat.approvals.all()
        if typed.strip() in _label(inquiry, one)
    )[:MAX_OPTIONS]


COMMAND: Final = Command(
    "access",
    run,
    (
        Argument("entry", max_length=60, suggest=_suggest),
        Argument("decision", Kind.CHOICE, choices=("approve", "refuse", "revoke")),
    ),
    press=press,
    who=Who.OWNER,
    private=True,
)
