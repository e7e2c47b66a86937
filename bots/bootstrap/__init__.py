"""Settings to objects: the only place that wires."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
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
from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_ledger import MemoryLedger
from core.adapters.memory_store import MemoryStore
from core.adapters.moderation import ConfiguredModeration
from core.adapters.redaction import redact_all_logging, redacted
from core.adapters.routing import RoutedCompletions
from core.adapters.steady_store import SteadyStore
from core.adapters.store.holding import held
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store as open_sql_store
from core.commands.dispatch import Dispatcher
from core.commands.registry import Registry, registry
from core.configuration import (
    Configuration,
    ConfigurationError,
    Live,
    ModelEntry,
    Problem,
    Provider,
    parse_configuration,
)
from core.configuration.entries import EMBEDDED_PROVIDER
from core.policy import private_file
from core.policy.access import Access, Permits
from core.policy.rules import NewPlaces, Standing
from core.ports.alerts import Alerts, Cause
from core.ports.chart import Bar
from core.ports.clock import Clock
from core.ports.completions import Completions
from core.ports.journal import Journal
from core.ports.ledger import Ledger
from core.ports.moderation import Moderation
from core.ports.platform import Platform
from core.ports.store import Store, StoreError
from core.service.alerts import OperatorAlerts
from core.service.carrying_over import carry_over
from core.service.chat import ChatService
from core.service.choosing import Choices
from core.service.driver import Driver, Progress
from core.service.moderating import Moderator
from core.service.personal_data import PersonalData
from core.service.retention import Retention
from core.service.signing import KEY_BYTES, Signer
from core.service.spending import Spending
from core.service.usage import UsageBook
from core.service.watching import Watch
from core.settings import EMBEDDED_MODEL, Settings
from core.variables import ENV_FILE, read_variables

log = logging.getLogger(__name__)

FIGURES_EVERY_S = 0.25
ADMINS_FILE = "admins.json"  # in the data folder: whoever claimed the bot
SPENDING_FILE = "spending.json"  # in the data folder: what earlier versions had spent that day
FORGET_FILE = "forgetting.json"  # in the data folder: whom to forget, until they are forgotten
BUTTON_KEY_FILE = "buttons.json"  # in the data folder: the key that signs them
_TEMPLATE_TOKENS = 64  # what the embedded model's chat template adds to a prompt

EMBEDDED: Final = ModelEntry(
    f"{EMBEDDED_PROVIDER}/demo",
    EMBEDDED_PROVIDER,
    EMBEDDED_MODEL,
    "SmolLM2 135M, embedded: a demo of streaming, no assistant",
    prompt_tokens=SLOT_TOKENS - ANSWER_TOKENS - _TEMPLATE_TOKENS,
)


@dataclass(frozen=True, slots=True)
class Model:
    """Models that can be asked now. `router` is `completions` where providers may come and go. `moderation`:
    whoever judges what is asked and answered."""

    completions: Completions
    live: Live[Configuration]
    router: RoutedCompletions | None = None
    moderation: Moderation | None = None


def read_configuration(settings: Settings) -> Configuration:
    """What `.env` and `sluice.toml` say now. Raises ConfigurationError with every problem."""
    file = settings.config_file
    try:
        document = file.read_bytes() if file.is_file() else None
    except OSError as error:
        problem = Problem(
            str(file),
            None,
            "",
            f"cannot be read ({error.strerror})",
            "Let the user that runs Sluice read it.",
        )
        raise ConfigurationError([problem]) from None
    return parse_configuration(document, settings, variables=read_variables(), embedded=EMBEDDED, file=file)


def warnings_about(settings: Settings, configuration: Configuration) -> tuple[str, ...]:
    """What is worth saying of both. A variable that a provider's key is in is read, whatever its name."""
    keys = [provider.api_key_env for provider in configuration.providers.values()]
    read = tuple(f"{key}{end} is " for key in keys for end in ("", "_FILE"))
    menu = tuple(
        f"[defaults] menu: there is no command {name!r}. Take it out, or see /help for their names."
        for name in configuration.defaults.menu
        if registry().get(name) is None
    )
    return (*(one for one in settings.warnings if not one.startswith(read)), *configuration.warnings, *menu)


def commands_of(configuration: Configuration) -> Registry:
    """Every command; those that the configuration puts on the menu stand in the platforms' first list."""
    every = registry()
    return Registry(every, listed=[name for name in configuration.defaults.menu if every.get(name)])


