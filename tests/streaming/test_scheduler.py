"""Refusals and pauses, as the scheduler and its buckets keep them."""

from __future__ import annotations

from core.streaming.answer import Answer, Ending
from core.streaming.meters import RateLimit
from core.streaming.operations import (
    BucketKey,
    Delivered,
    NotSent,
    NotSentReason,
    ObservedLimit,
    OperationKind,
)
from core.streaming.rate_limits import Bucket, Pacer
from core.streaming.scheduler import EditScheduler
from core.streaming.view_settings import ViewSettings
from core.streaming.ways import Way
from tests.fakes.surface import FakeRenderer

TOKEN, ACCOUNT = BucketKey("interaction", "t"), BucketKey("account")


def test_a_refusal_for_a_bucket_that_was_not_drawn_from_pauses_the_operation_too() -> None:
    """Such as Cloudflare's ban of an address, met by an interaction, which is exempt from the account's."""
    scheduler = EditScheduler({"interaction": (RateLimit(5, 2.0),), "account": (RateLimit(50, 1.0),)})
    answer = Answer()
    answer.append("Words that are to be sent.", 0.0)
    answer.end(Ending.COMPLETE, 0.0)
    scheduler.show(answer, ViewSettings(FakeRenderer(), (Way(lambda kind, page: (TOKEN,)),)), 0.0)
    [operation] = scheduler.operations_to_perform(0.0)
    scheduler.performed(operation, NotSent(NotSentReason.RATE_LIMITED, 60.0, ACCOUNT), 0.1)
    assert scheduler.operations_to_perform(1.0) == []
    assert scheduler.next_deadline() > 60.0
    assert scheduler.pacer.blocking((ACCOUNT,), 1.0)[0] > 60.0


def test_a_long_pause_is_not_forgotten_with_its_idle_bucket() -> None:
    pacer = Pacer({"account": (RateLimit(50, 1.0),)})
    pacer.take((ACCOUNT,), 0.0)
    pacer.refused((ACCOUNT,), 0.0, 7_200.0)
    pacer.forget_idle(1_000.0)
    assert pacer.blocking((ACCOUNT,), 1_000.0)[0] > 7_200.0


def test_a_slow_typing_call_does_not_hold_back_the_first_text() -> None:
    scheduler = EditScheduler({"interaction": (RateLimit(5, 2.0),)})
    answer = Answer()
    settings = ViewSettings(FakeRenderer(), (Way(lambda kind, page: (TOKEN,)),), typing_lasts_s=10.0)
    scheduler.show(answer, settings, 0.0)
    [typing] = scheduler.operations_to_perform(0.0)
    answer.append("A whole sentence. ", 0.5)
    [send] = scheduler.operations_to_perform(0.5)
    assert (typing.kind, send.kind) == (OperationKind.TYPING, OperationKind.SEND)


def test_a_window_is_as_long_as_the_longest_rest_of_one_that_was_seen() -> None:
    """A platform whose windows begin by its own clock names a short rest to whoever comes late in one."""
    bucket = Bucket((RateLimit(5, 5.0, headers=True),))
    learned = []
    for now, remaining, reset_after_s in [(0.0, 4, 2.0), (9.0, 4, 0.01), (18.0, 3, 3.5), (27.0, 4, 3.0)]:
        bucket.take(now)
        bucket.answered(now, now, ObservedLimit(TOKEN, 5, remaining, reset_after_s))
        learned.append(bucket.limits[0].per_s)
    assert learned == [2.0, 2.0, 3.5, 3.5]


def test_a_refusal_teaches_no_window() -> None:
    scheduler = EditScheduler({"interaction": (RateLimit(1, 5.0),)})
    answer = Answer()
    answer.append("Words that are to be sent.", 0.0)
    answer.end(Ending.COMPLETE, 0.0)
    scheduler.show(answer, ViewSettings(FakeRenderer(), (Way(lambda kind, page: (TOKEN,)),)), 0.0)
    [operation] = scheduler.operations_to_perform(0.0)
    rest = ObservedLimit(TOKEN, limit=1, remaining=0, reset_after_s=0.5)
    refusal = NotSent(NotSentReason.RATE_LIMITED, 0.5, TOKEN, observed=(rest,))
    scheduler.performed(operation, refusal, 0.1)
    assert scheduler.pacer.bucket(TOKEN).limits == (RateLimit(1, 5.0),)


def test_when_a_refusals_time_is_over_a_token_is_there() -> None:
    """The platform named that moment: to wait for one more token would hide the text for another slot."""
    bucket = Bucket((RateLimit(3, 3.0, refills=True),))
    bucket.take(0.0)
    bucket.answered(0.1, 0.0, taken=False)
    bucket.pause(2.0, 0.1)
    assert bucket.ready_at(0.2) == bucket.ready_at(2.0) == 2.0
    bucket.take(2.0)
    bucket.answered(2.1, 2.0)
    assert bucket.ready_at(2.1) > 3.0


def test_a_preview_goes_with_a_delta() -> None:
    """Just before one it would leave hidden what comes at once."""
    scheduler = EditScheduler({"interaction": (RateLimit(10, 5.0),)})
    answer = Answer()
    scheduler.show(answer, ViewSettings(FakeRenderer(), (Way(lambda kind, page: (TOKEN,)),)), 0.0)
    granted = []
    for step in range(1, 300):
        now = step / 100
        if step % 8 == 0:
            answer.append("a few words. ", now)
            scheduler.changed(answer)
        for operation in scheduler.operations_to_perform(now) if scheduler.next_deadline() <= now else []:
            granted.append((step, operation.kind))
            scheduler.performed(operation, Delivered("m"), now)
    edits = [step for step, kind in granted if kind is OperationKind.EDIT]
    assert len(edits) >= 5
    assert {step % 8 for step in edits} <= {0, 1, 2}  # a look may come just after it


def test_a_loop_that_is_late_for_every_delta_shows_text_all_the_same() -> None:
    """A preview waits for one delta, not for a look that comes in time."""
    scheduler = EditScheduler({"interaction": (RateLimit(10, 5.0),)})
    answer = Answer()
    scheduler.show(answer, ViewSettings(FakeRenderer(), (Way(lambda kind, page: (TOKEN,)),)), 0.0)
    edits = 0
    for step in range(1, 1_000):
        answer.append("a few words. ", step / 10)
        scheduler.changed(answer)
        now = step / 10 + 0.05
        for operation in scheduler.operations_to_perform(now):
            edits += operation.kind is OperationKind.EDIT
            scheduler.performed(operation, Delivered("m"), now)
    assert edits > 50


def test_who_waits_in_a_line_is_due_when_its_model_pauses_and_not_while_it_speaks() -> None:
    account = BucketKey("account")
    scheduler = EditScheduler({"account": (RateLimit(2, 60.0),)})
    answer = Answer()
    answer.append("One sentence.", 0.0)
    scheduler.show(
        answer, ViewSettings(renderer=FakeRenderer(), ways=(Way(lambda _kind, _page: (account,)),)), 0.0
    )
    (send,) = scheduler.operations_to_perform(0.0)
    scheduler.performed(send, Delivered("m"), 0.1)
    for now in (1.0, 1.1, 1.2):
        answer.append(" More.", now)
        scheduler.changed(answer)
        scheduler.operations_to_perform(now)
    assert answer.quiet_at is not None
    assert scheduler.next_deadline() == answer.quiet_at > 1.3
