"""The driver and the heart together, in virtual time, on a surface that keeps its own limits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.service.driver import Driver, Progress, Showing, Shown
from core.streaming.answer import Answer, Ending
from core.streaming.operations import BucketKey, Button, MessageContent, NotSentReason, OperationKind
from core.streaming.rendering import Rendered
from core.streaming.view_settings import Standing
from tests.fakes.clock import FakeClock
from tests.fakes.surface import FakeMessage, FakeSurface
from tests.promise import broken_promise
from tests.streaming.texts import markdown, split

STOP = Button("stop:1", "Stop")


class Stage:
    """A driver, a clock, and models that speak at a steady pace."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.progress: list[Progress] = []
        self.driver = Driver(self.clock, on_progress=self.progress.append)

    async def speak_for(self, answer: Answer, deltas: Sequence[str]) -> None:
        """Ten deltas a second, without an ending."""
        for delta in deltas:
            answer.append(delta, self.clock.monotonic())
            self.driver.changed(answer)
            await self.clock.advance(0.1)

    async def speak(self, answer: Answer, deltas: Sequence[str], every_s: float = 0.1) -> None:
        for delta in deltas:
            await self.clock.sleep_until(self.clock.monotonic() + every_s)
            answer.append(delta, self.clock.monotonic())
            self.driver.changed(answer)
        self.end(answer)

    async def speak_while(self, answer: Answer, deltas: Sequence[str]) -> None:
        """Let time pass until all is said and shown."""
        speaker = asyncio.ensure_future(self.speak(answer, deltas))
        await self.clock.advance_until(speaker.done)
        await self.clock.advance(10.0)

    def end(self, answer: Answer, ending: Ending = Ending.COMPLETE, mark: str = "") -> None:
        answer.end(ending, self.clock.monotonic(), mark=mark)
        self.driver.changed(answer)

    async def play(
        self, *stories: tuple[Answer, FakeSurface, Sequence[str]], every_s: float = 0.1
    ) -> list[Shown]:
        """Stream all answers side by side until all are visible."""
        showings = [
            self.driver.show(answer, surface, stop=STOP, nonce=f"n{n}")
            for n, (answer, surface, _) in enumerate(stories)
        ]
        speakers = [
            asyncio.ensure_future(self.speak(answer, deltas, every_s)) for answer, _, deltas in stories
        ]
        waiting = [asyncio.ensure_future(showing.finished()) for showing in showings]
        await self.clock.advance_until(lambda: all(task.done() for task in (*waiting, *speakers)))
        return [task.result() for task in waiting]


WORDS = [f"word{n} " for n in range(100)]


async def test_an_answer_grows_in_one_message_and_is_exact_at_its_end() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock, latency_s=0.1)
    [shown] = await stage.play((Answer(), surface, WORDS))
    assert shown.complete
    assert surface.texts == ["".join(WORDS).strip()]
    [message] = surface.messages.values()
    assert len(message.history) >= 8  # about one a second for ten seconds
    assert all(
        later.startswith(earlier)
        for earlier, later in zip(message.history, message.history[1:], strict=False)
    )
    assert surface.refused == 0


async def test_whoever_watches_hears_of_an_end_that_needs_no_edit() -> None:
    stage = Stage()
    surface, answer = FakeSurface(stage.clock), Answer()
    stage.driver.show(answer, surface)
    answer.append("A whole sentence.", stage.clock.monotonic())
    stage.driver.changed(answer)
    await stage.clock.advance(3.0)
    stage.end(answer)
    await stage.clock.advance(0.1)
    assert len(surface.calls) == 1
    assert [(one.figures.done, one.figures.final_lag_s) for one in stage.progress] == [
        (False, None),
        (True, 0.0),
    ]


async def test_the_first_text_waits_for_thirty_characters() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    await stage.play((Answer(), surface, ["x" * 10] * 6))
    [message] = surface.messages.values()
    assert message.history[0] == "x" * 30


