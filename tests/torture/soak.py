"""Many answers at once for long: what the process holds, sampled, and every answer judged."""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from core.service.watchdog import tasks_in
from tests.torture.kill import MARKS
from tests.torture.process import SluiceProcess
from tests.torture.records import Records
from tests.torture.scene import PEOPLE, Place, Places, Scene, opened
from tests.torture.texts import SHAPES

HEARTBEAT: Final = "data/heartbeat"
EVERY_S: Final = 10.0
WARM_S: Final = 900.0
"""What is sampled before is no part of a slope: caches fill, pools open their connections, and conversations
grow until no more of them is shown to the model. It is at most a fifth of what there is."""
TOLD_S: Final = (20.0, 40.0)
OVER_WITHIN_S: Final = 120.0
"""After its telling, an answer has so long to stand there whole."""
_TICKS_A_SECOND: Final = 100  # of /proc/PID/stat, on every Linux that Sluice runs on


@dataclass(frozen=True, slots=True)
class Sample:
    """Of one process. `life`: 0, or which one after an interruption; `at_s`: since it was ready; `answers`:
    that were judged well by then."""

    life: int
    at_s: float
    rss_kb: int
    files: int
    threads: int
    tasks: int
    cpu_s: float
    streams: int
    answers: int


@dataclass(slots=True)
class Soaked:
    samples: list[Sample]
    wrong: list[str] = field(default_factory=list)


def sampled(sluice: SluiceProcess, life: int, at_s: float, streams: int, answers: int) -> Sample:
    """What a process holds now, by /proc, and by itself."""
    proc = Path(f"/proc/{sluice.pid}")
    status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines() if ":" in line)
    times = (proc / "stat").read_text().rpartition(")")[2].split()
    return Sample(
        life,
        round(at_s, 1),
        rss_kb=int(status["VmRSS"].split()[0]),
        files=len(list((proc / "fd").iterdir())),
        threads=int(status["Threads"]),
        tasks=tasks_in(sluice.folder / HEARTBEAT),
        cpu_s=(int(times[11]) + int(times[12])) / _TICKS_A_SECOND,
        streams=streams,
        answers=answers,
    )


async def soak(minutes: float, streams: int, records: Records, *, seed: str = "1") -> Soaked:
    """Let so many answers stream at once until there are samples of so many minutes."""
    soaked = Soaked([Sample(**one) for one in records.read()])
    life = soaked.samples[-1].life + 1 if soaked.samples else 0
    left_s = minutes * 60.0 - EVERY_S * len(soaked.samples)
    with tempfile.TemporaryDirectory(prefix="sluice-torture-", ignore_cleanup_errors=True) as folder:
        async with opened(MARKS) as scene:
            sluice, chance = SluiceProcess(Path(folder), scene.settings), random.Random(f"{seed}/{life}")
            places = Places(scene, chance)
            rooms = await places.make(max(1, -(-(streams - 2 * len(PEOPLE)) // 2)))
            try:
                await sluice.start()
                await sluice.ready()
                await scene.greeted(rooms)
                playing = _Playing(scene, chance, soaked)
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(playing.ask_on(place)) for place in places.everywhere()[:streams]
                    ]
                    tasks.append(group.create_task(scene.ledger.keep_judging()))
                    await _sample(sluice, life, left_s, playing=playing, soaked=soaked, records=records)
                    for task in tasks:
                        task.cancel()
            finally:
                await sluice.close()
    return soaked


class _Playing:
    def __init__(self, scene: Scene, chance: random.Random, soaked: Soaked) -> None:
        self._scene = scene
        self._chance = chance
        self._soaked = soaked
        self.answers = 0

    @property
    def streams(self) -> int:
        return self._scene.model.open_streams

    def _wrong(self, why: str) -> None:
        print("wrong:", why, file=sys.stderr, flush=True)
        self._soaked.wrong.append(why)

    async def ask_on(self, place: Place) -> None:
        """One question after the other, for ever."""
        await asyncio.sleep(self._chance.uniform(0.0, TOLD_S[0]))
        while True:
            told_s = self._chance.uniform(*TOLD_S)
            asked = await self._scene.ask(place, self._chance.choice(SHAPES), told_s)
            try:
                async with asyncio.timeout(
                    told_s + OVER_WITHIN_S
                ):  # unlike `wait_for`, it loses no cancellation
                    await asked.settled.wait()
            except TimeoutError:
                self._wrong(f"{asked.name} on {place.platform} {place.kind}: {asked.verdict.why}")
            if asked.verdict.ending == "whole":
                self.answers += 1
            elif asked.settled.is_set():
                self._wrong(f"{asked.name} ended with {asked.verdict.ending}")
            self._scene.forget([asked])


async def _sample(
    sluice: SluiceProcess, life: int, left_s: float, *, playing: _Playing, soaked: Soaked, records: Records
) -> None:
    began = time.monotonic()
    for number in range(1, int(left_s / EVERY_S) + 1):
        await asyncio.sleep(began + number * EVERY_S - time.monotonic())
        if not sluice.running:
            soaked.wrong.append("it is gone")
            return
        one = sampled(sluice, life, time.monotonic() - began, playing.streams, playing.answers)
        soaked.samples.append(one)
        records.add(
            asdict(one),
            f"{one.at_s:7.0f} s {one.rss_kb / 1_000:7.1f} MB {one.files:4} files {one.threads:3} threads "
            f"{one.tasks:4} tasks {one.streams:3} streams {one.answers:5} answers {len(soaked.wrong)} wrong",
        )


def warm(samples: Sequence[Sample]) -> list[Sample]:
    """The longest life, without what it took to get warm."""
    lives = [[one for one in samples if one.life == life] for life in {one.life for one in samples}]
    longest = max(lives, key=len, default=[])
    after_s = min(WARM_S, longest[-1].at_s / 5) if longest else 0.0
    return [one for one in longest if one.at_s >= after_s]


def per_hour(samples: Sequence[Sample], of: str) -> float | None:
    """By how much it grows in an hour: the slope of the line of least squares."""
    if len(samples) < 3:
        return None
    hours = [one.at_s / 3_600 for one in samples]
    return statistics.linear_regression(hours, [float(getattr(one, of)) for one in samples]).slope


def figures(soaked: Soaked) -> dict[str, Any]:
    """For the note."""
    kept = warm(soaked.samples)
    slope_kb = per_hour(kept, "rss_kb")
    return {
        "minutes": round(len(soaked.samples) * EVERY_S / 60, 1),
        "lives": len({one.life for one in soaked.samples}),
        "answers": sum(
            max(one.answers for one in soaked.samples if one.life == life)
            for life in {one.life for one in soaked.samples}
        ),
        "streams_mean": round(statistics.fmean(one.streams for one in kept), 1) if kept else None,
        "rss_mb_first": kept[0].rss_kb / 1_000 if kept else None,
        "rss_mb_last": kept[-1].rss_kb / 1_000 if kept else None,
        "rss_mb_per_hour": None if slope_kb is None else round(slope_kb / 1_000, 2),
        "files_per_hour": per_hour(kept, "files"),
        "threads_per_hour": per_hour(kept, "threads"),
        "tasks_per_hour": per_hour(kept, "tasks"),
        "files_most": max((one.files for one in soaked.samples), default=None),
        "threads_most": max((one.threads for one in soaked.samples), default=None),
        "tasks_most": max((one.tasks for one in soaked.samples), default=None),
        "cpu_share": round((kept[-1].cpu_s - kept[0].cpu_s) / (kept[-1].at_s - kept[0].at_s), 3)
        if len(kept) > 1
        else None,
        "wrong": soaked.wrong,
    }
