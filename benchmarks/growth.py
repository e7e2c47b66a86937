"""How time and memory grow with the length of one answer, and with the number of answers at once.

    .venv/bin/sluice bench growth [--quick] [--json FILE]

The real driver, scheduler, views and renderer of Discord, in virtual time, with a surface that swallows
edits. Time is this process's CPU, the least of some rounds: a machine's speed drifts, and what else runs on
it only adds. Linear growth doubles the time when the size doubles; the exponent is
the slope of a line through the logarithms, 1 for linear. Memory is what Python allocated at the end of the
model's text, without that text: for one answer in all, for many by stream.
"""

from __future__ import annotations

import asyncio
import gc
import math
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final, TypeAlias

from benchmarks import passage
from benchmarks.swallowing import SwallowingSurface, discord_channel, discord_interaction
from benchmarks.virtual_clock import VirtualClock
from core.service.driver import Driver
from core.streaming.answer import Answer, Ending

Place: TypeAlias = Callable[[int], SwallowingSurface]
LONG: Final = "one answer"
CHANNELS: Final = "answers in channels"
SLASH: Final = "slash-command answers"
_TOKENS: Final = 8  # in each delta
_LONG_EVERY_S: Final = 0.05
_EVERY_S: Final = 0.5
_MANY_LAST_S: Final = 20.0  # so long each of many answers streams
_DRAINED_S: Final = 3_600.0  # when all must be shown, whatever the limits


@dataclass(frozen=True, slots=True)
class GrowthRow:
    """`n`: characters of one answer, or answers at once. `times`: its time over that of half of `n`, None
    where that was not measured. `exponent`: over all sizes of this kind. `beyond_text`: bytes, for one
    answer in all, for many by stream; None where it was not measured."""

    kind: str
    n: int
    seconds: float
    operations: int
    times: float | None
    exponent: float | None
    beyond_text: int | None


@dataclass(frozen=True, slots=True)
class Size:
    lengths: tuple[int, ...]
    streams: tuple[int, ...]
    rounds: int
    memory_up_to: int  # characters: allocations are counted at several times the cost


FULL: Final = Size(
    lengths=tuple(10_000 * 2**n for n in range(11)),
    streams=(1, 10, 50, 125, 250, 500, 1_000, 2_000),
    rounds=3,
    memory_up_to=1_280_000,
)
QUICK: Final = Size(
    lengths=(10_000, 20_000, 40_000, 80_000), streams=(25, 50, 100), rounds=1, memory_up_to=20_000
)


def run(*, quick: bool = False, tell: Callable[[str], None] | None = None) -> tuple[GrowthRow, ...]:
    """Measure everything; several minutes, or some 20 s. `tell` hears of each size."""
    size = QUICK if quick else FULL
    tell = tell or _to_stderr
    return (
        *played_rows(LONG, one_answer, size.lengths, size, tell, memory_up_to=size.memory_up_to),
        *played_rows(CHANNELS, partial(many_answers, discord_channel), size.streams, size, tell),
        *played_rows(SLASH, partial(many_answers, discord_interaction), size.streams, size, tell),
    )


@dataclass(frozen=True, slots=True)
class Played:
    """One run: CPU seconds, operations performed, and allocated bytes beside the text (0: not counted)."""

    seconds: float
    operations: int
    beyond_text: int


def one_answer(chars: int, *, memory: bool = False) -> Played:
    """An answer of about so many characters, at 20 deltas a second."""
    return _played(lambda: _Play(discord_channel, 1, chars, _LONG_EVERY_S, memory=memory))


def many_answers(place: Place, streams: int, *, memory: bool = False) -> Played:
    """So many answers at once for 20 s of virtual time, two deltas a second each."""
    chars = len(passage.text_of(int(_MANY_LAST_S / _EVERY_S) * _TOKENS))
    return _played(lambda: _Play(place, streams, chars, _EVERY_S, memory=memory))


def _played(play: Callable[[], _Play]) -> Played:
    gc.collect()
    return asyncio.run(play().play())


