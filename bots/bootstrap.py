"""Settings to objects: the only place that wires."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from bots.discord.client import DiscordPlatform
from bots.embedded_model.model import EmbeddedModel
from bots.embedded_model.progress import OnProgress
from bots.embedded_model.server import ANSWER_TOKENS, SLOT_TOKENS
from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.limits import load_profile
from bots.sandbox.page import SandboxPage
from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.client import TelegramPlatform
from core.adapters.memory_store import MemoryStore
from core.adapters.openai_completions import OpenAICompletions
from core.commands.dispatch import Dispatcher
from core.policy import private_file
from core.policy.access import Access
from core.policy.spending import Spending
from core.ports.clock import Clock
from core.ports.completions import Completions
from core.ports.platform import Platform
from core.service.chat import PROMPT_TOKENS, ChatService
from core.service.driver import Driver, Progress
from core.service.signing import KEY_BYTES, Signer
from core.settings import ModelSettings, Settings

log = logging.getLogger(__name__)

FIGURES_EVERY_S = 0.25
ADMINS_FILE = "admins.json"  # in the data folder: whoever claimed the bot
BUTTON_KEY_FILE = "buttons.json"  # in the data folder: the key that signs them
_TEMPLATE_TOKENS = 64  # what the embedded model's chat template adds to a prompt


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be asked now. `prompt_tokens`: the most that it takes at once."""

    completions: Completions
    settings: ModelSettings
    prompt_tokens: int


def model_label(settings: Settings) -> str:
    """Which model answers, for people."""
    model = settings.model
    if model.embedded:
        return "SmolLM2 135M, embedded: a demo of streaming, no assistant"
    return f"{model.name} at {urlsplit(model.base_url).netloc}" if model.base_url else model.name


@asynccontextmanager
async def open_model(settings: Settings, on_progress: OnProgress) -> AsyncIterator[Model]:
    """The configured model, or the embedded one where none is. Raises EmbeddedModelError."""
    model = settings.model
    prompt_tokens = PROMPT_TOKENS
    async with AsyncExitStack() as stack:
        if model.embedded:
            embedded = EmbeddedModel(settings.data_dir, on_progress=on_progress)
            await stack.enter_async_context(embedded)
            model = replace(model, base_url=embedded.base_url, api_key=None)
            prompt_tokens = SLOT_TOKENS - ANSWER_TOKENS - _TEMPLATE_TOKENS
        completions = OpenAICompletions(base_url=model.base_url, api_key=model.api_key)
        stack.push_async_callback(completions.aclose)
        yield Model(completions, model, prompt_tokens)


@dataclass(frozen=True, slots=True)
class App:
    """What stands between the platforms and the model."""

    dispatcher: Dispatcher
    chat: ChatService
    access: Access
    driver: Driver


def build_app(settings: Settings, model: Model, clock: Clock, *, page: SandboxPage | None) -> App:
    """With a page it is the sandbox: everybody is served, and nothing is kept."""
    sandbox = page is not None
    driver = Driver(clock, on_progress=partial(_show_figures, page) if page else None)
    access = Access(
        admins=settings.admins,
        allow=settings.allow,
        allow_everybody=sandbox or settings.allow_everybody,
        admins_file=None if sandbox else settings.data_dir / ADMINS_FILE,
    )
    spent = None if sandbox else settings.data_dir / "spending.json"
    chat = ChatService(
        completions=model.completions,
        model=model.settings,
        driver=driver,
        clock=clock,
        access=access,
        spending=Spending(settings.daily_tokens, clock=clock, file=spent),
        store=MemoryStore(),
        signer=Signer(None if sandbox else button_key(settings.data_dir / BUTTON_KEY_FILE)),
        prompt_tokens=model.prompt_tokens,
        show_reasoning=settings.show_reasoning,
        max_answer_chars=settings.max_answer_chars,
        summaries=not settings.model.embedded,
    )
    return App(Dispatcher(chat, access), chat, access, driver)


def button_key(file: Path) -> bytes | None:
    """The key that signs buttons, made where there is none. None: it cannot be kept."""
    try:
        match private_file.read(file):
            case {"key": str(key)} if len(key) == 2 * KEY_BYTES:
                return bytes.fromhex(key)
        key = secrets.token_hex(KEY_BYTES)
        private_file.write(file, {"key": key})
        return bytes.fromhex(key)
    except (private_file.UnreadableFileError, OSError, ValueError) as error:
        log.error("the key of buttons cannot be kept (%s): a restart ends those that stand", error)
        return None


def _show_figures(page: SandboxPage, progress: Progress) -> None:
    place, figures = progress.place, progress.figures
    page.figures(
        {
            "platform": place.platform,
            "chat": f"{place.chat_id}/{place.topic_id}" if place.topic_id else place.chat_id,
            "message": progress.messages[0].message_id,
            "edits": figures.edits,
            "age_s": figures.age_s,
            "mean_age_s": figures.mean_age_s,
            "first_text_s": figures.first_text_s,
            "final_lag_s": figures.final_lag_s,
            "limited": figures.rate_limited,
            "done": figures.done,
        }
    )


def live_platforms(settings: Settings, clock: Clock) -> tuple[Platform, ...]:
    """One for each token that is set."""
    platforms: list[Platform] = []
    if settings.discord_token:
        platforms.append(
            DiscordPlatform(settings.discord_token, clock=clock, api_base_url=settings.discord_api_base_url)
        )
    if settings.telegram_token:
        platforms.append(
            TelegramPlatform(
                settings.telegram_token,
                clock=clock,
                base_url=settings.telegram_api_base_url,
                drafts=settings.telegram_drafts,
            )
        )
    return tuple(platforms)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Both local platforms, and the page that shows them."""

    discord: DiscordServer
    telegram: TelegramServer
    page: SandboxPage
    drafts: bool  # answers in Telegram's private chats grow as drafts

    async def watch(self, driver: Driver) -> None:
        """Keep the page's figures moving while text waits to be shown. Until cancelled."""
        while True:
            await asyncio.sleep(FIGURES_EVERY_S)
            for progress in driver.progress():
                _show_figures(self.page, progress)

    def platforms(self, clock: Clock) -> tuple[Platform, ...]:
        """The real adapters, pointed at the local servers."""
        return (
            DiscordPlatform(self.discord.token, clock=clock, api_base_url=self.discord.url),
            TelegramPlatform(
                self.telegram.token, clock=clock, base_url=self.telegram.url, drafts=self.drafts
            ),
        )


@asynccontextmanager
async def open_sandbox(settings: Settings) -> AsyncIterator[Sandbox]:
    """The local servers and the page, listening. Raises OSError when the page's address is taken."""
    profile = load_profile()
    discord, telegram = DiscordServer(profile=profile), TelegramServer(profile=profile)
    page = SandboxPage(
        discord, telegram, note=model_label(settings), host=settings.http_host, port=settings.http_port
    )
    async with AsyncExitStack() as stack:
        for part in (discord, telegram, page):
            await part.start()
            stack.push_async_callback(part.stop)
        yield Sandbox(discord, telegram, page, settings.telegram_drafts)
