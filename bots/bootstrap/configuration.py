"""What `.env` and `sluice.toml` say together, and what follows from it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from urllib.parse import urlsplit

from bots.embedded_model.server import ANSWER_TOKENS, SLOT_TOKENS
from core.commands.registry import Registry, registry
from core.configuration import (
    Configuration,
    ConfigurationError,
    ModelEntry,
    Price,
    Problem,
    parse_configuration,
)
from core.configuration.entries import EMBEDDED_PROVIDER
from core.settings import EMBEDDED_MODEL, Settings, shown_name
from core.variables import read_variables

_TEMPLATE_TOKENS: Final = 64  # what the embedded model's chat template adds to a prompt
EMBEDDED: Final = ModelEntry(
    f"{EMBEDDED_PROVIDER}/demo",
    EMBEDDED_PROVIDER,
    EMBEDDED_MODEL,
    "SmolLM2 135M, a demo",
    Price(Decimal(0), Decimal(0)),
    prompt_tokens=SLOT_TOKENS - ANSWER_TOKENS - _TEMPLATE_TOKENS,
)


def read_configuration(settings: Settings, *, counted: bool = True) -> Configuration:
    """What `.env` and `sluice.toml` say now. Raises ConfigurationError with every problem. `counted`: as in
    `parse_configuration`."""
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
    return parse_configuration(
        document, settings, variables=read_variables(), embedded=EMBEDDED, file=file, counted=counted
    )


def bare_configuration() -> Configuration:
    """Where nothing is said: the demo model alone."""
    return parse_configuration(None, Settings(), variables={}, embedded=EMBEDDED)


def warnings_about(settings: Settings, configuration: Configuration) -> tuple[str, ...]:
    """What is worth saying of both. A variable that a provider's key is in is read, whatever its name."""
    keys = [provider.api_key_env for provider in configuration.providers.values()]
    read = tuple(f"{key}{end} is " for key in keys for end in ("", "_FILE"))
    menu = tuple(
        f"[defaults] menu: there is no command '{shown_name(name)}'. "
        "Take it out, or see /help for their names."
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
    if entry.provider == EMBEDDED_PROVIDER:
        return f"{entry.label}: embedded, for a look at streaming, no assistant"
    label = shown_name(entry.label)
    return f"{label} at {host}" if host else label