def model_label(configuration: Configuration) -> str:
    """Which model answers unless another is chosen, for people."""
    entry = configuration.models[configuration.default_model]
    provider = configuration.providers.get(entry.provider)
    host = urlsplit(provider.base_url or "").netloc if provider else ""
    return f"{entry.label} at {host}" if host else entry.label


@asynccontextmanager
async def open_model(
    settings: Settings, live: Live[Configuration], on_progress: OnProgress
) -> AsyncIterator[Model]:
    """All configured models; the embedded one runs where it is named. Raises EmbeddedModelError."""
    _redact({}, live.current)
    async with AsyncExitStack() as stack:
        fixed: dict[str, Provider] = {}
        if EMBEDDED.id in live.current.models:
            embedded = EmbeddedModel(settings.data_dir, on_progress=on_progress)
            await stack.enter_async_context(embedded)
            fixed[EMBEDDED_PROVIDER] = Provider(EMBEDDED_PROVIDER, embedded.base_url)
        router = RoutedCompletions(live, fixed=fixed)
        stack.push_async_callback(router.aclose)
        moderation = ConfiguredModeration(live, router)
        stack.push_async_callback(moderation.aclose)
        yield Model(router, live, router, moderation)


def _redact(before: Mapping[str, Provider], configuration: Configuration) -> None:
    """Keep the keys of new providers out of the log."""
    known = {provider.api_key for provider in before.values()}
    if new := {provider.api_key for provider in configuration.providers.values()} - known - {None}:
        redact_all_logging(new)


@dataclass(frozen=True, slots=True)
class Kept:
    """What outlives the process."""

    store: Store
    journal: Journal
    ledger: Ledger


@asynccontextmanager
async def open_store(settings: Settings, clock: Clock, *, sandbox: bool) -> AsyncIterator[Kept]:
    """The database, made or migrated, for the process that runs the bot. In the sandbox nothing is kept.

    Raises StoreError.
    """
    if sandbox:
        journal = MemoryJournal(clock=clock)
        yield Kept(MemoryStore(journal=journal), journal, MemoryLedger())
        return
    location = Location.of(settings)
    with held(location):
        async with open_sql_store(location) as store:
            await carry_over(settings.data_dir / SPENDING_FILE, store.ledger, clock, settings.daily_tokens)
            yield Kept(store, store.journal, store.ledger)


@dataclass(frozen=True, slots=True)
class App:
    """What stands between the platforms and the model."""

    dispatcher: Dispatcher
    chat: ChatService
    access: Access
    driver: Driver
    retention: Retention
    alerts: OperatorAlerts
    personal: PersonalData


def build_app(settings: Settings, model: Model, clock: Clock, *, kept: Kept, page: SandboxPage | None) -> App:
    """With a page it is the sandbox: everybody is served, and nothing is kept."""
    redact_all_logging(settings.secrets)
    sandbox = page is not None
    driver = Driver(clock, on_progress=partial(_show_figures, page) if page else None)
    alerts = OperatorAlerts(
        driver,
        clock,
        to=lambda: () if sandbox else model.live.current.alerts,
        locale=lambda: model.live.current.defaults.language,
        redact=redacted,
    )
    if model.router is not None:
        model.router.alerts = alerts
    access = Access(
        admins=settings.admins,
        allow=settings.allow,
        allow_everybody=sandbox or settings.allow_everybody,
        admins_file=None if sandbox else settings.data_dir / ADMINS_FILE,
    )
    _permit(access, model.live.current)
    store = SteadyStore(kept.store, clock, alerts=alerts)
    spending = Spending(kept.ledger, clock, lambda: model.live.current)
    usage = UsageBook(store, clock, lambda: model.live.current)
    moderator = None
    if model.moderation is not None:
        moderator = Moderator(
            model.moderation,
            lambda: model.live.current.moderation,
            clock=clock,
            spending=spending,
            alerts=alerts,
            book=usage.book,
        )
    chat = ChatService(
        completions=model.completions,
        choices=Choices(store, model.live),
        driver=driver,
        clock=clock,
        access=access,
        spending=spending,
        store=store,
        journal=kept.journal,
        signer=Signer(None if sandbox else button_key(settings.data_dir / BUTTON_KEY_FILE)),
        max_answer_chars=settings.max_answer_chars,
        summarises=lambda choice: choice.model != EMBEDDED.id,
        book=usage.book,
        moderator=moderator,
        alerts=alerts,
    )
    chat.records.on_failing = partial(_tell_of_journal, alerts)
    personal = PersonalData(store, clock, None if sandbox else settings.data_dir / FORGET_FILE)
    dispatcher = Dispatcher(
        chat,
        access,
        clock,
        commands_of(model.live.current),
        configuration=lambda: model.live.current,
        spending=spending,
        usage=usage,
        personal=personal,
        draw=_draw,
    )
    retention = Retention(
        store, kept.journal, kept.ledger, clock, lambda: model.live.current.defaults.retention_days
    )
    return App(dispatcher, chat, access, driver, retention, alerts, personal)


