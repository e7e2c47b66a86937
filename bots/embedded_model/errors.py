"""What can go wrong with the embedded model, as one line that says what to do."""

from __future__ import annotations

import errno
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from bots.embedded_model.place import Place

_ILLEGAL_INSTRUCTION_WINDOWS = 0xC000001D
OTHER_MODEL = "set OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL to use another model"


class EmbeddedModelError(Exception):
    """The embedded model cannot be had. The message is one line for the person who started Sluice."""


@contextmanager
def explained(place: Place) -> Iterator[None]:
    """Around what reads and writes where the weights stand. Raises EmbeddedModelError."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            why = f"The disk of {place.folder} is full. Free some room and start again."
        else:
            why = f"Cannot write to {place.folder} ({error.strerror or error}). Make it writable, or set "
            why += f"{place.variable}."
        raise EmbeddedModelError(why) from error


def explain_exit(returncode: int, said: str) -> EmbeddedModelError:
    """A model process that ended before it was ready; `said` is the last it wrote."""
    if "libgomp" in said:
        return EmbeddedModelError(
            "The embedded model needs the OpenMP library: run `apt-get install libgomp1` "
            f"(Debian, Ubuntu; other systems: libgomp), or {OTHER_MODEL}."
        )
    if returncode in {-signal.SIGILL, _ILLEGAL_INSTRUCTION_WINDOWS}:
        return EmbeddedModelError(
            "The embedded model needs a processor with AVX2, which this one has not, "
            f"or the virtual machine hides it: {OTHER_MODEL}."
        )
    last_line = said.strip().splitlines()[-1] if said.strip() else how_it_ended(returncode)
    return EmbeddedModelError(f"The embedded model did not start ({last_line}): {OTHER_MODEL}.")


def how_it_ended(returncode: int) -> str:
    """A process's end, for a log: asyncio tells a signal as its negative number."""
    return f"signal {-returncode}" if returncode < 0 else f"exit code {returncode}"
