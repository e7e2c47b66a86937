"""Discord's time as its answers tell it."""

from __future__ import annotations

import pytest

from bots.discord.server_time import ServerTime
from tests.fakes.clock import FakeClock

AT_DISCORD = 1_795_661_706.0
DATE = "Thu, 26 Nov 2026 02:55:06 GMT"


async def test_discords_time_goes_on_whatever_becomes_of_the_machines() -> None:
    clock = FakeClock()
    time = ServerTime(clock)
    assert time.now() == clock.wall(), "nobody has said better yet"
    time.answered(DATE)
    clock.wall_ahead_s = 3_600.0
    await clock.advance(5.0)
    assert time.now() == AT_DISCORD + 5.0


@pytest.mark.parametrize("date", [None, "", "soon", "Thu, 99 Nov 2026 02:55:06 GMT"])
def test_an_answer_without_a_date_changes_nothing(date: str | None) -> None:
    time = ServerTime(FakeClock())
    time.answered(DATE)
    time.answered(date)
    assert time.now() == AT_DISCORD
