"""What stands between the platforms and the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from bots.bootstrap.configuration import EMBEDDED, commands_of
from bots.bootstrap.kept import BUTTON_KEY_FILE, Kept, button_key
from bots.bootstrap.models import Model
from core.adapters.redaction import redact_all_logging, redacted
from core.adapters.steady_store import SteadyStore
from core.commands.dispatch import Dispatcher
from core.configuration import Configuration
from core.policy.access import ADMINS_FILE, Access, Permits
from core.policy.rules import NewPlaces, Standing
from core.ports.alerts import Alerts, Cause
from core.ports.chart import Bar
from core.ports.clock import Clock
from core.ports.store import StoreError
from core.service.alerts import OperatorAlerts
from core.service.chat import ChatService
from core.service.choosing import Choices
from core.service.driver import Driver
from core.service.moderating import Moderator
from core.service.personal_data import PersonalData
from core.service.retention import Retention
from core.service.showing import Progress
from core.service.signing import Signer
from core.service.spending import Spending
from core.service.usage import UsageBook
from core.settings import Settings

FORGET_FILE: Final = "forgetting.json"  # in the data folder: whom to forget, until they are forgotten


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


def build_app(
    settings: Settings,
    model: Model,
    clock: Clock,
    *,
    kept: Kept,
    sandbox: bool,
    as_live: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> App:
    """In the sandbox nothing is kept and, unless it serves `as_live`, everybody is served. `on_progress`
    hears of each change of an answer that is on its way."""
    redact_all_logging(settings.secrets)
    driver = Driver(clock, on_progress=on_progress)
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
        allow_everybody=(sandbox and not as_live) or settings.allow_everybody,
        admins_file=None if sandbox else settings.data_dir / ADMINS_FILE,
    )
    permit(access, model.live.current)
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


def permit(access: Access, configuration: Configuration) -> None:
    """Have what the configuration permits count, beside what `.env` does."""
    given = configuration.access
    access.add(
        Permits(
            given.admins,
            given.allow,
            given.deny,
            given.allow_everybody,
            {
                NewPlaces.SERVER: Standing(given.new_server),
                NewPlaces.GROUP: Standing(given.new_group),
                NewPlaces.PRIVATE: Standing(given.new_private),
            },
        )
    )


def _tell_of_journal(alerts: Alerts, error: StoreError | None) -> None:
    if error is None:
        alerts.clear(Cause.JOURNAL)
    else:
        alerts.raise_(Cause.JOURNAL, why=str(error))


def _draw(bars: Sequence[Bar]) -> bytes:
    from core.adapters.bar_chart import draw_bars  # noqa: PLC0415  # Pillow: few processes ever draw one

    return draw_bars(bars)
