"""What a delta costs: the whole of Sluice's path beside the bare loop of the openai library.

    .venv/bin/sluice bench cpu [--quick] [--json FILE]

Every run has a fresh process, and a fresh server in another process on another core. Contestants take turns
in rounds, because a machine's speed drifts: the ratio is taken within each round, and its median counts.
Single times depend on the machine. The loop lag is how much later than asked for a task wakes that sleeps
for 10 ms: what a gateway's heartbeat would have to wait, too.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmarks import cpu_client, load_server
from benchmarks.cpu_client import CONTESTANTS, Measured, Task
from benchmarks.load_server import Load
from benchmarks.process import cores

SDK: Final = "openai SDK"
HELD_LAG_MS: Final = 50.0
"""A load counts as held while the loop lag's p99 stays below this."""
_ROOT: Final = Path(__file__).parents[1]
_RUN_S: Final = 240.0  # beyond this a run hangs


@dataclass(frozen=True, slots=True)
class CpuRow:
    """The medians of one contestant's runs under one load.

    `ratio`: CPU per delta over the SDK's in the same round; None without one. `behind`: the share of what
    the server sent meanwhile that was not taken. `server_late_ms`: p99, so that it can be seen to keep up.
    `kb_per_stream`: what resident memory grew by when the streams began, their connections included.
    """

    contestant: str
    streams: int
    rate: float  # deltas a second for each stream
    runs: int
    cpu_us_per_delta: float
    ratio: float | None
    lag_p50_ms: float
    lag_p99_ms: float
    lag_max_ms: float
    behind: float
    edits_per_s: float
    server_late_ms: float
    kb_per_stream: float
    loop: str

    @property
    def held(self) -> bool:
        return self.lag_p99_ms < HELD_LAG_MS


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. `loads` of the second kind are tried in turn until Sluice holds one."""

    streams: int
    rate: float
    rounds: int
    contestants: tuple[str, ...]
    held_streams: int
    held_rates: tuple[float, ...]
    held_contestants: tuple[str, ...]
    settle_s: float
    measure_s: float


FULL: Final = Size(
    streams=500,
    rate=2.0,
    rounds=3,
    contestants=tuple(CONTESTANTS),
    held_streams=200,
    held_rates=(50.0, 40.0, 30.0, 20.0, 10.0),
    held_contestants=(SDK, "Sluice, Discord"),
    settle_s=2.0,
    measure_s=8.0,
)
QUICK: Final = Size(
    streams=500,  # fewer would leave each stream more edits, and it is the edits that cost
    rate=2.0,
    rounds=1,
    contestants=(SDK, "Sluice, Discord"),
    held_streams=0,
    held_rates=(),
    held_contestants=(),
    settle_s=0.5,
    measure_s=3.0,
)


def run(*, quick: bool = False, tell: Callable[[str], None] | None = None) -> tuple[CpuRow, ...]:
    """Measure everything; a few minutes, or some 20 s. `tell` hears of each run."""
    size = QUICK if quick else FULL
    tell = tell or _to_stderr
    rows = list(compare(size.contestants, Load(size.streams, size.rate), size, tell))
    for rate in size.held_rates:
        held = compare(size.held_contestants, Load(size.held_streams, rate), size, tell)
        rows += held
        if all(row.held for row in held if row.contestant != SDK):
            break
    return tuple(rows)


def compare(
    contestants: Sequence[str], load: Load, size: Size, tell: Callable[[str], None]
) -> tuple[CpuRow, ...]:
    """One row for each contestant, measured in alternation under the same load."""
    runs: dict[str, list[Measured]] = {name: [] for name in contestants}
    for number in range(size.rounds):
        for name in contestants:
            tell(f"cpu: round {number + 1} of {size.rounds}, {load.streams} × {load.rate:g}/s, {name}")
            measured = measure(name, load, settle_s=size.settle_s, measure_s=size.measure_s)
            runs[name].append(measured)
            tell(f"  {measured.cpu_us_per_delta:.0f} µs per delta, loop lag p99 {measured.lag_p99_ms:.1f} ms")
    return tuple(row_of(name, load, measured, runs.get(SDK)) for name, measured in runs.items())


def measure(contestant: str, load: Load, *, settle_s: float, measure_s: float) -> Measured:
    """One run, in fresh processes. Raises subprocess.SubprocessError when it fails or hangs."""
    client_cpu, server_cpu = cores()
    with _serving(load, server_cpu) as port:
        task = Task(contestant, port, load.streams, settle_s, measure_s, client_cpu)
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, *cpu_client.arguments(task)],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            check=True,
            timeout=_RUN_S,
        )
    return Measured(**json.loads(done.stdout))


@contextmanager
def _serving(load: Load, cpu: int | None) -> Iterator[int]:
    """The port of a server in a process of its own."""
    command = [sys.executable, *load_server.arguments(load, cpu)]
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin is not None  # noqa: S101 - asked for
        assert server.stdout is not None  # noqa: S101 - asked for
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()  # the server's sign to end


def row_of(contestant: str, load: Load, runs: Sequence[Measured], sdk: Sequence[Measured] | None) -> CpuRow:
    """The medians of the runs; the ratio is taken to the SDK's run of the same round."""
    ratios = [
        ours.cpu_us_per_delta / theirs.cpu_us_per_delta
        for ours, theirs in zip(runs, sdk or runs[:0], strict=False)
    ]

    def median(of: Callable[[Measured], float]) -> float:
        return statistics.median(map(of, runs))

    return CpuRow(
        contestant=contestant,
        streams=load.streams,
        rate=load.rate,
        runs=len(runs),
        cpu_us_per_delta=median(lambda run: run.cpu_us_per_delta),
        ratio=statistics.median(ratios) if ratios else None,
        lag_p50_ms=median(lambda run: run.lag_p50_ms),
        lag_p99_ms=median(lambda run: run.lag_p99_ms),
        lag_max_ms=max(run.lag_max_ms for run in runs),
        behind=median(lambda run: max(0.0, 1 - run.deltas / run.sent) if run.sent else 0.0),
        edits_per_s=median(lambda run: run.edits / run.wall_s),
        server_late_ms=median(lambda run: run.server_late_p99_ms),
        kb_per_stream=median(lambda run: run.kb_per_stream),
        loop=runs[0].loop,
    )


def table(rows: Sequence[CpuRow]) -> str:
    """The rows for people."""
    head = (
        f"{'contestant':22} {'load':>11} {'µs/delta':>9} {'ratio':>6} {'lag p50':>8} {'lag p99':>8} "
        f"{'lag max':>8} {'behind':>7} {'edits/s':>8} {'server':>7} {'kB each':>8}  "
        "runs, loop"
    )
    lines = [head]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        lines.append(
            f"{row.contestant:22} {f'{row.streams} × {row.rate:g}/s':>11} {row.cpu_us_per_delta:9.1f} "
            f"{ratio:>6} {row.lag_p50_ms:8.1f} {row.lag_p99_ms:8.1f} {row.lag_max_ms:8.1f} "
            f"{row.behind:7.1%} {row.edits_per_s:8.1f} {row.server_late_ms:7.1f} "
            f"{row.kb_per_stream:8.1f}  {row.runs}, {row.loop}"
        )
    return "\n".join(
        (*lines, "Lags and the server's lateness (p99) in ms; ratio: CPU per delta to the SDK's.")
    )


def as_dicts(rows: Sequence[CpuRow]) -> list[dict[str, object]]:
    """The rows for machines."""
    return [asdict(row) for row in rows]


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
