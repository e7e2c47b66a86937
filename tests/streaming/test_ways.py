"""Which way an operation may go: the law of `core.streaming.ways`, line by line."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import pytest

from core.streaming.answer import Answer
from core.streaming.meters import RateLimit
from core.streaming.operations import (
    BucketKey,
    Delivered,
    NotSent,
    NotSentReason,
    OperationKind,
    Outcome,
    Unknown,
)
from core.streaming.scheduler import EditScheduler, Operation
from core.streaming.view_settings import ViewSettings
from core.streaming.ways import Way, Ways
from tests.fakes.surface import FakeRenderer

TOKEN, CHANNEL = BucketKey("interaction", "t"), BucketKey("edit", "c")
SEND, EDIT = OperationKind.SEND, OperationKind.EDIT


def two_ways() -> Ways:
    return Ways((Way(lambda kind, page: (TOKEN,)), Way(lambda kind, page: (CHANNEL,), nonces=True)))


def open_to(ways: Ways, kind: OperationKind, page: int = 1) -> list[int]:
    return [way for way, _ in ways.open(kind, page)]


def test_a_first_message_that_takes_its_own_place_is_exact_and_no_later_one() -> None:
    found = Ways((Way(lambda kind, page: (TOKEN,), first_in_place=True), Way(lambda kind, page: (CHANNEL,))))
    assert [found.is_exact(way, page) for way in (0, 1) for page in (0, 1)] == [True, False, False, False]


def test_the_first_message_goes_the_first_way_and_a_later_one_where_nonces_are() -> None:
    assert (open_to(two_ways(), SEND, 0), open_to(two_ways(), SEND)) == ([0], [1])


@pytest.mark.parametrize("way", [0, 1])
def test_a_send_that_may_stand_there_is_tried_again_on_the_same_way(way: int) -> None:
    ways = two_ways()
    ways.sent(way, known=False)
    assert open_to(ways, SEND) == open_to(ways, SEND, 0) == [way]
    ways.sent(way, known=True)
    assert open_to(ways, SEND) == [1]


def test_a_way_edits_what_it_and_those_before_it_sent() -> None:
    ways = two_ways()
    ways.sent(0, known=True)
    assert open_to(ways, EDIT) == [0, 1]
    ways.sent(1, known=True)
    assert open_to(ways, EDIT) == [1]


def test_a_way_that_takes_no_sends_may_still_edit_and_one_that_takes_no_edits_does_nothing() -> None:
    ways = two_ways()
    ways.close(1, SEND)
    assert (open_to(ways, SEND), open_to(ways, EDIT)) == ([0], [0, 1])
    ways.close(1, EDIT)
    assert (open_to(ways, SEND), open_to(ways, EDIT)) == ([0], [0])
    ways.end(0)
    assert (open_to(ways, SEND), open_to(ways, SEND, 0), open_to(ways, EDIT)) == ([], [], [])


class Stage:
    """A view with two ways, and what it does next."""

    def __init__(self, *, page_units: int = 2_000) -> None:
        limits = {"interaction": (RateLimit(5, 2.0), RateLimit(30, 60.0)), "edit": (RateLimit(5, 5.0),)}
        self.scheduler = EditScheduler(limits)
        self.answer = Answer()
        self.now = 0.0
        ways = (Way(lambda kind, page: (TOKEN,)), Way(lambda kind, page: (CHANNEL,), nonces=True))
        settings = ViewSettings(FakeRenderer(page_units), ways, nonce="n")
        self.view = self.scheduler.view(self.scheduler.show(self.answer, settings, 0.0))

    def next(self, text: str = "") -> Operation:
        """The next operation; time passes until there is one."""
        self.answer.append(text, self.now)
        self.scheduler.changed(self.answer)
        while True:
            operations = self.scheduler.operations_to_perform(self.now)
            if operations:
                return operations[0]
            self.now = max(self.now, self.scheduler.next_deadline())

    def performed(self, operation: Operation, outcome: Outcome) -> None:
        self.now += 0.05
        self.scheduler.performed(operation, outcome, self.now)


def test_an_edit_takes_the_way_that_is_free_first() -> None:
    stage = Stage()
    stage.performed(stage.next("A sentence to begin with. "), Delivered("m1"))
    ways = []
    for number in range(30):
        stage.now += 0.1
        operation = stage.next(f"And sentence {number} of them. ")
        ways.append(operation.way)
        stage.performed(operation, Delivered("m1"))
    assert {0, 1} == set(ways)


@pytest.mark.parametrize("reason", [NotSentReason.EXPIRED, NotSentReason.PLACE_GONE])
@pytest.mark.parametrize("closing", [0, 1])
def test_a_view_is_lost_with_its_last_way_alone(reason: NotSentReason, closing: int) -> None:
    stage = Stage()
    stage.performed(stage.next("A sentence to begin with. "), Delivered("m1"))
    operation = stage.next("And another one. ")
    while operation.way != closing:
        stage.performed(operation, Delivered("m1"))
        operation = stage.next("And another one. ")
    stage.performed(operation, NotSent(reason))
    assert stage.view.lost is None
    again = stage.next("And the last one. ")
    assert again.way == 1 - closing
    stage.performed(again, NotSent(reason))
    assert stage.view.lost is reason


def test_an_unknown_send_waits_for_its_way_though_the_other_is_free() -> None:
    stage = Stage(page_units=300)
    stage.performed(stage.next("A sentence to begin with. "), Delivered("m1"))
    operation = stage.next("word " * 100)
    while operation.kind is not SEND:
        stage.performed(operation, Delivered("m1"))
        operation = stage.next("word " * 20)
    assert operation.way == 1
    stage.performed(operation, Unknown("time-out"))
    stage.scheduler.pacer.bucket(CHANNEL).pause(stage.now + 30.0, stage.now)
    began = stage.now
    again = stage.next()
    assert (again.kind, again.way) == (SEND, 1)
    assert again.content is not None
    assert operation.content is not None
    assert again.content.nonce == operation.content.nonce
    assert stage.now >= began + 30.0


def _draws_from(key: BucketKey, _kind: OperationKind, _page: int) -> tuple[BucketKey, ...]:
    return (key,)


def test_what_many_wait_for_does_not_make_a_text_ripe_for_its_own_way() -> None:
    """Forty answers share two requests a second, so each gets one in 20 s: the previews of their own tokens
    are for a text that those leave hidden, not for one that they are about to show."""
    own, shared = RateLimit(30, 60.0), RateLimit(2, 1.0)
    scheduler = EditScheduler({"interaction": (own,), "account": (shared,)})
    answers = [Answer() for _ in range(40)]
    for number, answer in enumerate(answers):
        token, account = BucketKey("interaction", f"{number}"), BucketKey("account")
        ways = (Way(partial(_draws_from, token)), Way(partial(_draws_from, account)))
        scheduler.show(answer, ViewSettings(FakeRenderer(2_000), ways), 0.0)
    edits: dict[int, list[tuple[float, int]]] = {}
    for tick in range(4_000):  # of 10 ms
        now = tick / 100
        for number, answer in enumerate(answers):
            if (tick + number) % 25 == 0:
                answer.append("word and ", now)
                scheduler.changed(answer)
        for operation in scheduler.operations_to_perform(now):
            scheduler.performed(operation, Delivered(f"m{operation.view}"), now)
            if operation.kind is EDIT:
                edits.setdefault(operation.view, []).append((now, operation.way))
    after_shared = [
        later - earlier
        for acts in edits.values()
        for (earlier, first), (later, second) in pairwise(acts[5:])  # the first ones come closer together
        if (first, second) == (1, 0)
    ]
    assert len(after_shared) > 20
    assert sum(after_shared) / len(after_shared) > 0.5 * own.slot_s  # 0.47 if the line were not counted
