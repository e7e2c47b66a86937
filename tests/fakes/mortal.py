"""A process that can be killed within a test: from then on nothing of it reaches the world any more."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar
from weakref import WeakSet

from core.ports.clock import Clock, Timer
from tests.fakes.clock import settle

T = TypeVar("T")
_CANCELS = 5  # a task may begin to wait again while it is cancelled


class Life:
    """What a process holds of the world goes through `of` and `clock`."""

    def __init__(self) -> None:
        self.is_over = False
        self.stands_still: asyncio.Event | None = None  # until it is set, as by SIGSTOP
        self._meanwhile: list[Callable[[], None]] = []  # timers that became due

    def of(self, thing: T) -> T:
        """The thing, as long as the process lives. What was asked of it before may still be done, but nobody
        hears of it any more."""
        return _Held(self, thing)  # type: ignore[return-value]

    def clock(self, clock: Clock) -> Clock:
        return _HeldClock(self, clock)

    async def end(self) -> None:
        """As by SIGKILL. Every task but the caller's is taken to be the process's."""
        self.is_over = True
        for _ in range(_CANCELS):
            for task in self._tasks() - {asyncio.current_task()}:
                task.cancel()
            await settle()

    def stand_still(self) -> None:
        self.stands_still = self.stands_still or asyncio.Event()

    def go_on(self) -> None:
        if self.stands_still is not None:
            self.stands_still.set()
            self.stands_still = None
        due, self._meanwhile = self._meanwhile, []
        for callback in due:
            callback()

    async def awake(self) -> None:
        if self.stands_still is not None:
            await self.stands_still.wait()

    def call(self, callback: Callable[[], None]) -> None:
        """Of a timer that is due."""
        if self.stands_still is not None:
            self._meanwhile.append(callback)
        elif not self.is_over:
            callback()

    def _tasks(self) -> set[asyncio.Task[Any]]:
        return asyncio.all_tasks()


class OneOfSeveral(Life):
    """A process beside others. What is its is what began within `run`, on a loop that `several` has made
    ready."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: WeakSet[asyncio.Task[Any]] = WeakSet()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        context = copy_context()
        context.run(_ALIVE.set, self)
        return await asyncio.get_running_loop().create_task(work, context=context)

    def _tasks(self) -> set[asyncio.Task[Any]]:
        return {task for task in self.tasks if not task.done()}


_ALIVE: ContextVar[OneOfSeveral | None] = ContextVar("process", default=None)


def several(loop: asyncio.AbstractEventLoop) -> None:
    """Have each task know its process."""

    def begun(loop: asyncio.AbstractEventLoop, work: Any, **named: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(work, loop=loop, **named)
        context = named.get("context")
        life = context[_ALIVE] if context is not None and _ALIVE in context else _ALIVE.get()
        if life is not None:
            life.tasks.add(task)
        return task

    loop.set_task_factory(begun)


class _Held:
    def __init__(self, life: Life, inner: Any) -> None:
        self._life, self._inner = life, inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "alternate" and found is not None:
            return self._life.of(found)
        if not callable(found) or not inspect.iscoroutinefunction(found):
            return found

        async def asked(*args: Any, **named: Any) -> Any:
            await self._life.awake()
            if not self._life.is_over:
                result = await getattr(self._inner, name)(*args, **named)
            await self._life.awake()
            if self._life.is_over:
                await asyncio.get_running_loop().create_future()
            return result

        self.__dict__[name] = asked
        return asked


class _HeldClock:
    def __init__(self, life: Life, clock: Clock) -> None:
        self._life, self._clock = life, clock

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def wall(self) -> float:
        return self._clock.wall()

    async def sleep_until(self, deadline: float) -> None:
        await self._clock.sleep_until(deadline)
        await self._life.awake()

    def call_at(self, deadline: float, callback: Callable[[], None]) -> Timer:
        context = copy_context()

        def call() -> None:
            if timer.callback is not None:
                context.run(callback)

        timer = _HeldTimer(call)
        timer.inner = self._clock.call_at(deadline, lambda: self._life.call(call))
        return timer


class _HeldTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback
        self.inner: Timer | None = None

    def cancel(self) -> None:
        self.callback = None
        if self.inner is not None:
            self.inner.cancel()
