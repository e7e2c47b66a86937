"""The laws of pacing, for any limits, any latency and any failures that end."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import chain, cycle, pairwise, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.sandbox.limits import Burst, Enforcer, Rule, Window
from core.streaming.meters import EVEN, MOST_WINDOWS, RAISES, RateLimit, Tokens
from core.streaming.operations import BucketKey, NotSent, NotSentReason, OperationKind
from core.streaming.rate_limits import Bucket, Pacer, Preview
from core.streaming.scheduler import EditScheduler
from core.streaming.wants import HASTE, QUIET_BONUS_S
from tests.streaming.world import ACCOUNT, Story, World

windows = st.builds(Window, st.integers(1, 8), st.sampled_from([0.5, 1.0, 3.0, 5.0, 20.0]))
bursts = st.builds(Burst, st.sampled_from([0.4, 1.0, 7.0]), st.integers(1, 5))
latency = st.floats(0.0, 1.2)
latencies = st.lists(st.tuples(latency, latency), min_size=1, max_size=12)
gaps = st.lists(st.sampled_from([0.01, 0.07, 0.3, 2.0]), min_size=1, max_size=60)
stories = st.lists(st.tuples(st.sampled_from(["a", "b"]), gaps), min_size=1, max_size=5)


def story(channel: str, gaps_s: Sequence[float], nonce: str = "") -> Story:
    at, deltas = 0.1, []
    for number, gap_s in enumerate(gaps_s):
        at += gap_s
        deltas.append((at, f"word{number} "))
    return Story(channel, deltas, page_units=150, nonce=nonce)


def limit_of(rule: Rule) -> RateLimit:
    if isinstance(rule, Burst):
        return RateLimit(rule.burst, rule.burst / rule.rate_per_s, refills=True)
    return RateLimit(rule.limit, rule.per_s)


@given(st.lists(st.one_of(windows, bursts), min_size=1, max_size=2), windows, latencies, stories)
def test_no_limit_is_ever_exceeded_whatever_the_latency(
    rules: list[Rule], account: Window, pairs: list[tuple[float, float]], told: list[tuple[str, list[float]]]
) -> None:
    """Each request is counted by the platform at any moment between its start and its answer."""

    def enforcers(key: BucketKey) -> list[Enforcer]:
        return [Enforcer(rule) for rule in ([account] if key == ACCOUNT else rules)]

    limits = {family: tuple(map(limit_of, rules)) for family in ("send", "edit")}
    scheduler = EditScheduler({"account": (limit_of(account),), **limits})
    world = World(scheduler, enforcers, latencies=cycle(pairs))
    world.play([story(channel, gaps_s) for channel, gaps_s in told])
    assert world.calls
    assert not [call for call in world.calls if isinstance(call.outcome, NotSent)]
    assert all(scheduler.view(view).done for view in world.views)


@given(windows, windows, latencies, stories)
def test_headers_teach_any_window_without_a_refusal(
    true: Window, assumed: Window, pairs: list[tuple[float, float]], told: list[tuple[str, list[float]]]
) -> None:
    """Whatever is assumed beforehand: one request goes out, and its answer's headers tell the rest."""

    def enforcers(key: BucketKey) -> list[Enforcer]:
        return [] if key == ACCOUNT else [Enforcer(true)]

    limit = RateLimit(assumed.limit, assumed.per_s, headers=True)
    scheduler = EditScheduler({"account": (), "send": (limit,), "edit": (limit,)})
    world = World(scheduler, enforcers, told=frozenset({"send", "edit"}), latencies=cycle(pairs))
    world.play([story(channel, gaps_s) for channel, gaps_s in told])
    assert not [call for call in world.calls if isinstance(call.outcome, NotSent)]
    assert all(scheduler.view(view).done for view in world.views)


