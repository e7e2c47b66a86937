"""The models that can be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bots.bootstrap.configuration import EMBEDDED
from bots.embedded_model.model import EmbeddedModel
from bots.embedded_model.progress import OnProgress
from bots.embedded_model.weights import weights_are_there
from core.adapters.moderation import ConfiguredModeration
from core.adapters.redaction import redact_all_logging
from core.adapters.routing import RoutedCompletions
from core.configuration import Configuration, Live, Provider
from core.configuration.entries import EMBEDDED_PROVIDER
from core.ports.completions import Completions
from core.ports.moderation import Moderation
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Model:
    """Models that can be asked now. `router` is `completions` where providers may come and go. `moderation`:
    whoever judges what is asked and answered."""

    completions: Completions
    live: Live[Configuration]
    router: RoutedCompletions | None = None
    moderation: Moderation | None = None


@asynccontextmanager
async def open_model(
    settings: Settings, live: Live[Configuration], on_progress: OnProgress
) -> AsyncIterator[Model]:
    """All configured models; the embedded one runs where it is named. Raises EmbeddedModelError."""
    redact_keys({}, live.current)
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


def is_to_be_fetched(settings: Settings, configuration: Configuration) -> bool:
    """Whether opening the models begins with a download of the embedded one."""
    return EMBEDDED.id in configuration.models and not weights_are_there(settings.data_dir)


def redact_keys(before: Mapping[str, Provider], configuration: Configuration) -> None:
    """Keep the keys of new providers out of the log."""
    known = {provider.api_key for provider in before.values()}
    if new := {provider.api_key for provider in configuration.providers.values()} - known - {None}:
        redact_all_logging(new)
