"""Eight people ask at once in one place: no refusal by the platform, and all answers grow side by side."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from bots.bootstrap.app import build_app
from bots.bootstrap.configuration import read_configuration
from bots.bootstrap.kept import open_store
from bots.bootstrap.models import open_model
from bots.discord.markdown import DiscordRenderer
from bots.embedded_model.progress import ignore_progress
from bots.sandbox.limits import load_profile
from bots.sandbox.model_server import ModelRequest, Reply, say
from bots.telegram.capabilities import BOT, GROUP, TELEGRAM
from bots.telegram.client import TelegramPlatform
from bots.telegram.markdown import TelegramRenderer
from core.adapters.clock import SystemClock
from core.adapters.memory_journal import MemoryJournal
from core.configuration import Live
from core.settings import ModelSettings, Settings
from core.streaming.meters import RateLimit
from core.streaming.rendering import Renderer
from tests.end_to_end.screen import Json, Screen
from tests.end_to_end.world import ENDS_WITHIN_S, World, opened
from tests.promise import broken_promise

PEOPLE = ("Ada", "Ben", "Cleo", "Gus", "Hana", "Ivo", "Jun", "Kim")  # known on both platforms
LONGER_THAN_A_PAGE = frozenset({"Cleo", "Jun"})
DELTA_CHARS = 12
END = "And so the tale ends."


def tale(name: str, page_units: int) -> str:
    """Markdown of somebody's own: each paragraph says whose it is, and tries to ping somebody."""
    chance = random.Random(name)
    chars = int(page_units * 1.2) if name in LONGER_THAN_A_PAGE else 1_200
    paragraphs = [f"## The tale for {name}"]
    while sum(map(len, paragraphs)) < chars:
        count = chance.randint(3, 90)
        paragraphs.append(
            chance.choice(
                (
                    f"Once {name} saw **{count} boats** on the river, and told @everyone and @ben of it.",
                    f"> The *old* gate spoke to {name}: `open({count})`, then silence. <@1000000000{count}>",
                    f"- {name} paid {count}\n- the keeper laughed\n- and @here was no answer",
                    f"```python\n# {name}\ngate.open(height={count})\n```",
                )
            )
        )
    return "\n\n".join([*paragraphs, f"{END} Good night, {name}."])


def question(name: str, page_units: int) -> str:
    return f"Tell me, {name}, a tale for pages of {page_units}."


def teller(telling_s: float) -> Callable[[ModelRequest], Reply]:
    """A model that tells what it is asked for in small deltas, which together take so long."""

    def tell(request: ModelRequest) -> Reply:
        for units in (DiscordRenderer.page_units, TelegramRenderer.page_units):
            for name in PEOPLE:
                if question(name, units) in request.prompt:
                    text = tale(name, units)
                    deltas = [text[at : at + DELTA_CHARS] for at in range(0, len(text), DELTA_CHARS)]
                    return say(*deltas, every_s=telling_s / len(deltas))
        return say("Ready.")

    return tell


async def test_eight_at_once_on_each_platform_under_the_documented_limits(tmp_path: Path) -> None:
    """Sixteen streams through one process in real time.

    Discord's channel takes five sends in 5 s, and as many edits: each answer is edited at least twice.
    Telegram's group takes twenty requests a minute: eight sends and eight endings leave four for all, so
    each answer is sure to be edited once.
    """
    async with opened(load_profile(), teller(16.0)) as world, world.served(tmp_path) as program:
        for name in PEOPLE:
            asked = question(name, DiscordRenderer.page_units)
            await world.discord.say(name, "#general", f"@Sluice {asked}")
        await _ask_in_group(world)
        on_discord, on_telegram = await asyncio.gather(
            _complete(world.on_discord, DiscordRenderer()), _complete(world.on_telegram, TelegramRenderer())
        )
        program.process.terminate()
        assert await program.ends(ENDS_WITHIN_S) == 0
    assert world.refusals == []
    assert world.discord.pings == []
    assert all(edits >= 2 for edits in _edits(on_discord)), _edits(on_discord)
    assert all(edits >= 1 for edits in _edits(on_telegram)), _edits(on_telegram)


async def test_eight_at_once_in_a_group_with_ten_times_the_pace(tmp_path: Path) -> None:
    """The server's windows and the adapter's are a tenth of the documented: each grows at least twice."""
    async with opened(load_profile(scale=0.1), teller(8.0)) as world, _telegram_at_a_tenth(world, tmp_path):
        await _ask_in_group(world)
        answers = await _complete(world.on_telegram, TelegramRenderer())
    assert world.refusals == []
    assert all(edits >= 2 for edits in _edits(answers)), _edits(answers)


async def _ask_in_group(world: World) -> None:
    """By mention and by command in turn."""
    for name in PEOPLE:
        called = "/ask" if name in PEOPLE[::2] else "@sluice_bot"
        await world.telegram.say(name, "Riverside", f"{called} {question(name, TelegramRenderer.page_units)}")


async def _complete(screen: Screen, renderer: Renderer) -> list[list[Json]]:
    """The pages of each person's answer, once all are complete; each is exactly what the model told."""

    def ended() -> bool:
        last = [message for message in screen.by_bot(holding=END) if not message["buttons"]]
        return len(last) == len(PEOPLE)

    await screen.until(ended)
    answers = [screen.by_bot(holding=name) for name in PEOPLE]
    assert sum(map(len, answers)) == len(screen.by_bot())
    for name, pages in zip(PEOPLE, answers, strict=True):
        source = tale(name, renderer.page_units)
        assert broken_promise(source, [page["text"] for page in pages], renderer) is None
        assert len(pages) == (2 if name in LONGER_THAN_A_PAGE else 1)
    return answers


def _edits(answers: Iterable[list[Json]]) -> list[int]:
    return [sum(page["edited"] for page in pages) for pages in answers]


@asynccontextmanager
async def _telegram_at_a_tenth(world: World, folder: Path) -> AsyncIterator[None]:
    """Sluice wired as `sluice run` wires it, its figures for Telegram fitting the scaled server."""
    limits = {
        BOT: (RateLimit(30, 0.3),),
        # Windows shrink, but what a busy machine adds to a request's way does not.
        GROUP: (RateLimit(3, 0.3 + 0.2), RateLimit(20, 6.0 + 0.2)),
    }
    clock = SystemClock()
    settings = Settings(
        model=ModelSettings("scripted", base_url=world.model.base_url),
        allow_everybody=True,
        data_dir=folder,
    )
    async with (
        open_model(settings, Live(read_configuration(settings)), ignore_progress) as model,
        open_store(settings, clock, sandbox=False) as kept,
    ):
        app = build_app(settings, model, clock, kept=kept, sandbox=False)
        platform = TelegramPlatform(
            world.telegram.token,
            clock=clock,
            journal=MemoryJournal(clock=clock),
            base_url=world.telegram.url,
            capabilities=replace(TELEGRAM, rate_limits=limits),
        )
        await platform.start(app.dispatcher.handle)
        try:
            yield
        finally:
            now = clock.monotonic()
            assert await app.chat.stop(streams_until=now, marks_until=now + 1.0) == 0
            await platform.close()
