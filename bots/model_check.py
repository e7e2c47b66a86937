"""Whether the default model answers; and the one thing to do where it does not."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Final

from bots.bootstrap.configuration import model_label
from core.configuration import Configuration
from core.configuration.entries import EMBEDDED_PROVIDER, ENV_PROVIDER
from core.ports.clock import Clock
from core.ports.completions import (
    Answering,
    ChatMessage,
    CompletionRequest,
    Completions,
    ModelError,
    ModelErrorKind,
    ReasoningDelta,
    TextDelta,
)
from core.ports.platform import Check, CheckState

NO_MODEL: Final = (
    "OPENAI_MODEL is not set, and with a platform's token no other model stands in for it. Name the model in "
    ".env (with OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own), or set OPENAI_MODEL=embedded "
    "for the small demo model."
)
_MODEL_TIMEOUT_S: Final = 30.0
_MODEL_TOKENS: Final = 16  # the fewest that every provider takes
_REMEDIES: Final = {
    ModelErrorKind.UNREACHABLE: "Check OPENAI_BASE_URL, and that the server runs.",
    ModelErrorKind.NOT_AN_API: "Check OPENAI_BASE_URL: it usually ends in /v1.",
    ModelErrorKind.UNAUTHORIZED: "Check OPENAI_API_KEY.",
    ModelErrorKind.UNKNOWN_MODEL: "Check OPENAI_MODEL.",
    ModelErrorKind.NO_CREDIT: "Add credit to the account at the provider.",
    ModelErrorKind.RATE_LIMITED: "Wait a moment and try again.",
    ModelErrorKind.BAD_REQUEST: "Check OPENAI_MODEL, OPENAI_TEMPERATURE and OPENAI_MAX_TOKENS.",
}
_IN_FILE: Final = {  # what sluice.toml has instead of a variable of `.env`
    "OPENAI_BASE_URL": "base_url of [providers.{provider}]",
    "OPENAI_API_KEY": "api_key_env of [providers.{provider}]",
    "OPENAI_MODEL": "the model's name in sluice.toml",
    "OPENAI_TEMPERATURE": "its temperature",
    "OPENAI_MAX_TOKENS": "max_output_tokens",
}


async def check_model(completions: Completions, configuration: Configuration, clock: Clock) -> Check:
    """One tiny stream of the default model, until its first token. Never raises."""
    began = clock.monotonic()
    label, asked = model_label(configuration), configuration.models[configuration.default_model]
    request = CompletionRequest((ChatMessage("user", "Say: ready"),), asked.id, max_tokens=_MODEL_TOKENS)
    answers = asked.id
    try:
        async with asyncio.timeout(_MODEL_TIMEOUT_S), aclosing(completions.stream(request)) as events:
            async for event in events:
                if isinstance(event, Answering):
                    answers = event.model
                if isinstance(event, TextDelta | ReasoningDelta):
                    break
    except TimeoutError:
        detail = f"{label}: no token within {_MODEL_TIMEOUT_S:.0f} s"
        remedy = _as_configured("Check the server's load, or OPENAI_BASE_URL.", asked.provider)
        return Check("Model", CheckState.BAD, detail, remedy)
    except ModelError as error:
        if error.kind is not ModelErrorKind.EMPTY:  # so few tokens may all be spent on thinking
            return Check("Model", CheckState.BAD, f"{label}: {error}", remedy_for(error, asked.provider))
    after = f"first token after {clock.monotonic() - began:.1f} s"
    if answers != asked.id:
        remedy = "Look at its provider's key, address and state; the fallback answers meanwhile."
        return Check("Model", CheckState.NOTE, f"{label} gives no answer, {answers} does: {after}", remedy)
    return Check("Model", CheckState.GOOD, f"{label}: {after}")


def remedy_for(error: ModelError, provider: str) -> str:
    """The one thing to do."""
    remedy = _REMEDIES.get(error.kind, "Try again; if it stays, ask the provider.")
    return _as_configured(remedy, provider)


def _as_configured(remedy: str, provider: str) -> str:
    """With the names of `sluice.toml` for a provider that stands there."""
    if provider in {ENV_PROVIDER, EMBEDDED_PROVIDER}:
        return remedy
    for name, key in _IN_FILE.items():
        remedy = remedy.replace(name, key.format(provider=provider))
    return remedy
