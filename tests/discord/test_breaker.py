"""When no request goes to Discord at all: on a clock of our own, and over the real library."""

from __future__ import annotations

import logging

import aiohttp
import pytest
from discord.http import Route

from bots.discord.breaker import FIRST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_TOLD_S, PROBE_S, WINDOW_S, Breaker
from bots.discord.capabilities import ACCOUNT
from bots.discord.exchange import http_trace
from bots.sandbox.discord.answers import blocked
from bots.sandbox.discord.faults import FaultKind
from bots.sandbox.discord.world import Permission
from core.messages import MessageRef
from core.ports.platform import PlatformError
from core.ports.surface import Surface
from core.streaming.operations import Delivered, NotSent, NotSentReason, Outcome
from tests.discord.support import Bot, content, library_restored, local_discord, started
from tests.fakes.web_answer import answering


class Hand:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hand() -> Hand:
    return Hand()


def test_a_ban_stops_all_and_one_request_finds_out_when_it_is_over(hand: Hand) -> None:
    breaker = Breaker(hand)
    assert breaker.wait_s() == 0.0
    breaker.banned()
    assert breaker.wait_s() == FIRST_PAUSE_S
    hand.now += FIRST_PAUSE_S
    assert breaker.wait_s() == 0.0  # the probe
    assert breaker.wait_s() == PROBE_S  # and nobody else
    breaker.answered(200)
    assert breaker.wait_s() == 0.0


