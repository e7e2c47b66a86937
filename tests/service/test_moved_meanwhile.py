"""A group gets another id at each moment of what is done there; the store takes that then, or later."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from core.adapters.memory_store import MemoryStore
from core.adapters.steady_store import SteadyStore
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.configuration import Defaults
from core.messages import PlaceMoved
from core.ports.store import Store
from tests.fakes.clock import FakeClock
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, Bot, shut
from tests.service.scripted_model import Stream

ROUNDS: Final = 40  # of the event loop: in so many, what waits for nothing has come to its end
HANGS_S: Final = 60.0  # at most, for a store
_OF_CONVERSATIONS: Final = frozenset(
    {
        "lane",
        "set_lane",
        "message",
        "shown",
        "add",
        "answers",
        "outline",
        "path",
        "shows",
        "remove",
        "summary",
    }
)


class Moments:
    """Counted from 0. At `told_at` the group has another id; at `kept_at` the store takes that."""

    def __init__(self, told_at: int, kept_at: int) -> None:
        self.told_at, self.kept_at = told_at, kept_at
        self.number = 0
        self.tell: Callable[[], object] = lambda: None
        self.told, self.taken = asyncio.Event(), asyncio.Event()

    async def next(self) -> None:
        now, self.number = self.number, self.number + 1
        if now == self.told_at:
            self.is_told()
        if now == self.kept_at:
            self.taken.set()
        if now in {self.told_at, self.kept_at}:
            for _ in range(ROUNDS):
                await asyncio.sleep(0)

    def is_told(self) -> None:
        if not self.told.is_set():
            self.told.set()
            self.tell()


class Between:
    """A store; right before and right after whatever is asked of it is a moment."""

    def __init__(self, store: Store, moments: Moments, *, takes: bool = True) -> None:
        """`takes`: it is the one that is to take it."""
        self._store, self._moments, self._takes = store, moments, takes

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not inspect.iscoroutinefunction(found) or name not in _OF_CONVERSATIONS:
            return found

        async def asked(*args: Any, **named: Any) -> Any:
            await self._moments.next()
            try:
                return await found(*args, **named)
            finally:
                await self._moments.next()

        return asked

    async def move_place(self, old: str, new: str) -> None:
        if self._takes:
            await self._moments.taken.wait()
        await self._store.move_place(old, new)


Open = Callable[[FakeClock, Moments], Store]


class Play:
    """What somebody does in a group whose id changes meanwhile."""

    def __init__(self, store: Open, moments: Moments, name: str = "c") -> None:
        """`name`: of the group."""
        clock = FakeClock()
        self.moments = moments
        self.bot = Bot(
            store=store(clock, moments),
            fake_clock=clock,
            defaults=Defaults(pause_minutes_channel=0),
            summaries=False,
        )
        self.old, self.new = self.bot.surface(f"{name}1"), self.bot.surface(f"{name}2")
        self._moving: asyncio.Future[None] | None = None
        moments.tell = self._move

    def _move(self) -> None:
        event, clock = PlaceMoved("moved", self.new.place, self.old.place), self.bot.clock
        clock.call_at(clock.monotonic() + HANGS_S, self.moments.taken.set)
        self._moving = asyncio.ensure_future(self.bot.dispatcher.handle(event, self.new))

    async def answered(self, surface: FakeSurface, text: str, answer: str) -> list[str]:
        """What the model was shown."""
        await self.bot.say(surface, text)
        return await self.answers(answer)

    async def answers(self, answer: str) -> list[str]:
        stream: Stream = await self.over(self.bot.model.opened())
        stream.finish(answer)
        await self.idle()
        return stream.prompt

    async def over(self, work: Awaitable[Any]) -> Any:
        working = asyncio.ensure_future(work)
        await self._until(working.done)
        return working.result()

    async def idle(self) -> None:
        """It is shown, and kept as far as it can be."""
        await self._until(lambda: not self.bot.chat._queue.turns)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self.bot.clock.advance(0.5)

    async def runs(self, deed: Deed) -> tuple[int, list[list[str]]]:
        """How many moments there were, and what the next questions go on after: one before the store has
        taken it, where it was told that late, and one after."""
        told_at, self.moments.told_at = self.moments.told_at, -1
        await self.answered(self.old, "zero", "Zeroth.")
        self.moments.told_at, self.moments.number = told_at, 0
        await deed(self)
        await self.idle()
        number = self.moments.number
        self.moments.is_told()
        prompts = [await self.answered(self.new, "two", "Second.")]
        self.moments.taken.set()
        assert self._moving is not None
        await self.over(self._moving)
        prompts.append(await self.answered(self.new, "three", "Third."))
        await shut(self.bot)
        return number, prompts


Deed = Callable[[Play], Awaitable[None]]


async def asks(play: Play) -> None:
    await play.answered(play.old, "one", "First.")


async def asks_twice(play: Play) -> None:
    await play.bot.say(play.old, "one")
    stream = await play.over(play.bot.model.opened())
    await play.bot.say(play.old, "more")
    stream.finish("First.")
    await play.answers("More.")


async def asks_again(play: Play) -> None:
    assert (await play.over(play.bot.chat.exchanges.retry(play.bot.caller(play.old)))).key == ""
    await play.answers("Otherwise.")


async def begins_anew(play: Play) -> None:
    assert await play.over(play.bot.chat.exchanges.new(play.old.place, ADA)) == "new.done"


async def takes_back(play: Play) -> None:
    assert await play.over(play.bot.chat.exchanges.undo(play.bot.caller(play.old))) == "undo.done"


BEFORE: Final = ("zero", "Zeroth.")
DEEDS: Final[dict[Deed, tuple[str, ...]]] = {
    asks: (*BEFORE, "one", "First."),
    asks_twice: (*BEFORE, "one", "First.", "more", "More."),
    asks_again: ("zero", "Otherwise."),
    begins_anew: (),
    takes_back: (),
}


def in_memory(_: FakeClock, moments: Moments) -> Store:
    return Between(MemoryStore(), moments)


def steady(clock: FakeClock, moments: Moments) -> Store:
    """As in a real process; it is a moment, too, when the store beneath is asked."""
    beneath: Any = Between(MemoryStore(), moments)
    return Between(SteadyStore(beneath, clock), moments, takes=False)


NEVER: Final = -1
_LATER: Final = (0, 10)  # moments after it was told; and never while it is done


async def lost(store: Open, deed: Deed, told_at: int, kept_at: int, name: str = "c") -> str:
    """What the next questions do not go on after as they should; "" for nothing."""
    _, prompts = await Play(store, Moments(told_at, kept_at), name).runs(deed)
    said = [*DEEDS[deed], "two"]
    if prompts == [said, [*said, "Second.", "three"]]:
        return ""
    return f"told at {told_at}, kept at {kept_at}: {prompts}"


@pytest.mark.parametrize("deed", DEEDS)
async def test_what_is_done_meanwhile_is_a_part_of_the_conversation(deed: Deed) -> None:
    moments, _ = await Play(steady, Moments(NEVER, NEVER)).runs(deed)
    assert moments > 1
    for told_at in range(moments):
        for kept_at in (*(told_at + later for later in _LATER), NEVER):
            assert not await lost(steady, deed, told_at, kept_at)


async def test_a_question_is_at_each_pair_of_moments() -> None:
    moments, _ = await Play(in_memory, Moments(NEVER, NEVER)).runs(asks)
    for told_at in range(moments):
        for kept_at in (*range(told_at, moments), NEVER):
            assert not await lost(in_memory, asks, told_at, kept_at)


async def test_so_it_is_in_a_database(tmp_path: Path) -> None:
    async with open_store(Location(tmp_path / "data")) as database:

        def kept(_: FakeClock, moments: Moments) -> Store:
            return Between(database, moments)

        moments, _ = await Play(kept, Moments(NEVER, NEVER), "before").runs(asks)
        for told_at in range(moments):
            assert not await lost(kept, asks, told_at, told_at, f"{told_at}")