class _Play:
    """The streams speak one after the other, evenly; the last operation ends the run."""

    def __init__(
        self,
        place: Place,
        streams: int,
        chars: int,
        every_s: float,
        *,
        memory: bool,
    ) -> None:
        self._place = place
        self._streams = streams
        self._rounds = math.ceil(passage.tokens_of(chars) / _TOKENS)
        self._every_s = every_s
        self._memory = memory

    async def play(self) -> Played:
        deltas = [passage.text_of((n + 1) * _TOKENS)[len(passage.text_of(n * _TOKENS)) :] for n in range(330)]
        clock = VirtualClock()
        surfaces = [self._place(number) for number in range(self._streams)]
        if self._memory:
            tracemalloc.start()
        began = time.process_time()
        driver = Driver(clock)
        answers = [Answer(max_chars=sys.maxsize) for _ in surfaces]
        showings = [driver.show(answer, surface) for answer, surface in zip(answers, surfaces, strict=True)]
        for turn in range(self._rounds * self._streams):
            await clock.play_until(turn * self._every_s / self._streams)
            answer = answers[turn % self._streams]
            answer.append(deltas[turn // self._streams % len(deltas)], clock.monotonic())
            driver.changed(answer)
        beyond_text = _allocated_beyond(answers) if self._memory else 0
        for answer in answers:
            answer.end(Ending.COMPLETE, clock.monotonic())
            driver.changed(answer)
        await clock.play_until(clock.monotonic() + self._rounds * self._every_s + _DRAINED_S)
        seconds = time.process_time() - began
        shown = [await showing.finished() for showing in showings]
        if not all(one.complete for one in shown):
            raise RuntimeError("an answer is not shown in full: nothing was measured")
        return Played(seconds, sum(surface.calls for surface in surfaces), beyond_text)


def _allocated_beyond(answers: Sequence[Answer]) -> int:
    gc.collect()
    allocated, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return allocated - sum(sys.getsizeof(answer.text) for answer in answers)


def played_rows(
    kind: str,
    play: Callable[..., Played],
    sizes: Sequence[int],
    size: Size,
    tell: Callable[[str], None],
    *,
    memory_up_to: int | None = None,
) -> list[GrowthRow]:
    played: dict[int, list[Played]] = {n: [] for n in sizes}
    for number in range(size.rounds):
        for n in sizes:
            tell(f"growth: round {number + 1} of {size.rounds}, {kind}, {n:,}")
            played[n].append(play(n))
    measured: list[tuple[int, float, int, int | None]] = []
    for n, runs in played.items():
        counted = memory_up_to is None or n <= memory_up_to
        beyond = play(n, memory=True).beyond_text if counted else None
        measured.append((n, min(run.seconds for run in runs), runs[0].operations, beyond))
    return rows_of(kind, measured, by_stream=memory_up_to is None)


def rows_of(
    kind: str, measured: Sequence[tuple[int, float, int, int | None]], *, by_stream: bool
) -> list[GrowthRow]:
    """Of (n, seconds, operations, bytes beyond the text) for each size: how they compare."""
    seconds_at = {n: seconds for n, seconds, _, _ in measured}
    slope = exponent([(n, seconds) for n, seconds, _, _ in measured])
    return [
        GrowthRow(
            kind=kind,
            n=n,
            seconds=seconds,
            operations=operations,
            times=seconds / seconds_at[n // 2] if n % 2 == 0 and n // 2 in seconds_at else None,
            exponent=slope,
            beyond_text=None if beyond is None else beyond // n if by_stream else beyond,
        )
        for n, seconds, operations, beyond in measured
    ]


def exponent(points: Sequence[tuple[int, float]]) -> float | None:
    """The slope of the line of least squares through the logarithms; None for fewer than two points."""
    if len(points) < 2:
        return None
    return statistics.linear_regression(
        [math.log(n) for n, _ in points], [math.log(seconds) for _, seconds in points]
    ).slope


def table(rows: Sequence[GrowthRow]) -> str:
    """The rows for people."""
    lines = [f"{'what':22} {'n':>11} {'seconds':>9} {'× of n/2':>9} {'operations':>11} {'beyond text':>12}"]
    for row, after in zip(rows, (*rows[1:], None), strict=True):
        times = "" if row.times is None else f"{row.times:.2f}"
        beyond = "" if row.beyond_text is None else f"{row.beyond_text / 1_000:.1f} kB"
        lines.append(
            f"{row.kind:22} {row.n:11,} {row.seconds:9.3f} {times:>9} {row.operations:11,} {beyond:>12}"
        )
        if row.exponent is not None and (after is None or after.kind != row.kind):
            lines.append(f"{'':22} exponent {row.exponent:.2f}")
    return "\n".join(lines)


def as_dicts(rows: Sequence[GrowthRow]) -> list[dict[str, object]]:
    """The rows for machines."""
    return [asdict(row) for row in rows]


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
