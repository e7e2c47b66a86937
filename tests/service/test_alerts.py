"""Whoever runs the bot hears of each cause once in a period, and of its end."""

from __future__ import annotations

import logging
from string import Formatter
from typing import cast

import pytest

from core.catalogue import ENGLISH, entries
from core.messages import Place
from core.ports.alerts import Cause, LoggedAlerts
from core.ports.platform import Platform
from core.ports.surface import Surface
from core.service.alerts import PERIOD_S, OperatorAlerts
from core.service.driver import Driver
from tests.fakes.clock import FakeClock
from tests.fakes.surface import FakeSurface

SECRET = "sk-0123456789abcdef"


class FakePlatform:
    """What alerts need of one: a surface for a place."""

    def __init__(self, name: str, clock: FakeClock) -> None:
        self.name = name
        self.surface = FakeSurface(clock)
        self.surface.account = f"{name.lower()}:1"
        self.asked: list[Place] = []
        self.down = False

    def reopen(self, place: Place, address: str, *, in_doubt: bool = False) -> Surface | None:
        self.asked.append(place)
        return None if self.down else self.surface


class Operator:
    """Alerts that go to both platforms."""

    def __init__(self, *, locale: str = "auto") -> None:
        self.clock = FakeClock()
        self.discord, self.telegram = (FakePlatform(name, self.clock) for name in ("Discord", "Telegram"))
        self.alerts = OperatorAlerts(
            Driver(self.clock),
            self.clock,
            to=lambda: ("discord:30", "telegram:-5"),
            locale=lambda: locale,
            redact=lambda text: text.replace(SECRET, "***"),
        )
        self.alerts.reaches(cast("list[Platform]", [self.discord, self.telegram]))

    @property
    def told(self) -> list[str]:
        """On Discord."""
        return self.discord.surface.texts

    async def fails(self, *, times: int = 1, why: str = "locked", every_s: float = 1.0) -> None:
        for _ in range(times):
            self.alerts.raise_(Cause.STORE, why=why)
            await self.clock.advance(every_s)


@pytest.fixture
def operator() -> Operator:
    return Operator()


STORE = "The store fails (locked). What is said now is known until this process ends."


async def test_a_cause_is_told_once_and_its_end_with_how_long_and_how_often(operator: Operator) -> None:
    await operator.fails(times=125)
    operator.alerts.clear(Cause.STORE)
    operator.alerts.clear(Cause.STORE)
    await operator.clock.advance(1.0)
    assert operator.told == [STORE, f"Over after 2 min (125 times): {STORE}"]
    assert operator.telegram.surface.texts == operator.told
    assert [str(place) for place in operator.discord.asked] == ["discord:30"] * 2
    await operator.clock.advance(3 * PERIOD_S)
    assert len(operator.told) == 2


async def test_what_goes_on_is_told_once_in_a_period(operator: Operator) -> None:
    await operator.fails(times=30, every_s=60.0)
    again = [f"{STORE} ({times} more times by now.)" for times in (14, 15)]
    assert operator.told == [STORE, *again]
    await operator.clock.advance(10 * PERIOD_S)
    assert len(operator.told) == 3
    operator.alerts.clear(Cause.STORE)  # nobody used the store for hours
    await operator.clock.advance(1.0)
    assert operator.told[3] == f"Over after 3 h 00 min (30 times): {STORE}"


async def test_what_comes_and_goes_is_no_flood(operator: Operator) -> None:
    for _ in range(300):
        await operator.fails()
        operator.alerts.clear(Cause.STORE)
        await operator.clock.advance(1.0)
    assert operator.told == [STORE, f"Over after 1 s (1 time): {STORE}"]
    await operator.clock.advance(PERIOD_S)
    assert operator.told[2:] == [f"Over after 15 min (300 times): {STORE}"]
    await operator.clock.advance(PERIOD_S)
    await operator.fails()
    assert operator.told[3:] == [STORE]


