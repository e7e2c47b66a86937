"""`python -m tests.torture`: what is run for minutes and hours, and told in JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tests.torture.chaos import chaos
from tests.torture.kill import Plan, kills, stops
from tests.torture.plot import svg
from tests.torture.records import Json, Records
from tests.torture.rounds import counts
from tests.torture.soak import figures, soak

FOLDER: Final = Path("data/torture")


def main(arguments: Sequence[str]) -> int:
    """0 where the promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where results and progress are kept")
    parts = parser.add_subparsers(dest="part", required=True)
    for name in ("kill", "sigterm"):
        part = parts.add_parser(name)
        part.add_argument("--times", type=int, default=100 if name == "kill" else 20)
        part.add_argument("--seed", default="1")
        part.add_argument("--at-once", type=int, default=6, help="questions that stream at once")
    part = parts.add_parser("soak")
    part.add_argument("--minutes", type=float, default=60.0)
    part.add_argument("--streams", type=int, default=50)
    part.add_argument("--plot", type=Path, help="an SVG; soak.svg in the folder if not given")
    part = parts.add_parser("chaos")
    part.add_argument("--minutes", type=float, default=10.0)
    part.add_argument("--seed", default="1")
    parts.add_parser("all", help="each of them, as long as it takes by itself")
    given = parser.parse_args(arguments)
    if given.part == "all":
        before = ["--folder", str(given.folder)]
        return max([main([*before, part]) for part in _PARTS])
    # Whoever ends this, also in a shell's background, ends the processes that it started.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    given.folder.mkdir(parents=True, exist_ok=True)
    try:
        found = _PARTS[given.part](given)
    except KeyboardInterrupt:
        print("Stopped. The same command goes on from here.", file=sys.stderr)
        return 130
    result = json.dumps(found, indent=2)
    (given.folder / f"{given.part}.json").write_text(result + "\n")
    print(result)
    return 1 if found["wrong"] else 0


def _rounds(given: argparse.Namespace) -> Json:
    play = kills if given.part == "kill" else stops
    plan = Plan(given.times, given.seed, given.at_once)
    records = Records(given.folder / f"{given.part}-{given.seed}.jsonl")
    return counts(asyncio.run(play(plan, records)))


def _chaos(given: argparse.Namespace) -> Json:
    return asyncio.run(chaos(given.minutes, Records(), seed=given.seed, log=given.folder / "chaos.log"))


def _soak(given: argparse.Namespace) -> Json:
    records = Records(given.folder / f"soak-{given.streams}.jsonl")
    soaked = asyncio.run(soak(given.minutes, given.streams, records))
    (given.plot or given.folder / "soak.svg").write_text(svg(soaked.samples, given.streams))
    return figures(soaked)


_PARTS: Final[dict[str, Callable[[argparse.Namespace], Json]]] = {
    "kill": _rounds,
    "sigterm": _rounds,
    "chaos": _chaos,
    "soak": _soak,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
