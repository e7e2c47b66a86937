"""Ten minutes in which the model breaks as `llmock` is told to, and the platforms break, too: every answer is
judged."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bots.sandbox.discord.faults import FaultKind as DiscordKind
from bots.sandbox.telegram.faults import FaultKind as TelegramKind
from core.catalogue import say
from core.ports.completions import ModelErrorKind
from tests.torture.ledger import Asked
from tests.torture.llmock import Llmock, served
from tests.torture.process import LOG, SluiceProcess
from tests.torture.records import Records
from tests.torture.scene import Place, Places, Scene, opened
from tests.torture.texts import SHAPES

MARKS: Final = (
    *(say("ending.failed", reason=say(f"model.{kind}")) for kind in ModelErrorKind),
    say("ending.failed", reason=say("model.conversation_too_long")),
    say("ending.failed", reason=say("provider_busy.seconds", seconds=1)),  # as `llmock` is told to say
    say("ending.interrupted"),
    say("ending.broken"),
    say("ending.empty"),
)
OVER_WITHIN_S: Final = 240.0
"""After it was asked, an answer has so long to end: its telling, a stall, retries, and a group's twenty
requests a minute."""
_FAULT_EVERY_S: Final = (1.0, 4.0)
_GATEWAY_EVERY_S: Final = 25.0
_DELETED: Final = 0.04  # of the answers lose a message
_TOLD_EVERY_S: Final = 15.0
_ON_ITS_WAY_S: Final = 1.0
"""A slash command that was given so soon before the gateway's fault may have been on its way to the bot."""
_ON_DISCORD: Final = (
    ("POST", "/channels/*/messages"),
    ("PATCH", "/channels/*/messages/*"),
    ("PATCH", "/webhooks/*"),
)
_DISCORD_KINDS: Final[tuple[DiscordKind, ...]] = (
    *("status", "status", "limited", "shared", "global", "drop_before", "drop_after", "hang_after"),
)
_TELEGRAM_KINDS: Final[tuple[TelegramKind, ...]] = (
    *("status", "status", "limited", "drop_before", "drop_after", "hang_after"),
)
_ON_TELEGRAM: Final = ("sendMessage", "editMessageText")


@dataclass(slots=True)
class Chaos:
    """What came of it."""

    asked: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    by_model_fault: Counter[str] = field(default_factory=Counter)
    platform_faults: Counter[str] = field(default_factory=Counter)
    copies: Counter[str] = field(default_factory=Counter)
    lost_commands: int = 0
    took_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def figures(self, minutes: float, faults: Counter[str], refusals: int, verdict: Any) -> dict[str, Any]:
        """For the note."""
        took = sorted(self.took_s)
        return {
            "minutes": minutes,
            "asked": self.asked,
            "endings": dict(self.endings),
            "model_faults": dict(faults),
            "endings_by_model_fault": dict(sorted(self.by_model_fault.items())),
            "platform_faults": dict(self.platform_faults),
            "copies": dict(self.copies),
            "lost_commands": self.lost_commands,
            "refusals": refusals,
            "took_s": {
                "median": round(statistics.median(took), 1) if took else None,
                "p95": round(took[int(len(took) * 0.95)], 1) if took else None,
                "worst": round(took[-1], 1) if took else None,
            },
            "findings_of_llmock": Counter(f"{one['severity']}: {one['code']}" for one in verdict["findings"]),
            "wrong": self.wrong,
        }


