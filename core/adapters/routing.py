"""Several providers behind one port: `provider/model` says who is asked, and who is asked instead.

The law: while nothing of an answer is visible, text or reasoning, a fault that passes is waited for and the
model asked again (`core.adapters.retries`); then a failure that another model may not have leads to the next
of the model's fallbacks. What is visible is never taken back, and its answer never begun anew.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from core.adapters.clock import SYSTEM_CLOCK
from core.adapters.openai_completions import OpenAICompletions
from core.adapters.retries import wait_before_retry
from core.configuration import Configuration, Live, ModelEntry, Provider
from core.configuration.entries import ENV_PROVIDER
from core.ports.alerts import Alerts, Cause, NoAlerts
from core.ports.clock import Clock
from core.ports.completions import (
    Answering,
    CompletionRequest,
    Completions,
    ModelError,
    ModelErrorKind,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
)

_log = logging.getLogger(__name__)
_ANOTHER_MAY_ANSWER: Final = frozenset(  # not: what was asked is at fault, or a provider declined it
    {
        ModelErrorKind.UNREACHABLE,
        ModelErrorKind.NOT_AN_API,
        ModelErrorKind.UNAUTHORIZED,
        ModelErrorKind.UNKNOWN_MODEL,
        ModelErrorKind.RATE_LIMITED,
        ModelErrorKind.NO_CREDIT,
        ModelErrorKind.SERVER,
        ModelErrorKind.STALLED,
        ModelErrorKind.BROKEN_STREAM,
        ModelErrorKind.EMPTY,
    }
)
_OPERATORS: Final[Mapping[ModelErrorKind, Cause]] = MappingProxyType({
    ModelErrorKind.UNREACHABLE: Cause.PROVIDER,
    ModelErrorKind.NOT_AN_API: Cause.PROVIDER,
    ModelErrorKind.NO_CREDIT: Cause.CREDIT,
    ModelErrorKind.UNAUTHORIZED: Cause.KEY,
})  # fmt: skip
"""What only whoever runs the bot can repair."""
_MOST_BLANK: Final = 1_000  # characters of white space that are held back, as they show nothing
_NO_PROVIDERS: Final[Mapping[str, Provider]] = MappingProxyType({})


@dataclass(slots=True)
class _Client:
    completions: Completions
    streams: int = 0


def opened(provider: Provider) -> Completions:
    """A client for this provider. Raises ModelError where its address is none."""
    return OpenAICompletions(
        base_url=provider.base_url, api_key=provider.api_key, headers=dict(provider.headers)
    )


class RoutedCompletions:
    """The port `Completions` over all providers of a configuration that may change meanwhile.

    A request's `model` is an id of the configuration; any other name is asked at `.env`'s provider as it
    stands. `Answering` says who does, before the first event. Clients are opened when they are needed;
    call `sweep` after a change, so that those of providers that are gone are closed once no stream runs.
    `fixed`: providers that no file describes. `clock` and `chance`: how long a retry waits.
    """

    def __init__(
        self,
        live: Live[Configuration],
        *,
        fixed: Mapping[str, Provider] = _NO_PROVIDERS,
        open_client: Callable[[Provider], Completions] = opened,
        clock: Clock = SYSTEM_CLOCK,
        chance: random.Random | None = None,
    ) -> None:
        self._live = live
        self._fixed = fixed
        self._open_client = open_client
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311 - it only parts those who wait
        self.alerts: Alerts = NoAlerts()  # where a provider that only its owner can repair is told of
        self._clients: dict[Provider, _Client] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[StreamEvent, None]:
        """Yield the answer as it grows; see the port. Raises nothing but ModelError.

        Where every model fails, the first error is raised, or the one that says that it was too long:
        with less of it, one may answer.
        """
        configuration = self._live.current
        entry, waiting = _plan(configuration, request.model)
        failures: list[ModelError] = []
        retried, asked_at = 0, self._clock.monotonic()
        while True:
            asked = announced = visible = False
            held: list[StreamEvent] = []  # white space alone
            blank = 0
            try:
                with self._client(configuration, entry) as completions:
                    asked = True
                    theirs = _as_asked(request, entry, instead=bool(failures))
                    async with aclosing(completions.stream(theirs)) as events:
                        async for event in events:
                            if not visible:
                                if (
                                    isinstance(event, TextDelta)
                                    and event.text.isspace()
                                    and blank < _MOST_BLANK
                                ):
                                    held.append(event)
                                    blank += len(event.text)
                                    continue
                                if not announced:
                                    announced = True
                                    self._answers(entry)
                                    yield Answering(entry.id)
                                for earlier in held:
                                    yield earlier
                                held.clear()
                                visible = isinstance(event, TextDelta | ReasoningDelta)
                            yield event
            except ModelError as error:
                if error.kind in _OPERATORS:
                    self.alerts.raise_(_OPERATORS[error.kind], about=entry.provider)
                if visible:
                    raise
                failure = error
            else:
                return
            now = self._clock.monotonic()
            wait_s = wait_before_retry(failure, retried=retried, passed_s=now - asked_at, chance=self._chance)
            if asked and wait_s is not None:
                retried += 1
                _log.info("%s is asked again in %.1f s: %s", entry.id, wait_s, failure)
                await self._clock.sleep_until(now + wait_s)
                continue
            failures.append(failure)
            waiting = _who_may(failure, entry, waiting)
            if not waiting:
                raise _to_be_told(failures)
            _log.warning("%s is asked instead of %s: %s", waiting[0].id, entry.id, failure)
            entry, *waiting = waiting
            retried, asked_at = 0, self._clock.monotonic()

    def sweep(self) -> None:
        """Close what no configuration names any more and no stream uses."""
        wanted = {*self._live.current.providers.values(), *self._fixed.values()}
        for provider in [one for one in self._clients if one not in wanted]:
            if not self._clients[provider].streams:
                closing = asyncio.get_running_loop().create_task(
                    self._clients.pop(provider).completions.aclose()
                )
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        """Close all connections; streams that still run break off."""
        clients, self._clients = tuple(self._clients.values()), {}
        await asyncio.gather(*self._closing, *(client.completions.aclose() for client in clients))

    def _answers(self, entry: ModelEntry) -> None:
        for cause in set(_OPERATORS.values()):
            self.alerts.clear(cause, about=entry.provider)

    @contextmanager
    def _client(self, configuration: Configuration, entry: ModelEntry) -> Iterator[Completions]:
        provider = self._fixed.get(entry.provider) or configuration.providers.get(entry.provider)
        if provider is None:
            raise ModelError(
                ModelErrorKind.UNREACHABLE, f"{entry.id}: its provider is not there; start Sluice anew"
            )
        client = self._clients.get(provider)
        if client is None:
            client = self._clients[provider] = _Client(self._open_client(provider))
        client.streams += 1
        try:
            yield client.completions
        finally:
            client.streams -= 1
            self.sweep()


def _plan(configuration: Configuration, name: str) -> tuple[ModelEntry, list[ModelEntry]]:
    """Who is asked, and who is asked instead, in order."""
    models = configuration.models
    entry = models.get(name) or ModelEntry(f"{ENV_PROVIDER}/{name}", ENV_PROVIDER, name, name)
    return entry, [models[id_] for id_ in entry.fallback if id_ in models]


def _as_asked(request: CompletionRequest, entry: ModelEntry, *, instead: bool) -> CompletionRequest:
    """As its provider knows the model, with no longer an answer than it can give."""
    limits = [limit for limit in (request.max_tokens, entry.max_output_tokens) if limit is not None]
    longest = min(limits, default=None) if instead else request.max_tokens
    return replace(request, model=entry.model, max_tokens=longest)


def _who_may(error: ModelError, failed: ModelEntry, waiting: Sequence[ModelEntry]) -> list[ModelEntry]:
    """Those of the waiting ones that may answer where this one failed."""
    if error.kind is ModelErrorKind.CONTEXT_TOO_LONG and failed.context_tokens is not None:
        return [entry for entry in waiting if (entry.context_tokens or 0) > failed.context_tokens]
    return list(waiting) if error.kind in _ANOTHER_MAY_ANSWER else []


def _to_be_told(failures: Sequence[ModelError]) -> ModelError:
    too_long = (error for error in failures if error.kind is ModelErrorKind.CONTEXT_TOO_LONG)
    return next(too_long, failures[0])
