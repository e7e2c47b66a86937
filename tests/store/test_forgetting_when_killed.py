"""A kill at any statement of a forgetting: the next start goes on with it, and then nothing of it opens."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import event

from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.messages import Person
from core.ports.journal import KeptTurn, Received, Step
from core.ports.store import KeptPersona, Overheard, Summary
from core.service.personal_data import PersonalData
from tests.fakes.clock import FakeClock
from tests.store.people import ADA, asked, grown, ids
from tests.store.test_forgetting import CANARY, keys_left, opened

_PERSON = Person("discord", "1", "Ada")
_ACCOUNT = "discord:bot"


def _file(location: Location) -> Path:
    return location.data_dir / "forgetting.json"


class _Killed:
    """The data folder as it stands before each statement, and after the last."""

    def __init__(self, location: Location, target: Path) -> None:
        self._folder, self._target = location.data_dir, target
        self.copies: list[Path] = []

    def look(self, *_: object) -> None:
        copy = self._target / str(len(self.copies))
        shutil.copytree(self._folder, copy)
        self.copies.append(copy)


async def test_killed_before_any_statement_it_is_done_after_the_restart(
    sqlite_location: Location, tmp_path: Path
) -> None:
    location, clock = sqlite_location, FakeClock()
    killed = _Killed(location, tmp_path / "killed")
    async with open_store(location) as store:
        await grown(store)
        await store.add(replace(asked("q1"), text=CANARY))
        await store.set_persona(KeptPersona("person:discord:1", "sailor", CANARY, ADA))
        await store.overhear(Overheard("p", "7", ADA, "Ada", CANARY, 1.0))
        await store.set_summary(Summary("c", "a2", CANARY, 3))
        journal = store.journal
        await journal.receive([Received(_ACCOUNT, "e1", ADA, CANARY.encode(), 1.0)])
        await journal.begin(KeptTurn("t1", _ACCOUNT, ("e2",), ADA, CANARY.encode(), 1.0))
        await journal.write([Step("t1", CANARY.encode())])
        engine: Any = store._database._engine
        readers: Any = store._database._readers
        for one in (engine.sync_engine, readers.sync_engine):
            event.listen(one, "before_cursor_execute", killed.look)
        event.listen(engine.sync_engine, "commit", killed.look)
        await PersonalData(store, clock, _file(location)).forget(_PERSON)
        killed.look()
    final = keys_left(killed.copies[-1])
    assert len(killed.copies) > 15
    had_it = 0
    for copy in killed.copies:
        had_it += any(CANARY in text for text in opened(copy / "sluice.db", keys_left(copy)))
        again = Location(copy)
        async with open_store(again) as store:
            await PersonalData(store, clock, _file(again)).resume()
            found = await store.export(ADA)
            assert (found["messages"], found["personas"], found["overheard"]) == ([], [], [])
            assert await store.journal.unhandled(_ACCOUNT) == ()
            assert await store.journal.take_over([_ACCOUNT]) == ()
            assert ids(await store.path("b2")) == ["q2", "b2"]
            left = keys_left(copy) | final
            assert not any(CANARY in text for text in opened(copy / "sluice.db", left))
            everything = b"".join(file.read_bytes() for file in copy.iterdir() if file.is_file())
            assert ADA.encode() not in everything
    assert 0 < had_it < len(killed.copies)  # some were killed before it took hold, and some after