@pytest.mark.parametrize(("delta", "waits"), [("Yes.", 0.0), ("Ye", 1.0)])
async def test_a_short_beginning_shows_at_a_sentences_end_or_after_a_second(delta: str, waits: float) -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    answer = Answer()
    stage.driver.show(answer, surface)
    await stage.clock.advance(5.0)
    answer.append(delta, stage.clock.monotonic())
    began = stage.clock.monotonic()
    stage.driver.changed(answer)
    await stage.clock.advance_until(lambda: bool(surface.messages))
    assert stage.clock.monotonic() - began == pytest.approx(waits, abs=0.02)


async def test_written_text_shows_while_the_model_pauses() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    answer = Answer()
    stage.driver.show(answer, surface)
    for delta in WORDS[:20]:
        answer.append(delta, stage.clock.monotonic())
        stage.driver.changed(answer)
        await stage.clock.advance(0.05)
    await stage.clock.advance(2.0)
    assert surface.texts == ["".join(WORDS[:20]).strip()]


async def test_a_long_answer_rolls_over_silently_and_tiles() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock, page_units=300)
    answer = Answer()
    [shown] = await stage.play((answer, surface, WORDS))
    assert len(shown.messages) == len(surface.texts) >= 3
    assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None
    assert [message.content.silent for message in surface.messages.values()] == [
        False,
        *[True] * (len(surface.texts) - 1),
    ]


async def test_the_stop_button_comes_after_two_seconds_and_goes_with_the_last_edit() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    answer = Answer()
    stage.driver.show(answer, surface, stop=STOP)
    answer.append("It begins. ", stage.clock.monotonic())
    stage.driver.changed(answer)
    await stage.clock.advance(1.9)
    [message] = surface.messages.values()
    buttons = [message.content.buttons]
    await stage.clock.advance(0.2)
    buttons.append(message.content.buttons)  # though no further text came
    stage.end(answer, Ending.STOPPED, "⏹ stopped")
    await stage.clock.advance(1.0)
    buttons.append(message.content.buttons)
    assert buttons == [(), (STOP,), ()]
    assert message.content.body.text == "It begins.\n\n*⏹ stopped*"


async def test_a_page_that_is_left_loses_its_button() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock, page_units=300)
    answer = Answer()
    stage.driver.show(answer, surface, stop=STOP)
    speaker = asyncio.ensure_future(stage.speak(answer, WORDS))
    await stage.clock.advance_until(lambda: len(surface.messages) == 2)
    first, second = surface.messages.values()
    assert (first.content.buttons, second.content.buttons) == ((), (STOP,))
    await stage.clock.advance_until(speaker.done)


async def test_eight_answers_in_one_channel_share_it_fairly_without_a_refusal() -> None:
    stage = Stage()
    server: dict[BucketKey, deque[float]] = {}
    surfaces = [FakeSurface(stage.clock, latency_s=0.08, server=server) for _ in range(8)]
    results = await stage.play(
        *((Answer(), surface, [f"{n}:{word}" for word in WORDS * 3]) for n, surface in enumerate(surfaces))
    )
    assert all(shown.complete for shown in results)
    assert sum(surface.refused for surface in surfaces) == 0
    for n, surface in enumerate(surfaces):
        text = "".join(f"{n}:{word}" for word in WORDS * 3)
        assert broken_promise(text, surface.texts, surface.capabilities.renderer) is None
    edits = [shown.figures.edits for shown in results]
    assert max(edits) <= 2 * min(edits)  # those that could be posted first had a few seconds more


async def test_a_refusal_pauses_its_bucket_and_loses_nothing() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    surface.failures.extend(["", "", "rate_limited"])
    [shown] = await stage.play((Answer(), surface, WORDS))
    assert surface.texts == ["".join(WORDS).strip()]
    times = [at for at, kind, _ in surface.calls if kind is OperationKind.EDIT]
    assert times[2] - times[1] >= 2.0  # the pause that the platform asked for
    assert shown.figures.rate_limited == 1