async def chaos(
    minutes: float, records: Records, *, seed: str = "1", each: int = 3, log: Path | None = None
) -> dict[str, Any]:
    """So many minutes of it, and then until every answer has ended. `each`: channels, and groups.
    `log`: where what Sluice said is kept if something is wrong."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # the proxy passes broken streams on
    came, chance = Chaos(), random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="sluice-torture-", ignore_cleanup_errors=True) as folder:
        async with served(chance) as llmock, opened(MARKS, bare=True, troubled=True) as scene:
            scene.hear_from(llmock.proxy.base_url, llmock.told)
            sluice, places = SluiceProcess(Path(folder), scene.settings), Places(scene, chance)
            groups = await places.make(each)
            try:
                await sluice.start()
                await sluice.ready()
                await scene.greeted(groups)
                playing = _Playing(scene, llmock, chance, came)
                async with asyncio.TaskGroup() as group:
                    judging = group.create_task(scene.ledger.keep_judging())
                    troubling = [group.create_task(one()) for one in playing.troubles]
                    telling = group.create_task(_tell(came, llmock, sluice, records))
                    until = time.monotonic() + minutes * 60.0
                    asking = [
                        group.create_task(playing.ask_on(place, until)) for place in playing.places(places)
                    ]
                    await asyncio.sleep(minutes * 60.0)
                    for task in troubling:
                        task.cancel()
                    await asyncio.wait(asking)
                    for task in (judging, telling):
                        task.cancel()
                if not sluice.running:
                    came.wrong.append("it is gone")
                return came.figures(minutes, llmock.faults, scene.refusals, await llmock.verdict())
            finally:
                await sluice.close()
                if came.wrong and log is not None:
                    shutil.copy(Path(folder) / LOG, log)


async def _tell(came: Chaos, llmock: Llmock, sluice: SluiceProcess, records: Records) -> None:
    began, told = time.monotonic(), 0
    while True:
        await asyncio.sleep(_TOLD_EVERY_S)
        for wrong in came.wrong[told:]:
            records.tell(f"WRONG: {wrong}")
        told = len(came.wrong)
        records.tell(
            f"{time.monotonic() - began:6.0f} s {came.asked} asked, {dict(came.endings)}, "
            f"{llmock.faults.total()} scripts, {came.platform_faults.total()} platform faults, "
            f"{len(came.wrong)} wrong{'' if sluice.running else ', it is GONE'}"
        )


class _Playing:
    def __init__(self, scene: Scene, llmock: Llmock, chance: random.Random, came: Chaos) -> None:
        self._scene = scene
        self._llmock = llmock
        self._chance = chance
        self._came = came
        self._gateway_at: list[float] = []  # of its faults
        self.troubles = (self._trouble_requests, self._trouble_gateway)

    def places(self, places: Places) -> list[Place]:
        """One of each kind in different chats, and the rest."""
        kinds = places.next()
        taken = {one.chat for one in kinds}
        return kinds + [one for one in places.everywhere() if one.chat not in taken]

    async def ask_on(self, place: Place, until: float) -> None:
        """One question after the other. A slash command waits until the bot is connected."""
        while time.monotonic() < until:
            await asyncio.sleep(self._chance.uniform(0.0, 5.0))
            if place.by_command and not self._scene.discord.online:
                continue
            asked = await self._scene.ask(place, self._chance.choice(SHAPES), 0.0)
            self._came.asked += 1
            deleting = asyncio.create_task(self._delete_one(asked, place))
            with suppress(TimeoutError):
                await asyncio.wait_for(asked.settled.wait(), OVER_WITHIN_S)
            deleting.cancel()
            await asyncio.sleep(1.0)  # a double that comes late is seen
            self._count(asked)
            self._scene.forget([asked])

    def _count(self, asked: Asked) -> None:
        came, fault = self._came, self._llmock.fault_of(asked.name)
        ending = asked.verdict.ending
        if ending is None:
            if not asked.taken and self._had_no_gateway(asked.at):
                came.lost_commands += 1
                return
            where = f"{asked.platform} {asked.place}"
            ends = self._scene.ledger.ends(asked)
            came.wrong.append(
                f"{asked.name} ({asked.tale.shape}, {where}, {fault}): {asked.verdict.why}; they end {ends}"
            )
            ending = "WRONG"
        elif asked.settled_at is not None:
            came.took_s.append(asked.settled_at - asked.at)
        came.endings[ending] += 1
        came.by_model_fault[f"{fault}: {ending}"] += 1
        if asked.verdict.spared:
            came.copies[f"{asked.platform} {asked.place}"] += len(asked.verdict.spared)

    def _had_no_gateway(self, at: float) -> bool:
        """Whether the bot was not to be reached then: from a fault of the gateway until it came again."""
        for lost_at in self._gateway_at:
            back_at = next((one for one in self._scene.connected_at if one > lost_at), math.inf)
            if lost_at - _ON_ITS_WAY_S <= at <= back_at:
                return True
        return False

    async def _delete_one(self, asked: Asked, place: Place) -> None:
        """Somebody who may deletes a message of the answer while it grows."""
        if self._chance.random() >= _DELETED:
            return
        ledger = self._scene.ledger
        await ledger.until(lambda: bool(asked.words), OVER_WITHIN_S)
        await asyncio.sleep(self._chance.uniform(0.0, 3.0))
        owner = place.person if place.kind == "private" and place.platform == "telegram" else "Ada"
        if place.platform == "discord" and place.kind == "private":
            return  # nobody deletes a bot's message there
        server = self._scene.discord if place.platform == "discord" else self._scene.telegram
        asked.spoilt = True
        self._came.platform_faults["deleted message"] += 1
        with suppress(KeyError, PermissionError):  # it is gone, or it is not theirs
            await server.delete(owner, place.id, next(iter(asked.messages)))

    async def _trouble_requests(self) -> None:
        chance, came, scene = self._chance, self._came, self._scene
        while True:
            await asyncio.sleep(chance.uniform(*_FAULT_EVERY_S))
            status = chance.choice((500, 502, 503))
            wait_s = float(chance.randint(1, 4))
            if chance.random() < 0.5:
                on_discord = chance.choice(_DISCORD_KINDS)
                method, route = chance.choice(_ON_DISCORD)
                scene.discord.fault(on_discord, method=method, route=route, status=status, retry_after=wait_s)
                came.platform_faults[f"discord {on_discord}"] += 1
            else:
                on_telegram = chance.choice(_TELEGRAM_KINDS)
                route = chance.choice(_ON_TELEGRAM)
                scene.telegram.fault(on_telegram, route=route, status=status, retry_after=wait_s)
                came.platform_faults[f"telegram {on_telegram}"] += 1

    async def _trouble_gateway(self) -> None:
        troubles: tuple[tuple[str, Callable[[], None]], ...] = (
            ("cut", self._scene.discord.cut_gateway),
            ("asked to reconnect", self._scene.discord.ask_reconnect),
            ("session gone", self._scene.discord.invalidate_sessions),
        )
        while True:
            await asyncio.sleep(_GATEWAY_EVERY_S)
            name, trouble = self._chance.choice(troubles)
            self._gateway_at.append(time.monotonic())
            self._came.platform_faults[f"gateway {name}"] += 1
            trouble()
