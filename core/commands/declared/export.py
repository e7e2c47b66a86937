"""`/export`: all that is kept of the person who asks, as a file for them alone."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Final

from core.commands.call import Call, Occasion, Press
from core.commands.command import Command
from core.ports.store import StoreError
from core.service.export_files import count, files_of
from core.service.in_time import ends_within
from core.service.personal_data import SOON_S

log = logging.getLogger(__name__)


async def run(call: Call) -> None:
    await export(call)


async def press(press: Press) -> None:
    await export(press)


async def export(occasion: Occasion) -> None:
    if not occasion.private_files:
        occasion.reply(occasion.say("export.private", command=occasion.spelled()), private=True)
        return
    max_bytes = occasion.surface.capabilities.max_file_bytes
    if not max_bytes:
        occasion.reply(occasion.say("export.no_files"), private=True)
        return
    exporting, who = occasion.services.personal.exporting, str(occasion.person)
    if not exporting.enter(who):
        occasion.reply(occasion.say("busy"), private=True)
        return
    try:
        await _export(occasion, max_bytes)
    finally:
        exporting.leave(who)


async def _export(occasion: Occasion, max_bytes: int) -> None:
    services, personal = occasion.services, occasion.services.personal
    reading = services.chat.beside(personal.export(occasion.person), f"export for {occasion.person}")
    if not await ends_within(services.clock, SOON_S, reading):
        occasion.reply(occasion.say("export.slow"), private=True)
    try:
        data = await reading
    except StoreError as error:
        log.error("what is kept of %s cannot be read: %s", occasion.person, error)
        occasion.reply(occasion.say("store.failed"), private=True)
        return
    files = await asyncio.to_thread(partial(files_of, data, _about(occasion), max_bytes=max_bytes))
    for number, file in enumerate(files, 1):
        words = [occasion.say("export.done", entries=count(data))] if number == 1 else []
        if number == 1 and not file.name.endswith(".json"):
            words.append(occasion.say("export.packed"))
        if len(files) > 1:
            words.append(occasion.say("export.part", part=number, parts=len(files)))
        if occasion.reply(" ".join(words), private=True, file=file) is None:
            log.warning("part %d of %d of an export for %s is not sent", number, len(files), occasion.person)
            return


def _about(occasion: Occasion) -> dict[str, str]:
    """What stands in front of the data, so that a reader needs nothing else."""
    now = datetime.fromtimestamp(occasion.services.clock.wall(), UTC)
    return {
        "person": f"{occasion.person}. {occasion.say('export.about.person')}",
        "made_at": now.isoformat(timespec="seconds"),
        "made_by": f"Sluice {version('sluice')}",
        "messages": occasion.say("export.about.messages"),
        "choices": occasion.say("export.about.choices"),
        "personas": occasion.say("export.about.personas"),
        "usage": occasion.say("export.about.usage"),
        "overheard": occasion.say("export.about.overheard"),
    }


COMMAND: Final = Command(
    "export", run, press=press, for_strangers=True, private=True, portable=True, repeatable=True
)
