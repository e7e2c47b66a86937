"""A configuration that changes while the bot runs."""

from __future__ import annotations

import logging
from functools import partial

from bots.bootstrap.app import App, permit
from bots.bootstrap.configuration import EMBEDDED, read_configuration
from bots.bootstrap.models import Model, redact_keys
from core.configuration import Configuration
from core.ports.clock import Clock
from core.service.watching import Watch
from core.settings import Settings
from core.variables import ENV_FILE

log = logging.getLogger(__name__)


def watch_configuration(settings: Settings, model: Model, app: App, clock: Clock) -> Watch[Configuration]:
    """What `sluice.toml` says, and the keys in `.env`, count from the next question while this runs."""
    providers = model.live.current.providers
    embedded_runs = EMBEDDED.id in model.live.current.models

    def changed(new: Configuration) -> None:
        nonlocal providers
        if EMBEDDED.id in new.models and not embedded_runs:
            log.warning("%s begins with Sluice. Start Sluice anew to have it.", EMBEDDED.id)
        redact_keys(providers, new)
        providers = new.providers
        permit(app.access, new)
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
