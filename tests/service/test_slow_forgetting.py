"""What is asked of one's own data is done within a minute, also where the store is locked or fails for half
of it; and what was said to be forgotten is, whatever process does it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from core.adapters.memory_store import MemoryStore
from core.adapters.steady_store import SteadyStore
from core.catalogue import say
from core.messages import ButtonPress, Incoming, IncomingCommand, PlaceKind
from core.ports.store import StoreError
from core.service.personal_data import EXPORT_WITHIN_S, SOON_S, PersonalData
from tests.fakes.clock import FakeClock
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, Bot, shut
from tests.service.test_my_data import buttons, given, keep

LOCKED_S = 30.0
WITHIN_S = 60.0


class Troubled(MemoryStore):
    """Until `until` it refuses whatever concerns a person, at once, or after having stood still."""

    def __init__(self, clock: FakeClock, *, hangs: bool) -> None:
        super().__init__()
        self.clock = clock
        self.hangs = hangs
        self.until = 0.0

    async def _asked(self) -> None:
        if self.hangs:
            await self.clock.sleep_until(self.until)
        elif self.clock.monotonic() < self.until:
            raise StoreError("the database is locked")

    async def forget(self, person: str) -> int:
        await self._asked()
        return await super().forget(person)

    async def export(self, person: str) -> Mapping[str, object]:
        await self._asked()
        return await super().export(person)

    async def choices(self, scopes: tuple[str, ...]) -> Mapping[str, Mapping[str, str]]:
        await self._asked()
        return await super().choices(scopes)


@pytest.fixture(params=["hangs", "fails"])
async def bot(request: pytest.FixtureRequest) -> AsyncIterator[Bot]:
    clock = FakeClock()
    store = Troubled(clock, hangs=request.param == "hangs")
    bot = Bot(store=SteadyStore(store, clock), fake_clock=clock)
    yield bot
    await shut(bot)


def locked(bot: Bot) -> float:
    """From now on, for LOCKED_S; when that is, on the monotonic clock."""
    bot.store._store.until = bot.clock.monotonic() + LOCKED_S  # type: ignore[attr-defined]  # a SteadyStore's
    return bot.clock.monotonic()


def begin(bot: Bot, incoming: Incoming, surface: FakeSurface) -> None:
    """Have it handled while the clock goes on."""
    bot.chat.beside(bot.dispatcher.handle(incoming, surface), "event")


async def forget(bot: Bot) -> tuple[FakeSurface, float]:
    """Confirm it while the store is in trouble; when that was, on the monotonic clock."""
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    message = await given(bot, surface, "forget")
    data = buttons(surface, message)[say("button.forget")]
    asked = locked(bot)
    begin(bot, ButtonPress("press", surface.place, ADA, message, data), surface)
    return surface, asked


async def test_forgetting_goes_on_by_itself_and_says_when_it_is_done(bot: Bot) -> None:
    await keep(bot)
    surface, asked = await forget(bot)
    await bot.clock.advance_until(lambda: surface.texts == [say("forget.slow")])
    assert bot.clock.monotonic() - asked < 2 * SOON_S
    done = f"{say('forget.done', entries=2)}\n\n{say('forget.stays')}"
    await bot.clock.advance_until(lambda: surface.texts == [done])
    assert bot.clock.monotonic() - asked < WITHIN_S
    assert (await bot.store.export(str(ADA)))["messages"] == []


async def test_an_export_comes_when_the_store_answers_again(bot: Bot) -> None:
    await keep(bot)
    asked = locked(bot)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    begin(bot, IncomingCommand("1", surface.place, ADA, "export"), surface)
    await bot.clock.advance_until(lambda: surface.texts == [say("export.slow")])
    await bot.clock.advance_until(lambda: len(surface.texts) == 2)
    assert surface.texts[1] == say("export.done", entries=3)
    assert bot.clock.monotonic() - asked < WITHIN_S


async def test_an_export_that_cannot_be_had_is_told_within_a_minute(bot: Bot) -> None:
    store = bot.store._store  # type: ignore[attr-defined]  # a SteadyStore's
    store.hangs, store.until = False, float("inf")
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    begin(bot, IncomingCommand("1", surface.place, ADA, "export"), surface)
    await bot.clock.advance(EXPORT_WITHIN_S + 2.0)
    assert surface.texts == [say("export.slow"), say("store.failed")]


async def test_privacy_needs_no_store(bot: Bot) -> None:
    asked = locked(bot)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    begin(bot, IncomingCommand("1", surface.place, ADA, "privacy"), surface)
    await bot.clock.advance_until(lambda: len(surface.texts) == 1)
    assert say("privacy.kept") in surface.texts[0]
    assert bot.clock.monotonic() - asked < LOCKED_S


async def test_the_next_process_forgets_whom_this_one_was_to_forget(tmp_path: Path) -> None:
    clock, file = FakeClock(), tmp_path / "forgetting.json"
    store = Troubled(clock, hangs=False)
    store.until = clock.monotonic() + LOCKED_S
    killed = asyncio.ensure_future(PersonalData(store, clock, file).forget(ADA))
    await clock.advance(1.0)
    killed.cancel()  # as by a kill: it writes nothing on its way out
    assert json.loads(file.read_text()) == {"persons": [str(ADA)]}

    store.until = clock.monotonic()
    gone: list[str] = []

    async def let_go(person: str) -> None:
        gone.append(person)

    following = PersonalData(store, clock, file)
    following.register(let_go)
    await following.resume()
    assert gone == [str(ADA)] * 2
    assert json.loads(file.read_text()) == {"persons": []}
    gone.clear()
    await PersonalData(store, clock, file).resume()
    assert gone == []


async def test_what_a_file_says_that_cannot_be_read_keeps_nobody_from_starting(tmp_path: Path) -> None:
    file = tmp_path / "forgetting.json"
    file.write_text("{")
    clock = FakeClock()
    personal = PersonalData(MemoryStore(), clock, file)
    await personal.resume()
    await personal.forget(ADA)
    assert json.loads(file.read_text()) == {"persons": []}
