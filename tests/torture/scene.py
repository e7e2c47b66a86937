"""Both platforms under their documented limits, the model, the people and where they ask: all but Sluice."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Final, Literal

from bots.sandbox.discord.faults import Fault as DiscordFault
from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.limits import load_profile
from bots.sandbox.model_server import ModelRequest, ModelServer, Reply, say
from bots.sandbox.telegram.faults import Fault as TelegramFault
from bots.sandbox.telegram.server import TelegramServer
from tests.end_to_end.world import settings_for
from tests.torture.ledger import RENDERERS, Asked, Json, Ledger, Platform
from tests.torture.texts import Shape, Tale, asked_for

_GREETS_WITHIN_S: Final = 20.0
PEOPLE: Final = ("Ada", "Ben", "Cleo", "Gus", "Hana", "Jun", "Kim")
"""Known on both platforms, with clients in English."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody asks, and how: in private, by mention in a channel, a group, a thread or a topic, or by
    a command. `chat`: as the platform's people know it; `id`: as its events name it."""

    platform: Platform
    kind: str
    person: str
    chat: str
    id: str

    @property
    def by_command(self) -> bool:
        """A slash command of Discord; a command of Telegram is a message."""
        return self.kind == "slash"


class Scene:
    """Names of tales are never used twice in a scene."""

    def __init__(
        self,
        discord: DiscordServer,
        telegram: TelegramServer,
        model: ModelServer,
        marks: Sequence[str],
        *,
        bare: bool,
        troubled: bool,
    ) -> None:
        self.discord = discord
        self.telegram = telegram
        self.model = model
        self.ledger = Ledger(self.told, self.file, marks, bare=bare, troubled=troubled)
        self.asked_model: dict[str, list[ModelRequest]] = defaultdict(list)
        self.model_url = model.base_url
        self._told: Callable[[str], str] = self._told_here
        self._names = (f"q{n}" for n in count(1))
        self._held = asyncio.Event()
        self.connected_at: list[float] = []  # when the bot came to Discord's gateway

    @property
    def settings(self) -> dict[str, str]:
        """What `sluice run` needs to work here."""
        return settings_for(self.discord, self.telegram, self.model_url)

    def hear_from(self, model_url: str, told: Callable[[str], str]) -> None:
        """Let Sluice ask another model than the scripted one; `told` is what that one said of a tale."""
        self.model_url, self._told = model_url, told

    @property
    def refusals(self) -> int:
        """How many requests came too often for either platform."""
        return sum(
            request.status == 429 for server in (self.discord, self.telegram) for request in server.requests
        )

    def told(self, name: str) -> str:
        """All that the model said of a tale: the longest, where it was asked several times."""
        return self._told(name)

    def _told_here(self, name: str) -> str:
        return max(("".join(request.told) for request in self.asked_model[name]), key=len, default="")

    def reply(self, request: ModelRequest) -> Reply:
        """What the model answers."""
        tale = asked_for(request.prompt)
        if tale is None:
            return say("Ready.")
        self.asked_model[tale.name].append(request)
        self.ledger.changed.set()
        deltas = tale.deltas
        return say(*deltas, every_s=tale.told_ms / 1_000 / len(deltas))

    def file(self, platform: Platform, file_id: str) -> bytes | None:
        server = self.discord if platform == "discord" else self.telegram
        return server.file(file_id)

    def take(self, platform: Platform, event: Json) -> None:
        """An event of a platform."""
        if event["type"] == "request" and event["status"] == 0:
            self._held.set()
        if platform == "discord" and event["type"] == "online" and event["online"]:
            self.connected_at.append(time.monotonic())
        self.ledger.take(platform, event)

    def hold(self, platform: Platform, *, sends: bool, done: bool) -> DiscordFault | TelegramFault:
        """Let the next send or edit never be answered, `done` or not; `times` of what is returned says
        whether one came."""
        self._held.clear()
        kind: Literal["hang_after", "hang_before"] = "hang_after" if done else "hang_before"
        if platform == "telegram":
            return self.telegram.fault(kind, route="sendMessage" if sends else "editMessageText")
        method, route = ("POST", "*/messages") if sends else ("PATCH", "*/messages/*")
        return self.discord.fault(kind, method=method, route=route)

    async def held(self, within_s: float) -> bool:
        """Wait until a request is held; whether one is."""
        try:
            await asyncio.wait_for(self._held.wait(), within_s)
        except TimeoutError:
            return False
        return True

    async def ask(self, place: Place, shape: Shape, told_s: float) -> Asked:
        """Somebody asks for a tale there."""
        units = RENDERERS[place.platform].page_units
        tale = Tale(next(self._names), shape, units, int(told_s * 1_000))
        asked = Asked(tale, place.platform, place.kind, place.id, place.by_command, time.monotonic())
        self.ledger.ask(asked)
        words = tale.question
        match place.platform, place.kind:
            case "discord", "slash":
                asked.message = await self.discord.invoke(place.person, place.chat, "ask", {"prompt": words})
            case "discord", "private":
                asked.message = await self.discord.say(place.person, place.chat, words)
            case "discord", _:
                asked.message = await self.discord.say(place.person, place.chat, f"@Sluice {words}")
            case _, "private":
                asked.message = await self.telegram.say(place.person, place.chat, words)
            case _, "command":
                asked.message = await self.telegram.say(place.person, place.chat, f"/ask {words}")
            case _:
                asked.message = await self.telegram.say(place.person, place.chat, f"@sluice_bot {words}")
        return asked

    async def greeted(self, groups: int) -> None:
        """Wait until the bot has said in each of its new groups what it hears there: that is no answer."""
        await self.ledger.until(lambda: len(self.ledger.strays) == groups, _GREETS_WITHIN_S)
        self.ledger.strays.clear()

    def forget(self, asked: Sequence[Asked]) -> None:
        """Let go of questions that are over."""
        self.ledger.forget([one.name for one in asked])
        for one in asked:
            self.asked_model.pop(one.name, None)
        self.model.requests.clear()