async def test_moments_are_told_again_in_the_next_period_alone(operator: Operator) -> None:
    for seconds in (2.5, 3.0, 4.0):
        operator.alerts.raise_(Cause.LOOP, why=seconds)
    await operator.clock.advance(1.0)
    words = "The process stood still for {} s: the machine is overloaded, or its disk is slow."
    assert operator.told == [words.format(2.5)]
    await operator.clock.advance(PERIOD_S)
    assert operator.told[1:] == [f"{words.format(4)} (2 more times by now.)"]
    await operator.clock.advance(2 * PERIOD_S)
    operator.alerts.raise_(Cause.LOOP, why=9.0)
    await operator.clock.advance(1.0)
    assert operator.told[2:] == [words.format(9)]


async def test_an_alert_about_a_platform_goes_to_the_other_one(operator: Operator) -> None:
    operator.alerts.raise_(Cause.PLATFORM, about="Discord", why="The token is refused.")
    await operator.clock.advance(1.0)
    assert (operator.told, operator.discord.asked) == ([], [])
    assert operator.telegram.surface.texts == ["Discord is not connected: The token is refused."]


async def test_an_alert_that_cannot_be_sent_is_in_the_log_and_no_alert(
    operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    operator.discord.down = True
    operator.telegram.surface.failures.append("place_gone")
    await operator.fails()
    await operator.clock.advance(60.0)
    warned = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert sum("an alert does not go to discord:30" in line for line in warned) == 1
    assert sum("an alert did not reach telegram:-5" in line for line in warned) == 1
    assert caplog.text.count("The store fails") == 1


async def test_a_platform_that_breaks_its_contract_hurts_nobody(
    operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(place: Place, address: str, *, in_doubt: bool = False) -> Surface | None:
        raise RuntimeError("no client")

    operator.discord.reopen = broken  # type: ignore[method-assign]
    await operator.fails()
    assert "an alert cannot be sent" in caplog.text
    assert "The store fails" in caplog.text


async def test_lines_that_wait_for_a_platform_are_bounded(operator: Operator) -> None:
    operator.discord.surface.failures.extend(["unavailable"] * 10_000)
    for number in range(300):
        operator.alerts.raise_(Cause.FILE, about=f"/data/{number}", why="No space left on device")
    assert operator.discord.asked == operator.discord.asked[:20]
    await operator.alerts.close()


async def test_no_secret_and_no_second_line_leaves_the_log(
    operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    await operator.fails(why=f"refused {SECRET}\nERROR forged: {'x' * 9_000}")
    assert SECRET not in caplog.text + str(operator.told)
    assert all("\n" not in text and len(text) < 700 for text in operator.told)
    assert all("\n" not in record.message for record in caplog.records)


async def test_alerts_speak_the_default_language_and_the_log_english(
    caplog: pytest.LogCaptureFixture,
) -> None:
    operator = Operator(locale="pt-BR")
    await operator.fails()
    assert operator.told[0].startswith("O armazenamento está falhando (locked).")
    assert "The store fails (locked)" in caplog.text


def test_every_cause_has_words_that_need_no_more_than_is_given() -> None:
    for cause in Cause:
        [words] = entries(ENGLISH)[f"alert.{cause}"].forms
        assert {name for _, name, _, _ in Formatter().parse(words) if name} <= {"about", "why"}


def test_whoever_is_given_no_alerts_still_has_them_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    alerts = LoggedAlerts()
    for _ in range(3):
        alerts.raise_(Cause.STORE, why="locked")
    alerts.clear(Cause.STORE)
    alerts.clear(Cause.STORE)
    assert [record.message for record in caplog.records] == [STORE, "over: store "]


async def test_hits_of_moderation_are_told_once_for_each_place_and_never_over(operator: Operator) -> None:
    for place, times in (("discord:1", 30), ("discord:2", 1)):
        for _ in range(times):
            operator.alerts.raise_(Cause.MODERATION, about=place, why="violence")
            await operator.clock.advance(1.0)
    first, second = (f"Content was flagged in discord:{number}: violence" for number in (1, 2))
    assert operator.told == [first, second]
    await operator.clock.advance(3 * PERIOD_S)
    assert operator.told == [first, second, f"{first} (29 more times by now.)"]
