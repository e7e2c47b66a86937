"""What one operation does must not be felt by the others."""

from __future__ import annotations

import asyncio

from core.service.driver import Driver
from core.service.showing import Progress
from core.streaming.answer import Answer, Ending
from core.streaming.operations import Delivered
from tests.fakes.clock import FakeClock
from tests.fakes.surface import FakeSurface


async def test_a_typing_sign_that_comes_back_after_the_answer_was_shown_harms_nothing() -> None:
    clock, told, problems = FakeClock(), list[Progress](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    driver, surface, answer = Driver(clock, on_progress=told.append), FakeSurface(clock), Answer()

    async def typing() -> Delivered:
        await clock.sleep_until(clock.monotonic() + 3.0)
        return Delivered("")

    surface.typing = typing  # type: ignore[method-assign, assignment]
    showing = driver.show(answer, surface)
    await clock.advance(0.1)
    answer.append("Yes.", clock.monotonic())
    answer.end(Ending.COMPLETE, clock.monotonic())
    driver.changed(answer)
    await clock.advance(1.0)
    assert (await showing.finished()).complete
    tasks = [task for task in asyncio.all_tasks() if task.get_name().startswith("typing")]
    await clock.advance(3.0)
    assert tasks
    assert [task.exception() for task in tasks] == [None]
    assert not problems