@asynccontextmanager
async def opened(
    marks: Sequence[str], *, bare: bool = False, troubled: bool = False, scale: float = 1.0
) -> AsyncIterator[Scene]:
    """The servers, with the limits in real time (or `scale` of it), and the model."""
    profile = load_profile(scale=scale)
    discord, telegram = DiscordServer(profile=profile), TelegramServer(profile=profile)

    def reply(request: ModelRequest) -> Reply:
        return scene.reply(request)

    async with ModelServer(reply) as model:
        scene = Scene(discord, telegram, model, marks, bare=bare, troubled=troubled)
        discord.subscribe(partial(scene.take, "discord"))
        telegram.subscribe(partial(scene.take, "telegram"))
        await discord.start()
        await telegram.start()
        try:
            yield scene
        finally:
            await telegram.stop()
            await discord.stop()


class Places:
    """Where questions are asked: by turns, so that each place's limits recover while others are used."""

    def __init__(self, scene: Scene, chance: random.Random) -> None:
        self._scene = scene
        self._chance = chance
        self._turn = 0
        self._halls: list[str] = []
        self._groups: list[tuple[str, str]] = []

    async def make(self, each: int) -> int:
        """Open so many channels and so many groups, before Sluice starts; how many groups."""
        scene = self._scene
        for number in range(each):
            await scene.discord.create_channel(f"hall-{number}")
            self._halls.append(f"#hall-{number}")
            group = await scene.telegram.create_group(f"Room {number}", PEOPLE)
            await scene.telegram.add_bot_to_group(PEOPLE[0], group)
            self._groups.append((f"Room {number}", group))
        return each

    def next(self) -> list[Place]:
        """Places of every kind, all in different chats, on both platforms by turns."""
        self._turn += 1
        people = self._chance.sample(PEOPLE, len(PEOPLE)) * 2
        halls = [self._halls[(self._turn * 2 + n) % len(self._halls)] for n in range(2)]
        groups = [self._groups[(self._turn * 2 + n) % len(self._groups)] for n in range(2)]
        return [
            self.private("discord", people[0]),
            self.private("telegram", people[1]),
            self._on_discord("channel", people[2], halls[0]),
            Place("telegram", "group", people[3], *groups[0]),
            self._on_discord("slash", people[4], halls[1]),
            Place("telegram", "command", people[5], *groups[1]),
            self._on_discord("thread", people[6], "#planning"),
            self._topic(people[7]),
        ]

    def everywhere(self) -> list[Place]:
        """A place for each stream that goes on for long: every private chat, every channel, every group."""
        people = PEOPLE * (len(self._halls) // len(PEOPLE) + 1)
        return [
            *(self.private("discord", person) for person in PEOPLE),
            *(self.private("telegram", person) for person in PEOPLE),
            *(self._on_discord("channel", *one) for one in zip(people, self._halls, strict=False)),
            *(
                Place("telegram", "group", person, *one)
                for person, one in zip(people, self._groups, strict=False)
            ),
        ]

    def private(self, platform: Platform, person: str) -> Place:
        if platform == "discord":
            return self._on_discord("private", person, f"@{person}")
        ids = {one["name"]: one["id"] for one in self._scene.telegram.snapshot()["people"]}
        return Place("telegram", "private", person, ids[person], ids[person])

    def _on_discord(self, kind: str, person: str, chat: str) -> Place:
        return Place("discord", kind, person, chat, str(self._scene.discord.world.chat(chat).id))

    def _topic(self, person: str) -> Place:
        chats = self._scene.telegram.snapshot()["chats"]
        found = next(one for one in chats if one["kind"] == "topic" and one["name"] == "Ideas")
        return Place("telegram", "topic", person, found["id"], found["id"])
