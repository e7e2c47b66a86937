"""Kill -9 at random points of streams, on the real process: five here, a hundred by `make torture`."""

from __future__ import annotations

import random
from pathlib import Path

from tests.torture.kill import MARKS, Plan, kills, stops
from tests.torture.process import SluiceProcess
from tests.torture.records import Records
from tests.torture.rounds import Away, Round, Rounds
from tests.torture.scene import opened

AT_ONCE, TOLD_S = 4, 4.0


async def test_with_nobody_killed_every_answer_is_whole(tmp_path: Path) -> None:
    """What the judge says of a quiet day."""

    async def nobody() -> None:
        return

    played = Round(0, "at a rollover")

    async with opened(MARKS) as scene:
        sluice = SluiceProcess(tmp_path, scene.settings)
        try:
            rounds = Rounds(scene, sluice, random.Random(3), at_once=AT_ONCE, told_s=TOLD_S)
            await rounds.open()
            await rounds.play(played, nobody)
        finally:
            await sluice.close()
    assert (played.wrong, played.whole, played.moment) == ([], AT_ONCE + 4, True)


async def test_five_kills_lose_and_double_nothing() -> None:
    played = await kills(Plan(5, "five", AT_ONCE, TOLD_S, wrong_ends=True, forks=True), Records(quiet=True))
    assert [wrong for one in played for wrong in one.wrong] == []


async def test_a_stop_under_load_loses_and_doubles_nothing() -> None:
    played = await stops(Plan(1, "one", AT_ONCE, TOLD_S, forks=True), Records(quiet=True))
    assert [wrong for one in played for wrong in one.wrong] == []


def test_what_was_on_its_way_when_a_process_ended_may_stand_there_twice() -> None:
    away = Away(since=100.0, until=101.0)
    assert [came for came in (98.0, 98.6, 100.2, 101.1) if away.explains(came)] == [98.6, 100.2]


def test_one_that_ends_by_itself_knows_what_it_sends_meanwhile() -> None:
    assert [came for came in (98.0, 98.6, 100.2) if Away(since=100.0).explains(came)] == [98.6]