@given(st.sampled_from([0.5, 0.7]), st.integers(1, 3), latencies, stories)
def test_nothing_goes_into_a_pause_that_is_known(
    rate: float, burst: int, pairs: list[tuple[float, float]], told: list[tuple[str, list[float]]]
) -> None:
    """The platform takes less than is assumed and refuses: until its time is over nothing leaves for it."""

    def enforcers(key: BucketKey) -> list[Enforcer]:
        return [] if key == ACCOUNT else [Enforcer(Burst(rate, burst))]

    limit = RateLimit(4, 4.0, refills=True)
    scheduler = EditScheduler({"account": (), "send": (limit,), "edit": (limit,)})
    world = World(scheduler, enforcers, latencies=cycle(pairs))
    world.play([story(channel, gaps_s) for channel, gaps_s in told])
    for refusal in world.calls:
        if isinstance(refusal.outcome, NotSent):
            until = refusal.answered + (refusal.outcome.retry_after_s or 0.0)
            inside = [
                call
                for call in world.calls
                if call.operation.keys[-1] == refusal.operation.keys[-1]
                and refusal.answered < call.left < until
            ]
            assert not inside
    assert all(scheduler.view(view).done for view in world.views)


FAULTS = ["", "unavailable", "unknown_not_taken", "unknown_taken", "rate_limited"]


@given(st.lists(st.sampled_from(FAULTS), max_size=40), latencies, stories)
def test_every_final_is_delivered_in_every_interleaving_of_failures_that_ends(
    faults: list[str], pairs: list[tuple[float, float]], told: list[tuple[str, list[float]]]
) -> None:
    # So many in a row are not survived, by design: a view is given up after TRIES of them.
    faults = [fault if number % 5 else "" for number, fault in enumerate(faults)]
    limit = RateLimit(5, 5.0)
    scheduler = EditScheduler({"account": (RateLimit(50, 1.0),), "send": (limit,), "edit": (limit,)})
    world = World(
        scheduler,
        lambda key: [Enforcer(Window(5, 5.0))] if key != ACCOUNT else [],
        latencies=cycle(pairs),
        faults=chain(faults, repeat("")),
    )
    world.play([story(channel, gaps_s, nonce=f"n{n}") for n, (channel, gaps_s) in enumerate(told)])
    for view, answer in zip(world.views, world.answers, strict=True):
        found = scheduler.view(view)
        assert found.done
        assert found.lost is None
        shown = [world.messages[message][-1] for message in found.messages]
        assert "".join("".join(shown).split()) == "".join(answer.text.split())
    assert sum(len(scheduler.view(view).messages) for view in world.views) == len(world.messages)


@given(stories)
def test_an_ending_waits_no_longer_than_a_slot_where_it_is_alone(told: list[tuple[str, list[float]]]) -> None:
    _, gaps_s = told[0]
    limit = RateLimit(5, 5.0)
    scheduler = EditScheduler({"account": (), "send": (limit,), "edit": (limit,)})
    world = World(scheduler, lambda key: [], latencies=repeat((0.05, 0.05)))
    alone = story("a", gaps_s)
    alone.page_units = 5_000
    world.play([alone])
    [figures] = [scheduler.figures(view, 600.0) for view in world.views]
    assert figures.final_lag_s is not None
    assert (
        figures.final_lag_s <= limit.slot_s + 2 * 0.1 + 0.02
    )  # an edit in flight, the slot, the edit itself


def test_a_refusal_that_names_no_bucket_is_laid_to_the_fullest() -> None:
    """Two hundred quiet chats that are refused together have met the bot's limit, not each its own."""
    scheduler = EditScheduler({"bot": (RateLimit(30, 1.0, refills=True),), "chat": (RateLimit(3, 3.0),)})
    pacer, bot = scheduler.pacer, BucketKey("bot")
    for number in range(20):
        keys = (bot, BucketKey("chat", str(number)))
        pacer.take(keys, 0.0)
        pacer.answered(keys, 0.1, 0.0)
    pacer.take((bot, BucketKey("chat", "last")), 0.1)
    pacer.refused((bot, BucketKey("chat", "last")), 0.2, 5.0)
    assert pacer.blocking((BucketKey("chat", "last"),), 0.3)[0] == 0.3
    assert pacer.blocking((bot,), 0.3)[0] > 5.0


