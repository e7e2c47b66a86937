"""`sluice ask`: one question, one answer on standard output, through the same core."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import BinaryIO, Final

from rich.console import Console

from bots.bootstrap import open_model
from bots.doctor import remedy_for
from bots.embedded_model.errors import EmbeddedModelError
from bots.embedded_model.progress import shown_progress
from bots.terminal.surface import TerminalSurface
from core.adapters.clock import SystemClock
from core.catalogue import say
from core.ports.completions import ChatMessage, CompletionRequest, ModelError
from core.service.stream_answer import stream_answer
from core.settings import ModelSettings, Settings
from core.streaming.answer import Ending

_CUT: Final = {
    Ending.LENGTH: "The answer was cut at the length limit.",
    Ending.FILTERED: "The answer was ended by the provider's content filter.",
}


async def ask(settings: Settings, prompt: str, output: BinaryIO) -> str | None:
    """Stream the answer to `output`: exactly the model's text. Returns what went wrong, in one line.

    In a terminal the text is made harmless, and a missing line end is added. Progress and the notice
    of a cut go to standard error.
    """
    notices = Console(stderr=True, highlight=False)
    for_eyes = output.isatty()
    surface = TerminalSurface(output, for_eyes=for_eyes)
    try:
        async with AsyncExitStack() as stack:
            with shown_progress(notices) as on_progress:
                model = await stack.enter_async_context(open_model(settings, on_progress))
            request = _request(model.settings, prompt)
            ending, shown = await stream_answer(request, model.completions, surface, SystemClock())
    except EmbeddedModelError as error:
        return str(error)
    except ModelError as error:
        words = say(f"model.{error.kind}")
        return f"{words[:1].upper()}{words[1:]}. {remedy_for(error)} ({error.detail})"
    finally:
        if for_eyes and surface.written and not surface.failure and not surface.written.endswith("\n"):
            output.write(b"\n")
            output.flush()
    if surface.failure and not isinstance(surface.failure, BrokenPipeError):  # a reader may leave: `| head`
        return f"The answer could not be written: {surface.failure.strerror}."
    if ending in _CUT and shown.complete:
        notices.print(_CUT[ending])
    return None


def _request(model: ModelSettings, prompt: str) -> CompletionRequest:
    system = (ChatMessage("system", model.system_prompt),) if model.system_prompt else ()
    return CompletionRequest(
        (*system, ChatMessage("user", prompt)),
        model.name,
        temperature=model.temperature,
        max_tokens=model.max_tokens,
    )
