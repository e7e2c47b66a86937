"""Waiting for something, but not for long."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from core.ports.clock import Clock

_T = TypeVar("_T")


async def ends_within(clock: Clock, seconds: float, task: asyncio.Future[Any]) -> bool:
    """Wait for it, but no longer than so many seconds: whether it has ended. It goes on in any case."""
    waited = asyncio.get_running_loop().create_future()

    def wake(_: object = None) -> None:
        if not waited.done():
            waited.set_result(None)

    task.add_done_callback(wake)
    timer = clock.call_at(clock.monotonic() + seconds, wake)
    try:
        await waited
    finally:
        timer.cancel()
        task.remove_done_callback(wake)
    return task.done()


async def all_by(clock: Clock, deadline: float, events: Sequence[asyncio.Event]) -> None:
    """Wait for all of them, but no longer than until then, on the clock's monotonic time."""

    async def all_over() -> None:
        for event in events:
            await event.wait()

    loop = asyncio.get_running_loop()
    waits = {loop.create_task(all_over()), loop.create_task(clock.sleep_until(deadline))}
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def in_time(clock: Clock, seconds: float, work: Coroutine[Any, Any, _T]) -> _T | None:
    """What it returns; None when it takes longer than so many seconds, and is then cancelled."""
    task = asyncio.get_running_loop().create_task(work)

    def stop() -> None:
        task.cancel()

    timer = clock.call_at(clock.monotonic() + seconds, stop)
    try:
        return await task
    except asyncio.CancelledError:
        waiting = asyncio.current_task()
        if waiting is not None and waiting.cancelling():
            raise
        return None
    finally:
        timer.cancel()
