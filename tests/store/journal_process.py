"""A process of its own over the journal, which the tests stop, continue and kill.

    python -m tests.store.journal_process <data folder> <database address> <lease in seconds>

It renews its lease as long as it runs. It reads a command from each line (`begin`, `write`, `take_over`, with
names) and answers each with a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.ports.journal import Journal, KeptTurn, Step
from core.ports.store import StoreError
from tests.store.people import ADA


async def main(data_dir: str, address: str, lease_s: float) -> None:
    async with open_store(Location(Path(data_dir), address), lease_s=lease_s) as store:
        renewing = asyncio.create_task(_renew(store.journal, lease_s / 4))
        _say("ready")
        while line := await asyncio.to_thread(sys.stdin.readline):
            command, *names = line.split()
            try:
                answer = await _do(store.journal, command, names)
            except StoreError as error:
                answer = str(error)
            _say(answer)
        renewing.cancel()


async def _renew(journal: Journal, every_s: float) -> None:
    while True:
        with suppress(StoreError):
            await journal.renew()
        await asyncio.sleep(every_s)


async def _do(journal: Journal, command: str, names: Sequence[str]) -> object:
    """`begin` takes names of turns with their accounts: `t1@discord:9`. `write`: one step of each turn."""
    if command == "begin":
        turns = (name.split("@") for name in names)
        return [
            await journal.begin(KeptTurn(name, account, (f"of {name}",), ADA, b"body", 1.0))
            for name, account in turns
        ]
    if command == "write":
        return sorted(await journal.write([Step(name, b"shown") for name in names]))
    return [orphan.turn.id for orphan in await journal.take_over(names)]


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
