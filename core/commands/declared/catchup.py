"""`/catchup`: what happened here while somebody was away, with links, for their eyes alone."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from core.commands.call import Call
from core.commands.command import Argument, Command, Where
from core.conversation.history import Question
from core.conversation.since import MOST, Since, missed, read_since
from core.conversation.window import is_blank
from core.ports.reading import NotReadable

_WHY: Final = MappingProxyType(
    {
        NotReadable.BOT: "reading.bot",
        NotReadable.READER: "reading.reader",
        NotReadable.FAILED: "reading.failed",
    }
)


async def run(call: Call) -> None:
    since = read_since(call.text("since"))
    if since is None:
        call.reply(call.say("catchup.unfit", most=MOST))
        return
    chat, name = call.services.chat, f"/catchup in {call.place}"
    work = _catch_up(call, since)
    if not chat.later(work, name, of=call.person, surface=call.surface, event_id=call.event_id):
        call.reply(call.say("busy"))


async def _catch_up(call: Call, since: Since) -> None:
    chat = call.services.chat
    from_ = call.services.clock.wall() - since.seconds
    found = await chat.surroundings.fetch(
        call.surface, call.person, since=from_, before=call.ref, limit=since.limit
    )
    if found is None:
        call.reply(call.say("reading.bot" if call.place.guild_id else "catchup.off"))
        return
    if isinstance(found, NotReadable):
        call.reply(call.say(_WHY[found]))
        return
    told = missed(found, call.person.id) if since.last_own else found
    if all(seen.by_us or is_blank(seen.text) for seen in told):
        call.reply(call.say("catchup.nothing"))
        return
    chat.ask(
        Question(
            call.event_id,
            call.place,
            call.person,
            call.say("catchup.question"),
            call.ref,
            private=True,
            about=told,
        ),
        call.surface,
    )


COMMAND: Final = Command(
    "catchup",
    run,
    (Argument("since", max_length=20),),
    where=frozenset({Where.SERVER, Where.THREAD, Where.GROUP}),
    private=True,
    repeatable=True,
)