@pytest.mark.parametrize("failure", ["message_gone", "place_gone"])
async def test_when_the_message_or_place_is_gone_nothing_more_goes_there(failure: str) -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    surface.failures.extend(["", failure])
    [shown] = await stage.play((Answer(), surface, WORDS))
    assert not shown.complete
    assert shown.reason in {NotSentReason.MESSAGE_GONE, NotSentReason.PLACE_GONE}
    assert len(surface.calls) == 2


@pytest.mark.parametrize("tries", [1, 2, 3])
@pytest.mark.parametrize("deltas", [WORDS, ["A short answer, complete ", "before the second try."]])
async def test_a_send_that_was_taken_unknown_to_us_is_not_doubled_where_there_are_nonces(
    tries: int, deltas: list[str]
) -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    surface.failures.extend(["rate_limited", *["unknown_taken"] * tries])
    await stage.play((Answer(), surface, deltas))
    assert surface.texts == ["".join(deltas).strip()]


async def test_without_nonces_a_send_of_unknown_outcome_is_doubled_once_and_never_twice() -> None:
    """A third try might be a third message."""
    stage = Stage()
    surface = FakeSurface(stage.clock)
    surface.capabilities = replace(surface.capabilities, nonces=False)
    surface.failures.extend(["unknown_taken"] * 9)
    answer = Answer()
    showing = stage.driver.show(answer, surface)
    answer.append("A short answer.", stage.clock.monotonic())
    stage.end(answer)
    await stage.clock.advance(120.0)
    assert len(surface.texts) == 2
    assert (await showing.finished()).reason is NotSentReason.UNAVAILABLE


async def test_an_edit_of_unknown_outcome_is_made_good_while_the_model_pauses() -> None:
    stage = Stage()
    surface = FakeSurface(stage.clock)
    surface.failures.extend(["", "unknown_not_taken"])
    answer = Answer()
    stage.driver.show(answer, surface)
    for delta in ("One sentence. ", "And another one."):
        answer.append(delta, stage.clock.monotonic())
        stage.driver.changed(answer)
        await stage.clock.advance(1.0)
    await stage.clock.advance(3.0)
    assert surface.texts == ["One sentence. And another one."]


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_below_a_message_that_takes_no_edit_the_answer_goes_on_in_a_new_one(times: int) -> None:
    """Nothing is lost or shown twice; and what is never taken does not become a message for every edit."""
    stage = Stage()
    surface = FakeSurface(stage.clock)
    surface.failures.extend(["", "", *["frozen", ""] * times])
    answer = Answer()
    [shown] = await stage.play((answer, surface, WORDS))
    assert shown.complete
    assert len(surface.texts) == min(times, 3) + 1
    assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None


async def test_what_a_message_that_takes_no_edit_may_not_show_is_shown_below_it() -> None:
    """Of an edit of unknown outcome nobody can find out any more."""
    stage = Stage()
    surface = FakeSurface(stage.clock)
    surface.failures.extend(["", "unknown_not_taken", "frozen"])
    answer = Answer()
    [shown] = await stage.play((answer, surface, WORDS))
    assert shown.complete
    assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None


async def test_what_another_process_showed_and_takes_no_edit_is_shown_anew_rather_than_lost() -> None:
    """How much of its last edit was taken is not known."""
    stage = Stage()
    surface, answer = FakeSurface(stage.clock), Answer()
    await stage.play((answer, surface, WORDS[:20]))
    [message_id] = surface.messages
    surface.frozen.add(message_id)
    rest = Answer()
    rest.append("".join(WORDS[:30]), stage.clock.monotonic())
    standing = (Standing(message_id, 0, len("".join(WORDS[:25]))),)
    showing = stage.driver.show(rest, surface, standing=standing)
    stage.end(rest)
    await stage.clock.advance(10.0)
    assert (await showing.finished()).complete
    assert surface.texts == ["".join(WORDS[:20]).strip(), "".join(WORDS[:30]).strip()]


