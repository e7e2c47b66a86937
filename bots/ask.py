"""`sluice ask`: one question, one answer on standard output, through the same core."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import BinaryIO, Final

from rich.console import Console

from bots.bootstrap.configuration import read_configuration, warnings_about
from bots.bootstrap.models import open_model
from bots.embedded_model.errors import EmbeddedModelError
from bots.embedded_model.progress import shown_progress
from bots.model_check import remedy_for
from bots.terminal.surface import TerminalSurface
from core.adapters.clock import SystemClock
from core.adapters.redaction import redacted
from core.configuration import Configuration, Live, ModelChoice
from core.ports.completions import ChatMessage, CompletionRequest, ModelError
from core.service.failures import reason_of
from core.service.stream_answer import stream_answer
from core.settings import Settings, names_any
from core.streaming.answer import Ending

NEEDED: Final = frozenset(
    {
        "OPENAI_MODEL",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OPENAI_TEMPERATURE",
        "OPENAI_MAX_TOKENS",
        "SLUICE_SYSTEM_PROMPT",
        "SLUICE_CONFIG",
        "SLUICE_DATA_DIR",
    }
)
"""The settings that it uses: no other holds it up."""
_CUT: Final = {
    Ending.LENGTH: "The answer was cut at the length limit.",
    Ending.FILTERED: "The answer was ended by the provider's content filter.",
}


async def ask(
    settings: Settings, prompt: str, output: BinaryIO, *, given: Collection[str] = ()
) -> str | None:
    """Stream the answer to `output`: exactly the model's text. Returns what went wrong, in one line.

    `given`: names of settings that go before all of `sluice.toml`. In a terminal the text is made harmless,
    and a missing line end is added. Progress and the notice of a cut go to standard error. Raises
    SettingsError for a file that cannot be used.
    """
    if "OPENAI_MODEL" in given:
        settings = replace(settings, model=replace(settings.model, asked=True))
    live = Live(read_configuration(settings, counted=False))
    choice = _choice(live, settings, given)
    notices = Console(stderr=True, highlight=False)
    for warning in warnings_about(settings, live.current):
        if names_any(warning, NEEDED):
            notices.print(redacted(warning), soft_wrap=True, markup=False)
    for_eyes = output.isatty()
    surface = TerminalSurface(output, for_eyes=for_eyes)
    try:
        async with AsyncExitStack() as stack:
            with shown_progress(notices) as on_progress:
                model = await stack.enter_async_context(open_model(settings, live, on_progress))
            request = _request(choice, prompt)
            ending, shown = await stream_answer(request, model.completions, surface, SystemClock())
    except EmbeddedModelError as error:
        return str(error)
    except ModelError as error:
        words = reason_of(error, None)
        remedy = remedy_for(error, live.current.models[choice.model].provider)
        return f"{words[:1].upper()}{words[1:]}. {remedy} ({error.detail})"
    finally:
        if for_eyes and surface.written and not surface.failure and not surface.written.endswith("\n"):
            output.write(b"\n")
            output.flush()
    if surface.failure and not isinstance(surface.failure, BrokenPipeError):  # a reader may leave: `| head`
        return f"The answer could not be written: {surface.failure.strerror}."
    if ending in _CUT and shown.complete:
        notices.print(_CUT[ending])
    return None


def _choice(live: Live[Configuration], settings: Settings, given: Collection[str]) -> ModelChoice:
    configuration = live.current
    choice = configuration.choice(configuration.env_model if "OPENAI_MODEL" in given else None)
    if "OPENAI_TEMPERATURE" in given:
        choice = replace(choice, temperature=settings.model.temperature)
    if "OPENAI_MAX_TOKENS" in given:
        choice = replace(choice, max_tokens=settings.model.max_tokens)
    return choice


def _request(choice: ModelChoice, prompt: str) -> CompletionRequest:
    system = (ChatMessage("system", choice.system_prompt),) if choice.system_prompt else ()
    return CompletionRequest(
        (*system, ChatMessage("user", prompt)),
        choice.model,
        temperature=choice.temperature,
        max_tokens=choice.max_tokens,
    )
