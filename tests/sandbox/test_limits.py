"""The enforcers keep to their rule at any timing, and the profiles are whole."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.sandbox.limits import Burst, Enforcer, Rule, Window, load_profile, take_all

RULES = st.one_of(
    st.builds(Window, st.integers(1, 8), st.floats(0.1, 60)),
    st.builds(Burst, st.floats(0.05, 50), st.integers(1, 8)),
)
PAUSES = st.lists(st.floats(0, 10), min_size=1, max_size=60)


def test_window_opens_with_its_first_request() -> None:
    """Five at once pass, the sixth waits for what is left of the window, and the next one is fresh."""
    bucket = Enforcer(Window(5, 5.0))
    assert [bucket.take(100.0 + n / 10) for n in range(5)] == [0.0] * 5
    assert bucket.remaining(100.5) == 0
    assert bucket.take(101.0) == pytest.approx(4.0)
    assert bucket.reset_after(101.0) == pytest.approx(4.0)
    assert bucket.take(105.0) == 0.0
    assert bucket.remaining(105.0) == 4


def test_burst_refills_at_its_rate() -> None:
    """Three at once pass, then one a second."""
    bucket = Enforcer(Burst(1.0, 3))
    assert [bucket.take(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 1.0]
    assert bucket.take(0.5) == pytest.approx(0.5)
    assert bucket.take(1.0) == 0.0
    assert bucket.reset_after(1.0) == pytest.approx(3.0)


@given(RULES, PAUSES)
def test_never_grants_more_than_the_rule(rule: Rule, pauses: list[float]) -> None:
    """Whatever the timing, no stretch of time sees more grants than the rule allows in it."""
    bucket, now = Enforcer(rule), 0.0
    granted: list[float] = []
    for pause in pauses:
        now += pause
        if bucket.take(now) == 0.0:
            granted.append(now)
    for first, start in enumerate(granted):
        for last in range(first, len(granted)):
            length = granted[last] - start
            if isinstance(rule, Window):
                # A stretch touches one window more than fit into it.
                most = rule.limit * (math.floor(length / rule.per_s + 1e-6) + 2)
            else:
                most = math.floor(rule.burst + length * rule.rate_per_s + 1e-6)
            assert last - first + 1 <= most


@given(RULES, PAUSES)
def test_waiting_as_told_is_enough(rule: Rule, pauses: list[float]) -> None:
    """A refused request that comes back after the wait it was given is granted."""
    bucket, now = Enforcer(rule), 0.0
    for pause in pauses:
        now += pause / 100
        wait = bucket.take(now)
        if wait:
            now += wait
            assert bucket.take(now) == 0.0


def test_take_all_takes_from_every_bucket_or_none() -> None:
    """A request that one bucket refuses costs the others nothing."""
    wide, narrow = Enforcer(Window(5, 1.0)), Enforcer(Window(1, 10.0))
    assert take_all([wide, narrow], 0.0) == 0.0
    assert take_all([wide, narrow], 0.0) == pytest.approx(10.0)
    assert wide.remaining(0.0) == 4


def test_profiles_differ_everywhere_it_matters() -> None:
    """The second profile shares no rate limit with the first, so nothing can be tuned to one."""
    documented, second = load_profile(), load_profile("second")
    for name in ("discord", "telegram"):
        one, other = getattr(documented, name), getattr(second, name)
        assert one.limits.keys() == other.limits.keys()
        assert all(one.limits[key] != other.limits[key] for key in one.limits)
        assert one.times.keys() == other.times.keys()


def test_scale_shortens_windows_and_leaves_bursts_as_they_are() -> None:
    """A scale of a tenth makes every window ten times shorter and every refill ten times faster."""
    profile = load_profile(scale=0.1)
    assert profile.discord.limits["edit_message"] == Window(5, 0.5)
    assert profile.telegram.limits["chat"] == Burst(10.0, 3)
    assert profile.discord.times == load_profile().discord.times


def test_unknown_profile() -> None:
    """A profile that the file does not have is an error."""
    with pytest.raises(KeyError):
        load_profile("imagined")
