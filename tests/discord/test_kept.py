"""What keeps messages while the core has them in hand, at its own pace and at the heartbeat's."""

from __future__ import annotations

import asyncio
from typing import Final

from bots.discord.kept import Shelf
from core.adapters.memory_journal import MemoryJournal
from core.messages import Addressed, IncomingMessage, MessageRef, Person, Place, PlaceKind
from core.ports.alerts import LoggedAlerts
from tests.fakes.clock import FakeClock

ACCOUNT: Final = "discord:9"
PLACE: Final = Place("discord", "30", PlaceKind.SHARED)
ADA: Final = Person("discord", "7", "Ada")


async def test_a_message_that_the_heartbeat_keeps_first_still_reaches_the_core() -> None:
    clock = FakeClock()
    shelf = Shelf(MemoryJournal(clock=clock), clock, ACCOUNT, LoggedAlerts())
    message = IncomingMessage("100", PLACE, ADA, MessageRef("30", "100"), "Hello?", Addressed.MENTION)
    shelf.coming(message)
    to_do, rest = await asyncio.gather(shelf.keep(message), shelf.keep_rest())
    assert to_do
    assert rest == (("30", "100"),)
    assert shelf.is_kept(message)