def _tell_of_journal(alerts: Alerts, error: StoreError | None) -> None:
    if error is None:
        alerts.clear(Cause.JOURNAL)
    else:
        alerts.raise_(Cause.JOURNAL, why=str(error))


def _draw(bars: Sequence[Bar]) -> bytes:
    from core.adapters.bar_chart import draw_bars  # noqa: PLC0415  # Pillow: few processes ever draw one

    return draw_bars(bars)


def watch_configuration(settings: Settings, model: Model, app: App, clock: Clock) -> Watch[Configuration]:
    """What `sluice.toml` says, and the keys in `.env`, count from the next question while this runs."""
    providers = model.live.current.providers
    embedded_runs = EMBEDDED.id in model.live.current.models

    def changed(new: Configuration) -> None:
        nonlocal providers
        if EMBEDDED.id in new.models and not embedded_runs:
            log.warning("%s begins with Sluice. Start Sluice anew to have it.", EMBEDDED.id)
        _redact(providers, new)
        providers = new.providers
        _permit(app.access, new)
        for warning in new.warnings:
            log.warning("%s", warning)
        if model.router is not None:
            model.router.sweep()

    return Watch(
        (settings.config_file, ENV_FILE),
        partial(read_configuration, settings),
        model.live,
        clock,
        changed=changed,
    )


def _permit(access: Access, configuration: Configuration) -> None:
    before, now = configuration.permissions, configuration.access
    access.add(
        Permits(
            before.admins | now.admins,
            before.allow | now.allow,
            now.deny,
            before.allow_everybody or now.allow_everybody,
            {
                NewPlaces.SERVER: Standing(now.new_server),
                NewPlaces.GROUP: Standing(now.new_group),
                NewPlaces.PRIVATE: Standing(now.new_private),
            },
        )
    )


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


def live_platforms(
    settings: Settings,
    clock: Clock,
    configuration: Configuration,
    journal: Journal,
    alerts: Alerts | None = None,
) -> tuple[Platform, ...]:
    """One for each token that is set."""
    commands = commands_of(configuration)
    platforms: list[Platform] = []
    if settings.discord_token:
        platforms.append(
            DiscordPlatform(
                settings.discord_token,
                clock=clock,
                journal=journal,
                alerts=alerts,
                api_base_url=settings.discord_api_base_url,
                commands=commands,
            )
        )
    if settings.telegram_token:
        platforms.append(
            TelegramPlatform(
                settings.telegram_token,
                clock=clock,
                journal=journal,
                alerts=alerts,
                base_url=settings.telegram_api_base_url,
                webhook=settings.telegram_webhook,
                drafts=settings.telegram_drafts,
                commands=commands,
                inline_mode=configuration.defaults.telegram_inline,
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

    def platforms(self, clock: Clock, configuration: Configuration, journal: Journal) -> tuple[Platform, ...]:
        """The real adapters, pointed at the local servers."""
        commands = commands_of(configuration)
        return (
            DiscordPlatform(
                self.discord.token,
                clock=clock,
                journal=journal,
                api_base_url=self.discord.url,
                commands=commands,
            ),
            TelegramPlatform(
                self.telegram.token,
                clock=clock,
                journal=journal,
                base_url=self.telegram.url,
                drafts=self.drafts,
                commands=commands,
                inline_mode=configuration.defaults.telegram_inline,
            ),
        )


@asynccontextmanager
async def open_sandbox(settings: Settings, note: str) -> AsyncIterator[Sandbox]:
    """The local servers and the page with its note, listening. Raises OSError when its address is taken."""
    profile = load_profile()
    discord, telegram = DiscordServer(profile=profile), TelegramServer(profile=profile)
    page = SandboxPage(
        discord,
        telegram,
        note=note,
        host=settings.http_host,
        port=settings.http_port,
        key=secrets.token_urlsafe(16) if settings.page_is_open else None,
    )
    async with AsyncExitStack() as stack:
        for part in (discord, telegram, page):
            await part.start()
            stack.push_async_callback(part.stop)
        yield Sandbox(discord, telegram, page, settings.telegram_drafts)
