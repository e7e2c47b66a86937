"""A configuration that changes while the bot runs."""

from __future__ import annotations

import logging

from bots.bootstrap.app import App, permit
from bots.bootstrap.configuration import EMBEDDED, read_configuration
from bots.bootstrap.models import Model, redact_keys
from core.configuration import Configuration, ConfigurationError, Problem
from core.ports.clock import Clock
from core.service.watching import Watch
from core.settings import Settings
from core.variables import ENV_FILE

log = logging.getLogger(__name__)


def watch_configuration(settings: Settings, model: Model, app: App, clock: Clock) -> Watch[Configuration]:
    """What `sluice.toml` says, and the keys in `.env`, count from the next question while this runs."""
    providers = model.live.current.providers
    embedded_runs = EMBEDDED.id in model.live.current.models

    def read() -> Configuration:
        new = read_configuration(settings)
        if EMBEDDED.id in new.models and not embedded_runs:
            file, found = str(settings.config_file), f"it names {EMBEDDED.id}, which begins with Sluice"
            raise ConfigurationError([Problem(file, None, "", found, "Start Sluice anew to have it.")])
        return new

    def changed(new: Configuration) -> None:
        nonlocal providers
        redact_keys(providers, new)
        providers = new.providers
        permit(app.access, new)
        for warning in new.warnings:
            log.warning("%s", warning)
        if model.router is not None:
            model.router.sweep()

    return Watch(
        (settings.config_file, ENV_FILE),
        read,
        model.live,
        clock,
        changed=changed,
    )
