"""`python -m tests.torture`: what is run for minutes and hours, and told in JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.torture.kill import Plan, kills, stops
from tests.torture.records import Records
from tests.torture.rounds import counts

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
    given = parser.parse_args(arguments)
    return asyncio.run(_run(given))


async def _run(given: argparse.Namespace) -> int:
    records = Records(given.folder / f"{given.part}-{given.seed}.jsonl")
    rounds = kills if given.part == "kill" else stops
    played = await rounds(Plan(given.times, given.seed, given.at_once), records)
    result = json.dumps(counts(played), indent=2)
    (given.folder / f"{given.part}-{given.seed}.json").write_text(result + "\n")
    print(result)
    return 1 if any(one.wrong for one in played) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
