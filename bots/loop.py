"""The event loop of every command."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


def run_in_loop(work: Coroutine[Any, Any, _T]) -> _T:
    """Run in uvloop where it exists, else in asyncio's own loop."""
    try:
        import uvloop  # noqa: PLC0415 - it exists for neither Windows nor PyPy
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