def test_each_probe_that_is_banned_too_makes_the_pause_longer_up_to_a_limit(hand: Hand) -> None:
    breaker = Breaker(hand)
    breaker.banned()
    pauses = []
    for _ in range(6):
        hand.now += breaker.wait_s()
        assert breaker.wait_s() == 0.0
        breaker.banned()
        pauses.append(breaker.wait_s())
    assert pauses == [240.0, 480.0, 960.0, LONGEST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    hand.now += LONGEST_PAUSE_S
    breaker.wait_s()
    breaker.answered(404)  # whatever it says: Discord itself speaks
    breaker.banned()
    assert breaker.wait_s() == FIRST_PAUSE_S


def test_a_probe_without_an_answer_is_made_again(hand: Hand) -> None:
    breaker = Breaker(hand)
    breaker.banned()
    hand.now += FIRST_PAUSE_S
    breaker.wait_s()
    hand.now += PROBE_S
    assert breaker.wait_s() == 0.0
    assert breaker.wait_s() == PROBE_S


def test_what_was_on_its_way_when_it_opened_makes_it_no_longer(hand: Hand) -> None:
    breaker = Breaker(hand)
    for _ in range(50):
        breaker.banned()
    assert breaker.wait_s() == FIRST_PAUSE_S


def test_cloudflares_own_time_counts_where_it_is_longer(hand: Hand) -> None:
    breaker = Breaker(hand)
    breaker.banned(1_800.0)
    assert breaker.wait_s() == 1_800.0


def test_no_time_that_was_told_silences_it_for_good(hand: Hand) -> None:
    breaker = Breaker(hand)
    breaker.banned(1e12)
    assert breaker.wait_s() == LONGEST_TOLD_S


def test_refusals_open_it_well_before_a_ban(hand: Hand) -> None:
    breaker = Breaker(hand)
    refused = 0
    while breaker.wait_s() == 0.0:
        breaker.answered((401, 403, 429)[refused % 3])
        hand.now += 0.01
        refused += 1
    assert refused == 5_000  # half of what is banned
    assert breaker.wait_s() > WINDOW_S - 1.0


def test_what_does_not_count_towards_a_ban_opens_nothing(hand: Hand) -> None:
    breaker = Breaker(hand, most=100)
    for _ in range(1_000):
        breaker.answered(429, shared=True)
        breaker.answered(404)
        breaker.answered(500)
        breaker.answered(200)
    for _ in range(1_000):
        breaker.answered(403)
        hand.now += WINDOW_S / 98
    assert breaker.wait_s() == 0.0


def _page(error: int) -> str:
    page = blocked(error).text
    assert page is not None
    return page


async def _asked(breaker: Breaker, status: int, text: str, content_type: str) -> None:
    async with answering(status, text, content_type) as url:
        with library_restored():
            Route.BASE = url
            async with aiohttp.ClientSession(trace_configs=[http_trace(breaker)]) as session:
                await session.get(f"{url}/users/@me")


@pytest.mark.parametrize(
    ("status", "text", "content_type", "bans"),
    [
        (429, "error code: 1015", "text/plain", True),
        (429, '{"message": "You are being blocked from accessing our API"}', "application/json", True),
        (429, '{"message": "slow", "retry_after": 1.0, "global": false}', "application/json", False),
        (429, '{"message": "too many commands", "code": 30034}', "application/json", False),
        *(
            (403, _page(number), "text/html", True)
            for number in (1005, 1006, 1007, 1008, 1009, 1012, 1015, 1106)
        ),
        (403, "<h1>Error code: <b>1015</b></h1>", "text/html", True),
        (403, "error code: 1008", "text/plain", True),
        (403, _page(1020), "text/html", False),
        (403, "<script>seen('Error 1015')</script><h1>Error 1020</h1>", "text/html", False),
        (403, '{"message": "Missing Access", "code": 50001}', "application/json", False),
        (502, _page(1015), "text/html", False),
    ],
)
async def test_which_answers_are_a_ban(status: int, text: str, content_type: str, bans: bool) -> None:
    breaker = Breaker()
    await _asked(breaker, status, text, content_type)
    assert (breaker.wait_s() > 0) is bans


@pytest.mark.parametrize(
    ("status", "text"),
    [(502, "<h1>Bad gateway</h1>"), (520, ""), (403, _page(1020)), (200, "<h1>Sign in</h1>")],
)
async def test_only_discord_itself_says_that_a_ban_is_over(status: int, text: str, hand: Hand) -> None:
    """What stands before it may answer without having asked it."""
    breaker = Breaker(hand)
    breaker.banned()
    hand.now += FIRST_PAUSE_S
    await _asked(breaker, status, text, "text/html")
    assert breaker.wait_s() == PROBE_S
    hand.now += PROBE_S
    await _asked(breaker, 502, '{"message": "502: Bad Gateway", "code": 0}', "application/json")
    assert breaker.wait_s() == 0.0


async def test_a_start_in_a_ban_says_so_and_asks_nothing() -> None:
    async with local_discord() as bot:
        bot.server.fault("banned")
        for words in ("HTTP 429", "bans this address"):
            with pytest.raises(PlatformError, match=words):
                await bot.platform.start(bot.handle)
        assert len(bot.server.requests) == 1


async def _surface(bot: Bot, chat: str = "#general") -> Surface:
    await bot.server.say("Ben", chat, "@Sluice hello")
    _, surface = await bot.next()
    return surface


def _pause_s(outcome: Outcome) -> float:
    assert isinstance(outcome, NotSent), outcome
    assert (outcome.reason, outcome.key) == (NotSentReason.RATE_LIMITED, ACCOUNT)
    assert outcome.retry_after_s is not None
    return outcome.retry_after_s


@pytest.mark.parametrize("kind", ["banned", "blocked"])
async def test_a_cloudflare_ban_is_never_hammered(kind: FaultKind, caplog: pytest.LogCaptureFixture) -> None:
    async with started() as bot:
        surface, elsewhere = await _surface(bot), await _surface(bot, "@Ben")
        await bot.server.invoke("Ben", "#general", "ask", {"prompt": "why?"})
        _, interaction = await bot.next()
        assert isinstance(await surface.send(content("One"), None), Delivered)
        bot.server.fault(kind, times=2)
        bot.clock.freeze()
        before = len(bot.server.requests)
        assert _pause_s(await surface.send(content("Two"), None)) == FIRST_PAUSE_S
        for way in (surface, elsewhere, interaction):
            assert _pause_s(await way.send(content("Three"), None)) == FIRST_PAUSE_S
        assert surface.reading is not None
        assert await surface.reading.message(MessageRef(surface.place.chat_id, "1")) is None
        assert len(bot.server.requests) == before + 1
        bot.clock.move(FIRST_PAUSE_S)
        assert _pause_s(await elsewhere.send(content("Probe"), None)) == FIRST_PAUSE_S
        assert _pause_s(await surface.send(content("Two"), None)) == 2 * FIRST_PAUSE_S
        assert len(bot.server.requests) == before + 2
        bot.clock.move(2 * FIRST_PAUSE_S)
        assert isinstance(await surface.send(content("Two"), None), Delivered)
        assert isinstance(await elsewhere.send(content("Three"), None), Delivered)
        lines = [r for r in caplog.records if r.levelno >= logging.ERROR]
        assert len(lines) == 1  # for its cause, none for each request or pause


async def test_the_gateway_stays_open_while_nothing_may_be_sent() -> None:
    async with started() as bot:
        surface = await _surface(bot)
        bot.server.fault("banned")
        _pause_s(await surface.send(content("One"), None))
        bot.server.cut_gateway()
        while not bot.server.online:
            await bot.heard.next("online")
        await bot.server.say("Ben", "#general", "@Sluice still there?")
        await bot.next()


async def test_refusals_are_counted_whoever_asked() -> None:
    """Our own sends, and what the library asks by itself."""
    async with local_discord() as bot:
        bot.platform._breaker = Breaker(bot.clock.monotonic, most=4)
        await bot.platform.start(bot.handle)
        surface = await _surface(bot, "#help")
        assert surface.reading is not None
        bot.server.fault("shared", method="POST", times=9, retry_after=0.0)
        for _ in range(9):
            outcome = await surface.send(content("One"), None)
            assert isinstance(outcome, NotSent)
            assert outcome.key != ACCOUNT
        bot.clock.move(5.0)
        bot.server.overwrite("#help", "Sluice", deny=Permission.VIEW_CHANNEL)
        for _ in range(3):
            outcome = await surface.send(content("One"), None)
            assert isinstance(outcome, NotSent)
            assert outcome.reason is NotSentReason.PLACE_GONE
        assert await surface.reading.message(MessageRef(surface.place.chat_id, "1")) is None
        before = len(bot.server.requests)
        assert _pause_s(await surface.send(content("One"), None)) == pytest.approx(WINDOW_S, abs=5.0)
        assert len(bot.server.requests) == before


async def test_a_text_that_cloudflare_dislikes_stops_nobody_else() -> None:
    """Its firewall refuses some texts (1020) with the same page for people."""
    async with started() as bot:
        surface = await _surface(bot)
        bot.server.fault("disliked", method="POST")
        outcome = await surface.send(content("One"), None)
        assert isinstance(outcome, NotSent)
        assert outcome.key is None
        assert isinstance(await surface.send(content("Two"), None), Delivered)
