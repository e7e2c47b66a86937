"""What it costs to open a conversation, and whether that grows with how many are kept.

    .venv/bin/sluice bench store [--quick] [--json FILE]

The real store on SQLite in a temporary folder. Opening is what every question needs: the lane, the path to
its leaf, and the summary that reaches furthest on it. The conversations are put there many at a time, since
adding them one by one would measure the disk. CPU is this process's, of all its threads: on a machine that is
busy otherwise it says what the clock does not.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks import passage
from core.adapters.store.encryption import packed
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.adapters.store.sql_store import SqlStore
from core.adapters.store.tables import lanes, messages, summaries
from core.ports.store import LaneKey, Message, Role, Shown

GOAL_MS: Final = 5.0
TURNS: Final = 20  # a question and its answer each: what a conversation of an evening has
_CHARS: Final = (80, 700)  # of a question, of an answer
_AT_ONCE: Final = 250  # conversations
FULL: Final = (100, 1_000, 10_000)
QUICK: Final = (100, 1_000)
_OPENED: Final = 400


@dataclass(frozen=True, slots=True)
class StoreRow:
    """Milliseconds, of opening a conversation (CPU: the mean) and of adding a message to it.

    `megabytes`: of the database.
    """

    conversations: int
    open_median_ms: float
    open_p95_ms: float
    open_cpu_ms: float
    add_median_ms: float
    megabytes: float


def run(*, quick: bool = False, tell: Callable[[str], None] | None = None) -> tuple[StoreRow, ...]:
    """Measure each size; two minutes, or some 20 s. `tell` hears of each."""
    return asyncio.run(_run(QUICK if quick else FULL, tell or _to_stderr))


async def _run(sizes: Sequence[int], tell: Callable[[str], None]) -> tuple[StoreRow, ...]:
    rows, there = [], 0
    with tempfile.TemporaryDirectory() as folder:
        location = Location(Path(folder))
        for size in sizes:
            tell(f"store: {size:,} conversations")
            async with open_store(location) as store:
                for start in range(there, size, _AT_ONCE):
                    await _put(store, range(start, min(size, start + _AT_ONCE)))
            there = size
            async with open_store(location) as store:  # as after a start: nothing is in memory
                rows.append(await _measured(store, location, size))
    return tuple(rows)


async def _measured(store: SqlStore, location: Location, size: int) -> StoreRow:
    chance = random.Random(size)
    opening, adding, cpu = [], [], 0.0
    for number in range(_OPENED):
        conversation = chance.randrange(size)
        began, cpu_began = time.perf_counter(), time.process_time()
        lane = await store.lane(_lane(conversation))
        leaf = lane.leaf_id if lane else None
        path = await store.path(leaf) if leaf else ()
        summary = await store.summary(tuple(message.id for message in path))
        opening.append(1_000 * (time.perf_counter() - began))
        cpu += 1_000 * (time.process_time() - cpu_began)
        if len(path) != 2 * TURNS or summary is None:
            raise RuntimeError("a conversation is not whole: nothing was measured")
        if number % 4 == 0:
            last = path[-1]
            again = Message(
                f"x{size}-{number}",
                last.conversation_id,
                last.id,
                Role.USER,
                last.asker,
                last.text,
                last.at,
            )
            began = time.perf_counter()
            await store.add(again, (Shown(f"discord:{conversation}", f"x{size}-{number}"),))
            adding.append(1_000 * (time.perf_counter() - began))
    return StoreRow(
        size,
        statistics.median(opening),
        statistics.quantiles(opening, n=20)[-1],
        cpu / _OPENED,
        statistics.median(adding),
        location.file.stat().st_size / 1e6,
    )


async def _put(store: SqlStore, numbers: range) -> None:
    """Conversations of so many turns, with a summary of the first half, each of a person of its own."""
    texts = [packed(text=passage.text_of(passage.tokens_of(chars)), name="Ada", quote="") for chars in _CHARS]

    async def put(connection: AsyncConnection) -> None:
        said: list[dict[str, Any]] = []
        summed_up: list[dict[str, Any]] = []
        ends: list[dict[str, Any]] = []
        for number in numbers:
            key = await store._keys.of_scope(connection, f"discord:{number}")  # noqa: SLF001  # many at once
            own = await store._keys.of_scope(connection, f"conversation:c{number}")  # noqa: SLF001
            for turn in range(2 * TURNS):
                name = f"c{number}-{turn}"
                said.append(
                    {
                        "id": name,
                        "conversation_id": f"c{number}",
                        "parent_id": f"c{number}-{turn - 1}" if turn else None,
                        "role": (Role.ASSISTANT if turn % 2 else Role.USER).value,
                        "asker": f"discord:{number}",
                        "at": float(turn),
                        "tokens": 300,
                        "model": "local/big",
                        "ending": "complete",
                        "key_id": key.id,
                        "sealed": key.seal(texts[turn % 2], "messages", name, "sealed"),
                    }
                )
            half = f"c{number}-{TURNS}"
            summed_up.append(
                {
                    "until_id": half,
                    "conversation_id": f"c{number}",
                    "tokens": 300,
                    "key_id": own.id,
                    "sealed": own.seal(packed(text="What was said."), "summaries", half, "sealed"),
                }
            )
            ends.append(
                {
                    "place": f"discord:{number}",
                    "person": "",
                    "private": False,
                    "conversation_id": f"c{number}",
                    "leaf_id": f"c{number}-{2 * TURNS - 1}",
                    "at": 1.0,
                }
            )
        for table, rows in ((messages, said), (summaries, summed_up), (lanes, ends)):
            await connection.execute(insert(table), rows)

    await store._database.write(put)  # noqa: SLF001


def _lane(number: int) -> LaneKey:
    return LaneKey(f"discord:{number}")


def table(rows: Sequence[StoreRow]) -> str:
    """The rows for people."""
    heads = ("open, median", "open, p95", "open, CPU", "add, median", "database")
    lines = [f"{'conversations':>13} " + " ".join(f"{head:>12}" for head in heads)]
    lines += [
        f"{row.conversations:13,} {row.open_median_ms:9.2f} ms {row.open_p95_ms:9.2f} ms "
        f"{row.open_cpu_ms:9.2f} ms {row.add_median_ms:9.2f} ms {row.megabytes:9.1f} MB"
        for row in rows
    ]
    lines.append(f"A conversation is {2 * TURNS} messages and a summary. The goal: opened in {GOAL_MS:g} ms.")
    return "\n".join(lines)


def as_dicts(rows: Sequence[StoreRow]) -> list[dict[str, object]]:
    """The rows for machines."""
    return [asdict(row) for row in rows]


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
