"""`/usage`: tokens and cost of me, of this server or of everybody, in words and as a chart."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from core.commands.call import Call
from core.commands.command import Argument, Command, Kind, Who
from core.commands.permission import manages
from core.commands.usage_report import in_words
from core.ports.chart import Bar
from core.ports.store import StoreError
from core.service.usage import Report, booked_place
from core.streaming.operations import FileContent

log = logging.getLogger(__name__)

ME, SERVER, EVERYTHING = "me", "server", "everything"


async def run(call: Call) -> None:
    of, access = call.text("of") or ME, call.services.access
    if of == EVERYTHING and not access.is_admin(call.person):
        call.reply(call.say("unusable.owners", command=f"{call.spelled()} {of}"))
        return
    if of == SERVER and not manages(call.person, call.place, access):
        call.reply(call.say("unusable.managers", command=f"{call.spelled()} {of}"))
        return
    if of != SERVER and not call.unseen_by_others:
        own, here = call.spelled(), f"{call.spelled()} {SERVER}"
        call.reply(call.say("usage.private", command=own, server=here))
        return
    usage = call.services.usage
    try:
        report = await usage.report(
            person=str(call.person) if of == ME else "",
            place=booked_place(call.place) if of == SERVER else "",
        )
        left = await call.services.spending.left(call.person, call.place) if of != SERVER else ()
    except StoreError as error:
        log.error("usage cannot be read: %s", error)
        call.reply(call.say("store.failed"))
        return
    title = call.say(
        "usage.of.me" if of == ME else "usage.of.server" if of == SERVER else "usage.of.everything"
    )
    chart = await _chart(call, report)
    call.reply(in_words(report, title, call.locale, left=left, chart=bool(chart)), file=chart)


async def _chart(call: Call, report: Report) -> FileContent | None:
    """None where there is nothing to be seen, or it cannot be shown."""
    if not any(prompt or completion for _, prompt, completion in report.days):
        return None
    bars = [Bar(str(day), (prompt, completion)) for day, prompt, completion in report.days]
    png = await asyncio.to_thread(call.services.draw, bars)
    if len(png) > call.surface.capabilities.max_file_bytes:
        return None
    return FileContent("usage.png", png, picture=True)


COMMAND: Final = Command(
    "usage",
    run,
    (Argument("of", Kind.CHOICE, choices=(ME, SERVER, EVERYTHING)),),
    who=Who.EVERYBODY,
    private=True,
    portable=True,
    weighs_rights=True,
    repeatable=True,
)