async def test_where_a_frozen_message_ended_the_next_process_goes_on() -> None:
    """The edit that was refused had been written down, and was not seen."""
    stage = Stage()
    surface, answer = FakeSurface(stage.clock), Answer()
    text = "".join(WORDS)
    answer.append(text, stage.clock.monotonic())
    seen, refused, below = (len("".join(WORDS[:count])) for count in (20, 30, 40))
    surface.messages["m8"] = FakeMessage("m8", MessageContent(Rendered(text[:seen].strip())), None)
    surface.messages["m9"] = FakeMessage("m9", MessageContent(Rendered(text[seen:below].strip())), None)
    surface.frozen.add("m8")
    standing = (Standing("m8", 0, refused), Standing("m9", seen, below))
    stage.driver.show(answer, surface, standing=standing)
    stage.end(answer)
    await stage.clock.advance(10.0)
    assert broken_promise(text, surface.pages, surface.capabilities.renderer) is None
    assert len(surface.pages) == 2


@settings(max_examples=40, deadline=None)
@given(
    deltas=split(markdown, most=30),
    failing=st.lists(st.sampled_from(["", "", "rate_limited", "unavailable", "frozen"]), max_size=12),
    page_units=st.sampled_from([300, 2_000]),
)
def test_frozen_messages_break_no_promise(deltas: list[str], failing: list[str], page_units: int) -> None:
    async def story() -> None:
        stage = Stage()
        surface, answer = FakeSurface(stage.clock, page_units=page_units), Answer()
        surface.failures.extend(failing)
        [shown] = await stage.play((answer, surface, deltas))
        assert shown.complete
        assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None

    asyncio.run(story())


failures = st.lists(
    st.sampled_from(["", "", "rate_limited", "unavailable", "unknown_taken", "unknown_not_taken"]),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(
    deltas=st.lists(split(markdown, most=30), min_size=1, max_size=3),
    failing=failures,
    every_s=st.sampled_from([0.0, 0.03, 0.4]),
    latency_s=st.sampled_from([0.0, 0.1, 1.5]),
    page_units=st.sampled_from([300, 2_000]),
)
def test_every_ending_is_delivered_whatever_fails(
    deltas: list[list[str]], failing: list[str], every_s: float, latency_s: float, page_units: int
) -> None:
    async def story() -> None:
        stage = Stage()
        stories = []
        for number, one in enumerate(deltas):
            surface = FakeSurface(
                stage.clock, chat_id=f"c{number % 2}", page_units=page_units, latency_s=latency_s
            )
            surface.failures.extend(failing)
            stories.append((Answer(), surface, one))
        results = await stage.play(*stories, every_s=every_s)
        assert all(shown.complete for shown in results)
        for answer, surface, _ in stories:
            assert broken_promise(answer.text, surface.pages, surface.capabilities.renderer) is None

    asyncio.run(story())


async def test_closing_shows_what_it_can_until_the_deadline_and_counts_the_rest() -> None:
    stage = Stage()
    surface, dead = FakeSurface(stage.clock), FakeSurface(stage.clock, chat_id="c2")
    dead.failures.extend(["unavailable"] * 50)
    answers = [Answer(), Answer()]
    for answer, target in zip(answers, [surface, dead], strict=True):
        stage.driver.show(answer, target)
        answer.append("Half an answer that was going to be longer", stage.clock.monotonic())
        stage.end(answer, Ending.INTERRUPTED, "⚠ interrupted")
    closing = asyncio.ensure_future(stage.driver.close(stage.clock.monotonic() + 3.0))
    await stage.clock.advance(3.1)
    assert closing.done()
    assert await closing == 1
    assert surface.texts == ["Half an answer that was going to be longer\n\n*⚠ interrupted*"]


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
