"""One round: several questions stream on both platforms, Sluice goes at a chosen moment and comes again,
and what then stands there is judged."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.torture.ledger import PLATFORMS, Asked
from tests.torture.process import SluiceProcess
from tests.torture.scene import PEOPLE, Places, Scene
from tests.torture.texts import SHAPES, Shape

POINTS: Final = (
    "between operations",
    "inside a send",
    "before the first text",
    "at a rollover",
    "inside an edit",
    "at the ending",
    "while a file grows",
    "while starting",
    "idle",
)
"""Where it goes. The first five are what `make test` sees."""

TAKEN_OVER_S: Final = 10.0
REST_S: Final = 60.0
"""So long what was not visible before may take beyond its own telling: it is told anew, and a group of
Telegram takes twenty requests a minute."""
_MOMENT_S: Final = 20.0  # a moment that has not come by then does not come
_UNKNOWN_S: Final = 1.5  # before its end, a process may not have learned what came of a send: one can be held
_LINGER_S: Final = 1.0  # a double that comes late is seen
_LOST_S: Final = 0.5  # before its end, a process may not have heard of a slash command


@dataclass(slots=True)
class Round:
    """What came of one. Times in seconds after the restart; `late`: how much later than it had to be."""

    number: int
    point: str
    moment: bool = True
    kills: int = 0
    asked: int = 0
    whole: int = 0
    marked: int = 0
    bare: int = 0
    lost_commands: int = 0
    copies_on_telegram: int = 0
    most_copies_of_an_answer: int = 0
    copies_on_interactions: int = 0
    refusals: int = 0
    taken_over_s: float = 0.0
    settled_s: float = 0.0
    stopped_s: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def line(self) -> str:
        """For who watches."""
        end = "ok" if not self.wrong else f"{len(self.wrong)} WRONG: {self.wrong[0][:160]}"
        return (
            f"{self.number:4} {self.point:22} {self.kills} gone, {self.asked} asked, {self.whole} whole, "
            f"{self.marked} marked, {self.copies_on_telegram} copies, {self.refusals} refusals, "
            f"taken over {self.taken_over_s:4.1f} s, all {self.settled_s:5.1f} s: {end}"
        )


@dataclass(slots=True)
class Away:
    """When the process was to end, and when the next one was started; 0.0 where it ended by itself and
    knew what it did."""

    since: float
    until: float = 0.0

    def explains(self, came_at: float) -> bool:
        """Whether nobody learned what came of a message: also of one that the process had sent, and that had
        not been taken in at the platform when it ended."""
        return self.since - _UNKNOWN_S <= came_at <= max(self.since, self.until)


def shape_at(point: str, chance: random.Random) -> Shape:
    match point:
        case "at a rollover":
            return "rollover"
        case "while a file grows":
            return "code"
        case "at the ending":
            return chance.choice(("short", "page"))
        case _:
            return chance.choice(SHAPES)


async def at_point(
    scene: Scene, point: str, chance: random.Random, ask: Callable[[], Awaitable[list[Asked]]]
) -> bool:
    """Ask, and return at that moment, give or take what chance gives; False where it did not come."""
    ledger, came = scene.ledger, True
    match point:
        case "idle":
            await asyncio.sleep(chance.uniform(0.0, 1.0))
        case "inside a send" | "inside an edit":
            platform, done = chance.choice(PLATFORMS), chance.random() < 0.5
            fault = scene.hold(platform, sends=point == "inside a send", done=done)
            await ask()
            came = await scene.held(_MOMENT_S)
            fault.times = 0
            await asyncio.sleep(chance.uniform(0.0, 0.5))
        case "before the first text":
            asked = await ask()
            came = await ledger.until(lambda: any(one.name in scene.asked_model for one in asked), _MOMENT_S)
            await asyncio.sleep(chance.uniform(0.0, 0.3))
        case "at a rollover":
            asked = await ask()
            came = await ledger.until(lambda: any(len(one.messages) > 1 for one in asked), _MOMENT_S)
            await asyncio.sleep(chance.uniform(0.0, 0.3))
        case "while a file grows":
            asked = await ask()
            came = await ledger.until(
                lambda: any(message["files"] for one in asked for message in one.messages.values()), _MOMENT_S
            )
            await asyncio.sleep(chance.uniform(0.0, 0.3))
        case "at the ending":
            asked = await ask()
            came = await ledger.until(
                lambda: any(one.words and scene.told(one.name) == one.tale.text for one in asked), _MOMENT_S
            )
            await asyncio.sleep(chance.uniform(0.0, 1.0))
        case _:
            asked = await ask()
            came = await ledger.until(lambda: any(one.words for one in asked), _MOMENT_S)
            await asyncio.sleep(chance.uniform(0.0, 3.0))
    return came


class Rounds:
    """Rounds over one scene and one data folder. `told_s`: how long an answer is told. `orderly`: a process
    ends by itself, when it is told to."""

    def __init__(
        self,
        scene: Scene,
        sluice: SluiceProcess,
        chance: random.Random,
        *,
        at_once: int,
        told_s: float,
        orderly: bool = False,
    ) -> None:
        self._scene = scene
        self._sluice = sluice
        self._chance = chance
        self._at_once = at_once
        self._told_s = told_s
        self._orderly = orderly
        self._places = Places(scene, chance)
        self._away: list[Away] = []  # in this round

    async def open(self) -> None:
        """Make the places and start Sluice."""
        rooms = await self._places.make(6)
        await self._sluice.start()
        await self._sluice.ready()
        ledger = self._scene.ledger
        await self._scene.greeted(rooms)
        # Discord tells a bot which direct messages there are only while they are in use.
        met = [
            await self._scene.ask(place, "short", 0.5)
            for place in self._places.everywhere()
            if place.platform == "discord"
        ]

        def all_settled() -> bool:
            ledger.judge()
            return all(one.settled_at is not None for one in met)

        if not await ledger.until(all_settled, REST_S):
            raise AssertionError("it does not answer before anything was done to it")
        self._scene.forget(met)

    async def play(self, played: Round, end: Callable[[], Awaitable[None]]) -> None:
        """One round, which is filled in. `end` ends the process."""
        scene, chance, point = self._scene, self._chance, played.point
        self._away.clear()
        refused, strays = scene.refusals, len(scene.ledger.strays)
        places, asked = self._places.next(), list[Asked]()
        shape, told_s = shape_at(point, chance), self._told_s

        async def ask() -> list[Asked]:
            for place in places[: self._at_once]:
                asked.append(await scene.ask(place, shape, told_s))
            return asked

        played.moment = await at_point(scene, point, chance, ask)
        talk = [place.person for place in places]
        others = chance.sample([name for name in PEOPLE if name not in talk[:2]], 4)
        # What comes in the last instant and what comes while nobody is there is answered, too.
        for platform, person in zip(PLATFORMS, others, strict=False):
            asked.append(await scene.ask(self._places.private(platform, person), "short", 1.0))
        await asyncio.sleep(chance.uniform(0.0, 0.02))
        gone_at = time.monotonic()
        await self._go(played, end, asked)
        for platform, person in zip(PLATFORMS, others[2:], strict=False):
            asked.append(await scene.ask(self._places.private(platform, person), "short", 1.0))
        if not self._sluice.running:
            await self._start()
        if point == "while starting":
            await asyncio.sleep(chance.uniform(0.1, 4.0))
            await self._go(played, end, asked)
            await self._start()
        back_at = time.monotonic()
        await self._judge(played, asked, gone_at, back_at)
        if not played.wrong:
            await self._sluice.ready()
        played.refusals = scene.refusals - refused
        played.wrong += [f"a stray message in {stray}" for stray in scene.ledger.strays[strays:]]
        scene.forget(asked)

    async def _go(self, played: Round, end: Callable[[], Awaitable[None]], asked: Sequence[Asked]) -> None:
        self._away.append(Away(time.monotonic()))
        await end()
        played.kills += 1
        for one in asked:
            one.copies += one.platform == "telegram" or one.by_command

    async def _start(self) -> None:
        if self._away and not self._orderly:
            self._away[-1].until = time.monotonic()
        await self._sluice.start()

    async def _judge(self, played: Round, asked: Sequence[Asked], gone_at: float, back_at: float) -> None:
        ledger = self._scene.ledger
        ledger.judge()
        orphans = [one for one in asked if one.words and one.settled_at is None]
        due = {one.name: back_at + TAKEN_OVER_S + self._allowance(one, orphans, gone_at) for one in orphans}
        bound = max([back_at + REST_S + self._told_s, *due.values()])

        def all_settled() -> bool:
            ledger.judge()
            return all(one.settled_at is not None for one in asked)

        await ledger.until(all_settled, bound - time.monotonic())
        played.settled_s = time.monotonic() - back_at
        await asyncio.sleep(_LINGER_S)
        ledger.judge()
        for one in orphans:
            if one.settled_at is not None:
                played.taken_over_s = max(played.taken_over_s, one.settled_at - back_at)
                if one.settled_at > due[one.name]:
                    late_s = one.settled_at - due[one.name]
                    played.wrong.append(f"{_whose(one)} was taken over {late_s:.1f} s too late")
        for one in asked:
            self._count(played, one, gone_at)

    def _count(self, played: Round, one: Asked, gone_at: float) -> None:
        played.asked += 1
        ending = one.verdict.ending
        if not one.taken and one.at > gone_at - _LOST_S:
            played.lost_commands += 1
            return
        if one.settled_at is None or ending is None:
            heard = len(self._scene.asked_model.get(one.name, ()))
            when_s = one.at - gone_at
            played.wrong.append(
                f"{_whose(one)}, asked at {when_s:+.3f} s of the end: {one.verdict.why}; "
                f"the model was asked {heard} times, and its messages end {self._scene.ledger.ends(one)}"
            )
            return
        played.whole += ending == "whole"
        played.marked += ending != "whole"
        played.bare += ending != "whole" and not one.words
        for copy in one.verdict.spared:
            if not any(away.explains(one.came_at[copy]) for away in self._away):
                came_s = one.came_at[copy] - gone_at
                played.wrong.append(
                    f"{_whose(one)}: a message stands there twice, and no end explains the one of "
                    f"{came_s:+.3f} s: {self._scene.ledger.ends(one)}"
                )
        played.most_copies_of_an_answer = max(played.most_copies_of_an_answer, len(one.verdict.spared))
        if one.platform == "telegram":
            played.copies_on_telegram += len(one.verdict.spared)
        else:
            played.copies_on_interactions += len(one.verdict.spared)

    def _allowance(self, one: Asked, orphans: Sequence[Asked], gone_at: float) -> float:
        """What the documented limits may add, in seconds: a slot for each that is marked in its chat, what is
        left of a window that is spent, and for Discord the five seconds between two identifications."""
        in_chat = sum(1 + (len(other.messages) > 1) for other in orphans if other.chat == one.chat)
        if one.platform == "discord":
            return in_chat * 1.0 + 5.0 + 5.0
        if one.place not in ("group", "command", "topic"):
            return in_chat * 1.0 + 3.0
        requests = [
            r.at for r in self._scene.telegram.requests if r.chat == one.chat and r.at > gone_at - 60.0
        ]
        return in_chat * 3.0 + (60.0 if len(requests) >= 20 - in_chat else 0.0)


def _whose(one: Asked) -> str:
    return f"{one.name} ({one.tale.shape}, {one.platform} {one.place})"


def counts(rounds: Sequence[Round]) -> dict[str, Any]:
    """What came of all of them."""
    by_point: dict[str, int] = defaultdict(int)
    for one in rounds:
        by_point[one.point] += 1
    taken = sorted(one.taken_over_s for one in rounds if one.taken_over_s)
    sums = ("kills", "asked", "whole", "marked", "bare", "lost_commands", "copies_on_telegram")
    return {
        "rounds": len(rounds),
        "by_point": dict(by_point),
        "moments_that_did_not_come": sum(not one.moment for one in rounds),
        **{
            name: sum(getattr(one, name) for one in rounds)
            for name in (*sums, "copies_on_interactions", "refusals")
        },
        "most_copies_on_telegram_of_a_kill": max((one.copies_on_telegram for one in rounds), default=0),
        "most_copies_of_an_answer": max((one.most_copies_of_an_answer for one in rounds), default=0),
        "taken_over_s": {
            "median": taken[len(taken) // 2] if taken else None,
            "p95": taken[int(len(taken) * 0.95)] if taken else None,
            "worst": taken[-1] if taken else None,
        },
        "settled_worst_s": max((one.settled_s for one in rounds), default=None),
        "stopped_worst_s": max((one.stopped_s for one in rounds), default=None),
        "wrong": [f"{one.number}: {wrong}" for one in rounds for wrong in one.wrong],
    }
