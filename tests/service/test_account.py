"""What a bot account looks at: no more than may have changed."""

from __future__ import annotations

import pytest

from core.service.showing import Showing
from core.streaming.answer import Answer
from tests.fakes.surface import FakeSurface
from tests.service.stage import WORDS, Stage


async def test_a_delta_wakes_only_the_account_that_shows_its_answer() -> None:
    stage = Stage()
    answers = [Answer(), Answer()]
    for number, answer in enumerate(answers):
        surface = FakeSurface(stage.clock)
        surface.account = f"fake:{number}"
        stage.driver.show(answer, surface)
    await stage.clock.advance(30.0)
    armed = list(stage.clock._timers)
    answers[0].append("One sentence. ", stage.clock.monotonic())
    stage.driver.changed(answers[0])
    stage.driver.changed(Answer())  # shown nowhere
    assert len(stage.clock._timers) == len(armed) + 1


async def test_a_look_asks_only_those_answers_whether_they_are_over_that_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage()
    asked: list[Showing] = []
    settle = Showing.settle

    def counted(showing: Showing, now: float) -> None:
        asked.append(showing)
        settle(showing, now)

    monkeypatch.setattr(Showing, "settle", counted)
    surfaces = [FakeSurface(stage.clock, chat_id=f"c{n}") for n in range(100)]
    speaking, *silent = [Answer() for _ in surfaces]
    showings = [
        stage.driver.show(answer, surface)
        for answer, surface in zip((speaking, *silent), surfaces, strict=True)
    ]
    await stage.speak_for(speaking, WORDS)
    calls = sum(len(surface.calls) + surface.typings for surface in surfaces)
    assert calls >= 10
    assert len(asked) <= calls
    for answer in (speaking, *silent):
        stage.end(answer)
    await stage.clock.advance(60.0)
    assert (await showings[0].finished()).complete
