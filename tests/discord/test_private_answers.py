"""What Discord, or something before it, answers and should not harm."""

from __future__ import annotations

from math import isfinite

import pytest

from bots.discord.exchange import _observed
from core.streaming.meters import RateLimit
from core.streaming.operations import BucketKey, Delivered, Unknown
from core.streaming.scheduler import EditScheduler
from tests.discord.support import content, started

EDIT = BucketKey("edit", "c")


@pytest.mark.parametrize("limit", ["0", "0.5", "1e300"])
def test_a_header_that_cannot_be_true_is_not_believed(limit: str) -> None:
    """Discord's limits are 1 at least; with two ways this even raised out of the driver's tick."""
    headers = {
        "X-RateLimit-Limit": limit,
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset-After": "1.0",
    }
    scheduler = EditScheduler({"edit": (RateLimit(5, 5.0, headers=True),)})
    scheduler.pacer.take((EDIT,), 0.0)
    scheduler.pacer.answered((EDIT,), 0.1, 0.0, _observed(headers, EDIT))
    assert isfinite(scheduler.pacer.blocking((EDIT,), 5.0)[0])


async def test_a_private_answer_comes_though_the_deferral_was_taken_back_unnoticed() -> None:
    async with started() as bot:
        await bot.server.invoke("Ben", "#general", "ask", {"prompt": "why?"})
        _, surface = await bot.next()
        await surface.typing()
        bot.server.fault("drop_after", method="DELETE", route="/webhooks/*")
        outcome = await surface.send(content("No.", private=True), None)
        if isinstance(outcome, Unknown):  # aiohttp may have tried again by itself, and met a 404
            outcome = await surface.send(content("No.", private=True), None)
        assert isinstance(outcome, Delivered), outcome
        assert bot.shown("#general") == [("Sluice", "No.")]
