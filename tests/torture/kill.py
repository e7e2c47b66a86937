"""Kill -9, or SIGTERM, at seeded moments: one line for each, and a summary. Goes on where it was left off."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from core.catalogue import say
from tests.torture.process import LOG, SluiceProcess
from tests.torture.records import Records
from tests.torture.rounds import POINTS, Round, Rounds
from tests.torture.scene import opened

MARKS: Final = (say("ending.interrupted"),)
STOPS_WITHIN_S: Final = 8.0


@dataclass(frozen=True, slots=True)
class Plan:
    """So many `rounds` in all, in each of which questions stream `at_once`, told for `told_s`. `wrong_ends`:
    none after one that goes wrong. `forks`: see `SluiceProcess`."""

    rounds: int
    seed: str
    at_once: int = 6
    told_s: float = 6.0
    wrong_ends: bool = False
    forks: bool = False


async def kills(plan: Plan, records: Records) -> list[Round]:
    """The rounds in `records`, and those that the plan lacks."""

    async def kill(sluice: SluiceProcess, _: Round) -> None:
        await sluice.kill()

    return await _play(plan, records, POINTS, kill, bare=False)


async def stops(plan: Plan, records: Records) -> list[Round]:
    """The same with SIGTERM, which ends it in good order and in time, with people asking meanwhile."""

    async def stop(sluice: SluiceProcess, played: Round) -> None:
        began = time.monotonic()
        code = await sluice.terminate(STOPS_WITHIN_S)
        played.stopped_s = max(played.stopped_s, time.monotonic() - began)
        if code is None:
            played.wrong.append(f"it had not stopped after {STOPS_WITHIN_S:g} s")
        elif code:
            played.wrong.append(f"it stopped with code {code}")

    points = tuple(point for point in POINTS if point != "while starting")
    return await _play(plan, records, points, stop, bare=True)


async def _play(
    plan: Plan,
    records: Records,
    points: tuple[str, ...],
    end: Callable[[SluiceProcess, Round], Awaitable[None]],
    *,
    bare: bool,
) -> list[Round]:
    played = [Round(**one) for one in records.read()]
    with tempfile.TemporaryDirectory(prefix="sluice-torture-", ignore_cleanup_errors=True) as folder:
        async with opened(MARKS, bare=bare) as scene:
            sluice = SluiceProcess(Path(folder), scene.settings, forks=plan.forks)
            chance = random.Random(plan.seed)
            try:
                rounds = Rounds(scene, sluice, chance, at_once=plan.at_once, told_s=plan.told_s, orderly=bare)
                await rounds.open()
                for number in range(len(played), plan.rounds):
                    chance.seed(f"{plan.seed}/{number}")
                    one = Round(number, points[number % len(points)])
                    await rounds.play(one, partial(end, sluice, one))
                    records.add(asdict(one), one.line())
                    played.append(one)
                    if one.wrong and plan.wrong_ends:
                        break
            finally:
                await sluice.close()
                if any(one.wrong for one in played) and records.file is not None:
                    shutil.copy(Path(folder) / LOG, records.file.with_suffix(".log"))
    return played