def test_what_flew_when_the_first_refusal_came_teaches_nothing_more() -> None:
    scheduler = EditScheduler({"account": (RateLimit(50, 1.0),)})
    for _ in range(30):
        scheduler.pacer.take((ACCOUNT,), 0.0)
    for _ in range(20):
        scheduler.pacer.answered((ACCOUNT,), 0.1, 0.0)
    for _ in range(10):
        scheduler.pacer.refused((ACCOUNT,), 0.1, 1.0)
    [limit] = scheduler.pacer.bucket(ACCOUNT).limits
    assert limit == RateLimit(20, 1.0)


def test_an_unknown_bucket_lets_one_request_out_until_its_answer_came() -> None:
    scheduler = EditScheduler({})
    strange = BucketKey("strange", "x")
    scheduler.pacer.take((strange,), 0.0)
    assert scheduler.pacer.blocking((strange,), 1.0)[0] == float("inf")
    scheduler.pacer.answered((strange,), 1.0, 0.0)
    assert scheduler.pacer.blocking((strange,), 1.0)[0] == 1.0


def test_a_waiting_view_is_not_looked_at_until_its_turn() -> None:
    """With a thousand of them a look costs what can be granted: one more text of each changes nothing."""
    scheduler = EditScheduler({"account": (RateLimit(10, 1.0),), "edit": (), "send": ()})
    world = World(scheduler, lambda key: [])
    crowd = [Story(f"c{n}", [(0.01 * k, "word ") for k in range(1, 300)]) for n in range(100)]
    world.play(crowd, until=2.5)
    waiting = [answer for answer in world.answers if not answer.ended]
    scheduler.operations_to_perform(2.5)
    for answer in waiting:
        answer.append("more ", 2.51)
    assert [scheduler.changed(answer) for answer in waiting].count(True) == 0
    assert OperationKind.SEND in {call.operation.kind for call in world.calls}
    assert not [
        call
        for call in world.calls
        if isinstance(call.outcome, NotSent) and call.outcome.reason is NotSentReason.RATE_LIMITED
    ]


@pytest.mark.parametrize("refusals", [1, 6])
def test_refusals_soon_after_the_first_request_leave_a_quarter_of_the_limit(refusals: int) -> None:
    """Their reason may be another: a limit of one a minute would hold an answer back each time."""
    key = BucketKey("interaction", "1")
    pacer = Pacer({"interaction": (RateLimit(5, 2.0, headers=True), RateLimit(30, 60.0))})
    for number in range(refusals):
        pacer.take((key,), 3.2 * number)
        pacer.refused((key,), 3.2 * number + 0.1, 3.0, key)
    back_s = 3.2 * (refusals - 1) + 3.1
    at, _ = pacer.blocking((key,), back_s, None)
    assert back_s <= at <= back_s + 0.1


def _spend(bucket: Bucket, until: float, now: float = 0.0) -> list[float]:
    """Urgent requests, each as soon as it may go, each answered after a tenth of a second: when each went."""
    went = []
    while (at := bucket.ready_at(now)) < until:
        bucket.take(at)
        went.append(at)
        now = at + 0.1
        bucket.answered(now, at)
    return went


def _asked_for(
    bucket: Bucket, enforcer: Enforcer, until: float, now: float = 0.0
) -> tuple[list[float], list[float]]:
    """The same of a platform that refuses: when each went, and which of them were refused."""
    went: list[float] = []
    refused: list[float] = []
    while (at := bucket.ready_at(now)) < until:
        bucket.take(at)
        went.append(at)
        now = at + 0.1
        if wait_s := enforcer.take(at):
            refused.append(at)
            bucket.answered(now, at, taken=False)
            bucket.pause(now + wait_s, now)
        else:
            bucket.answered(now, at)
    return went, refused


