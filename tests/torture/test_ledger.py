"""What the ledger allows, from what a platform did without being able to say so."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from telegram import Bot, InputMediaDocument
from telegram.error import NetworkError

from bots.telegram.markdown import TelegramRenderer
from tests.sandbox.telegram_harness import connected_bot
from tests.torture.chaos import MARKS
from tests.torture.ledger import Asked
from tests.torture.scene import Places, Scene, opened
from tests.torture.texts import Tale

RENDERER = TelegramRenderer()


@asynccontextmanager
async def _troubled() -> AsyncIterator[tuple[Scene, Bot]]:
    async with (
        opened(MARKS, bare=True, troubled=True, scale=0.001) as scene,
        connected_bot(scene.telegram) as bot,
    ):
        yield scene, bot


async def _asked(scene: Scene) -> tuple[Asked, list[str]]:
    """A question, and its answer in pages."""
    place = Places(scene, random.Random(1)).private("telegram", "Ada")
    asked = await scene.ask(place, "rollover", 0.0)
    scene.hear_from("", lambda name: Tale(name, "rollover", RENDERER.page_units, 0).text)
    paragraphs = asked.tale.text.split("\n\n")
    cuts = [0, *(len(paragraphs) * n // 3 for n in (1, 2)), len(paragraphs)]
    pages = ["\n\n".join(paragraphs[a:b]) for a, b in pairwise(cuts)]
    return asked, [RENDERER.render(page).text for page in pages]


@pytest.mark.parametrize("lost", [(), (1,), (1, 2), (0, 1, 2)], ids=str)
async def test_so_many_copies_may_stand_as_sends_were_taken_unheard(lost: tuple[int, ...]) -> None:
    async with _troubled() as (scene, bot):
        asked, pages = await _asked(scene)
        for number, page in enumerate(pages):
            if number in lost:
                scene.telegram.fault("drop_after", route="sendMessage")
                with pytest.raises(NetworkError):
                    await bot.send_message(int(asked.chat), page)
            await bot.send_message(int(asked.chat), page)
        scene.ledger.judge()
        assert (asked.verdict.ending, len(asked.verdict.spared)) == ("whole", len(lost))


@pytest.mark.parametrize("unheard", ["nothing", "a send that was not taken", "an edit"])
async def test_no_copy_may_stand_that_no_send_explains(unheard: str) -> None:
    async with _troubled() as (scene, bot):
        asked, pages = await _asked(scene)
        first = await bot.send_message(int(asked.chat), pages[0][:50])
        if unheard == "an edit":
            scene.telegram.fault("drop_after", route="editMessageText")
            with pytest.raises(NetworkError):
                await bot.edit_message_text(pages[0], int(asked.chat), first.message_id)
        else:
            await bot.edit_message_text(pages[0], int(asked.chat), first.message_id)
        if unheard == "a send that was not taken":
            scene.telegram.fault("drop_before", route="sendMessage")
            with pytest.raises(NetworkError):
                await bot.send_message(int(asked.chat), pages[1])
        for page in (pages[1], *pages[1:]):
            await bot.send_message(int(asked.chat), page)
        scene.ledger.judge()
        assert asked.verdict.ending is None
        assert "twice" in asked.verdict.why


async def test_a_file_of_the_answer_before_is_not_the_next_ones() -> None:
    """Somebody deleted a message of that answer, so that the next question did not wait for its end."""
    async with _troubled() as (scene, bot):
        before, pages = await _asked(scene)
        await bot.send_message(int(before.chat), pages[0])
        scene.ledger.forget([before.name])
        asked, [page, *_] = await _asked(scene)
        assert asked.chat == before.chat
        status = await bot.send_message(int(asked.chat), "the rest will be a file")
        await bot.send_message(int(asked.chat), page)
        assert len(scene.ledger.shown(asked)) == 2
        media = InputMediaDocument(pages[1].encode(), filename="answer.txt")
        await bot.edit_message_media(media, int(asked.chat), status.message_id)
        assert [one.text for one in scene.ledger.shown(asked)] == [page]