def _busiest(went: Sequence[float], per_s: float) -> int:
    """The most requests in any window of that length; `went` in order."""
    return max(bisect_left(went, first + per_s) - number for number, first in enumerate(went))


@pytest.mark.parametrize("limit", [RateLimit(20, 60.0), RateLimit(50, 1.0), RateLimit(3, 3.0, refills=True)])
def test_a_limit_that_refusals_lowered_comes_back_step_by_step_and_no_further(limit: RateLimit) -> None:
    bucket = Bucket((limit,))
    _spend(bucket, until=0.05)  # it is not new
    now = 100.0
    for _ in range(4):
        bucket.take(now)
        bucket.answered(now + 0.1, now)
        bucket.take(now + 0.2)
        bucket.answered(now + 0.3, now + 0.2, taken=False)
        bucket.pause(now + 3.2, now + 0.3)
        now += 3.3
    lowered = bucket.limits[0]
    assert lowered.count < limit.count
    counts = [lowered.count]
    while bucket.limits != (limit,):
        went = _spend(bucket, now + 10.0, now)
        now += 10.0
        assert now < 7_200.0, "a limit without refusals is the documented one within two hours"
        if went:
            counts.append(bucket.limits[0].count)
    assert counts == sorted(counts)
    assert max(later - sooner for sooner, later in pairwise(counts)) <= max(1, -(-limit.count // RAISES))
    assert bucket.limits == (limit,), "the same rate, too"
    _spend(bucket, now + 600.0, now)
    assert bucket.limits == (limit,)


@pytest.mark.parametrize("left", [0, 1, 4])
def test_what_a_process_before_had_spent_is_no_limit_of_this_one(left: int) -> None:
    """A restart in a group of Telegram's: refused once, it goes on as if it had been there all the time."""
    enforcer, bucket = Enforcer(Window(20, 60.0)), Bucket((RateLimit(20, 60.0),))
    for number in range(20 - left):
        enforcer.take(0.1 * number)
    went, refused = _asked_for(bucket, enforcer, until=119.0, now=10.0)
    assert (len(went) - len(refused), len(refused)) == (left + 20, 1)


def test_time_alone_raises_no_limit() -> None:
    """Nobody has asked meanwhile whether more is taken."""
    bucket = Bucket((RateLimit(20, 60.0),))
    _spend(bucket, 1.0)
    bucket.pause(5.0, 1.0)
    lowered = bucket.limits
    bucket.ready_at(3_000.0)
    assert bucket.limits == lowered != (RateLimit(20, 60.0),)


@pytest.mark.parametrize("true_count", [5, 12, 20])
def test_a_platform_that_takes_less_than_is_documented_refuses_less_and_less_often(true_count: int) -> None:
    """One that documents 20 requests a minute, asked for as much as possible for three hours."""
    enforcer, bucket = Enforcer(Window(true_count, 60.0)), Bucket((RateLimit(20, 60.0),))
    went, refused = _asked_for(bucket, enforcer, until=10_800.0)
    assert _busiest(went, 60.0) <= 20
    late = [at for at in refused if at >= 3_600.0]
    if true_count == 20:
        assert not refused
    else:
        assert 1 <= len(late) <= 7_200.0 / (MOST_WINDOWS * 60.0) + 1, "it is asked again, and seldom"
    assert len(went) - len(refused) >= 0.75 * true_count * 180


def _drawn_from(bucket: Bucket, times: Sequence[float], trip_s: float = 0.1) -> Bucket:
    for at in times:
        bucket.take(at)
        bucket.answered(at + trip_s, at)
    return bucket


@given(st.integers(3, 30), st.sampled_from([5.0, 60.0]), st.booleans())
def test_the_fewer_requests_are_left_of_a_window_the_older_is_the_text_that_is_worth_one(
    count: int, per_s: float, crowded: bool
) -> None:
    """Those that are left have to last: in a crowd each for as long as the others, alone the sooner the more
    there are."""
    waits = []
    for taken in range(1, count - 1):
        bucket = _drawn_from(
            Bucket((RateLimit(count, per_s),)), [0.01 * number for number in range(taken)], 0.0
        )
        now = 0.01 * taken
        waits.append(bucket.ready_at(now, Preview(now, haste=HASTE), crowded=crowded) - now)
    assert waits == sorted(waits)
    even_s = [per_s / (count - taken + 1) for taken in range(1, count - 1)]
    assert all(
        wait >= 0.9 * even if crowded else wait <= 1.1 * even
        for wait, even in zip(waits, even_s, strict=True)
    )


@given(st.floats(0.3, 3.0), st.integers(1, 5), st.lists(st.floats(0.0, 4.0), max_size=8), st.floats(0.0, 6.0))
def test_text_is_worth_a_token_when_its_age_times_the_level_is_a_slot(
    slot_s: float, count: int, gaps_s: list[float], hidden_s: float
) -> None:
    limit = RateLimit(count, count * slot_s, refills=True)
    tokens, now = Tokens(limit), 0.0
    for gap_s in gaps_s:
        now = tokens.free_at(now + gap_s, 0)
        tokens.answered(now, now, None)
    worth_at = tokens.worth_at(now, 0, now - hidden_s, EVEN)
    level = (1.0 - tokens.load(max(now, worth_at))) * count
    worth = (max(now, worth_at) - now + hidden_s) * level
    assert worth == pytest.approx(slot_s) if worth_at > now else worth >= 0.999 * slot_s


def test_a_preview_of_a_bucket_that_nothing_was_drawn_from_waits_for_its_age_alone() -> None:
    limits = (RateLimit(3, 3.0, refills=True), RateLimit(20, 60.0))
    assert Bucket(limits).ready_at(5.0, Preview(5.0)) == 8.0
    assert Bucket(limits[::-1]).ready_at(5.0, Preview(5.0)) == 8.0


def test_a_pause_of_the_model_spends_what_it_gives_back() -> None:
    """A token comes back while nothing is said; of a window what is spent is gone until it ends."""
    tokens, window = (
        _drawn_from(Bucket((RateLimit(3, 3.0, refills=refills),)), (0.0, 0.2)) for refills in (True, False)
    )
    pausing = Preview(0.3, QUIET_BONUS_S)
    assert tokens.ready_at(0.5, pausing) == 0.5 < tokens.ready_at(0.5, Preview(0.3))
    assert window.ready_at(0.5, pausing) > 0.5


def test_what_a_model_said_before_it_fell_silent_goes_at_once_while_half_the_window_is_left() -> None:
    window = _drawn_from(Bucket((RateLimit(5, 5.0),)), (0.0, 0.6))
    assert window.ready_at(1.0, Preview(0.9, QUIET_BONUS_S)) == 1.0 < window.ready_at(1.0, Preview(0.9))


def test_a_model_that_pauses_again_and_again_does_not_spend_a_long_window_in_half_of_it() -> None:
    """Twenty a minute, as in a group of Telegram's: text waits for a quarter of a minute at most."""
    limit = RateLimit(20, 60.0)
    scheduler = EditScheduler({"account": (), "send": (limit,), "edit": (limit,)})
    world = World(scheduler, lambda key: [], latencies=repeat((0.05, 0.05)))
    talks = story("a", [*[0.05] * 10, 0.8] * 40)
    talks.page_units = 50_000
    world.play([talks])
    left = [call.left for call in world.calls]
    assert max(later - earlier for earlier, later in pairwise(left)) < 18.0
