"""Drafts in private chats: what the adapter asks Telegram for, how a stop comes back, and a whole answer."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bots.sandbox.limits import load_profile
from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.client import TelegramPlatform
from bots.telegram.markdown import TelegramRenderer
from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from core.configuration import Live, ModelChoice
from core.messages import ButtonPress, IncomingMessage, PlaceKind
from core.policy.access import Access
from core.service.chat import ChatService
from core.service.choosing import Choices
from core.service.driver import Driver
from core.streaming.operations import Button, Delivered
from tests.commands.parts import Parts
from tests.fakes.moved_clock import MovedClock
from tests.promise import broken_promise
from tests.service.conftest import configured
from tests.service.scripted_model import ScriptedModel, Stream
from tests.telegram.harness import calls, content, local_telegram, online, started

SPEED = 15.0
STOP = Button("stop:1", "Stop")


async def test_a_draft_can_be_stopped_once_it_has_a_button() -> None:
    async with local_telegram() as server, started(server, drafts=True) as bot:
        await server.say("Ada", "Ada", "why?")
        _, surface = await bot.next(IncomingMessage)
        assert surface.capabilities.draft_lasts_s == 30.0
        for buttons in ((), (STOP,)):
            draft = replace(content("Because", *buttons), draft_id=7)
            assert isinstance(await surface.send(draft, None), Delivered)
        first, second = calls(server, "sendMessageDraft")
        assert "can_stop" not in first
        assert (second["draft_id"], second["can_stop"], second["keep_on_stop"]) == ("7", "true", "true")
        await server.stop_draft("Ada", "Ada")
        press, on_press = await bot.next(ButtonPress)
        assert (press.data, press.place.kind, press.answers_itself) == ("stop:1", PlaceKind.PRIVATE, True)
        assert press.author.id == press.place.chat_id == surface.place.chat_id
        assert not on_press.capabilities.private_answers
        with pytest.raises(ValueError, match="no draft"):
            await server.stop_draft("Ada", "Ada")


async def test_a_stopped_draft_that_nobody_knows_is_passed_over() -> None:
    """As after a restart."""
    async with local_telegram() as server:
        async with started(server, drafts=True) as bot:
            await server.say("Ada", "Ada", "why?")
            _, surface = await bot.next(IncomingMessage)
            await surface.send(replace(content("Because", STOP), draft_id=7), None)
        await server.stop_draft("Ada", "Ada")
        async with started(server, drafts=True) as bot:
            await server.say("Ada", "Ada", "and why that?")
            event, _ = await bot.next(IncomingMessage)
            assert event.text == "and why that?"


async def test_a_stop_is_taken_though_no_question_is() -> None:
    async with local_telegram() as server, started(server, drafts=True) as bot:
        await server.say("Ada", "Ada", "why?")
        _, surface = await bot.next(IncomingMessage)
        await surface.send(replace(content("Because", STOP), draft_id=7), None)
        await bot.platform.stop_listening()
        await server.stop_draft("Ada", "Ada")
        press, _ = await bot.next(ButtonPress)
        assert press.data == "stop:1"


@pytest.mark.parametrize(("chat", "drafts"), [("Riverside", True), ("Ada", False)])
async def test_groups_have_no_drafts_and_private_chats_only_when_it_is_set(chat: str, drafts: bool) -> None:
    async with local_telegram() as server, started(server, drafts=drafts) as bot:
        await server.say("Ada", chat, "@sluice_bot why?")
        _, surface = await bot.next(IncomingMessage)
        assert surface.capabilities.draft_lasts_s is None


class Sluice:
    """The service behind the adapter, on a clock that it shares with the local Telegram."""

    def __init__(self, server: TelegramServer, clock: MovedClock) -> None:
        self.server, self.clock = server, clock
        self.model = ScriptedModel()
        access = Access(allow_everybody=True)
        parts = Parts(clock)
        self.chat = ChatService(
            completions=self.model,
            choices=Choices(MemoryStore(), Live(configured(ModelChoice("scripted")))),
            driver=Driver(clock),
            clock=clock,
            access=access,
            spending=parts.spending,
            store=MemoryStore(),
            journal=MemoryJournal(clock=clock),
        )
        self.dispatcher = parts.dispatcher(self.chat, access)
        self.drafts: list[tuple[float, str, str]] = []  # when, id, text
        self._sent = asyncio.Event()
        server.subscribe(self._watch)

    def _watch(self, event: dict[str, Any]) -> None:
        if event["type"] == "draft":
            self.drafts.append((self.clock(), event["draft"], event["text"]))
        self._sent.set()

    async def asked(self) -> Stream:
        await self.server.say("Ada", "Ada", "a tale?")
        return await self.model.opened()

    async def tell(self, stream: Stream, words: Sequence[str], *, every_s: float = 0.1) -> None:
        for word in words:
            stream.say(word)
            await self.clock.sleep_until(self.clock() + every_s)

    async def ends_with(self, text: str) -> list[str]:
        """The bot's messages, once the last one ends so."""
        async with asyncio.timeout(20):
            while not (texts := self.texts) or not texts[-1].endswith(text):
                self._sent.clear()
                await self._sent.wait()
        return texts

    @property
    def texts(self) -> list[str]:
        return [m["text"] for m in self.server.snapshot()["messages"] if m["author"]["bot"]]

    def count(self, route: str) -> int:
        return len(calls(self.server, route))


@asynccontextmanager
async def sluice() -> AsyncIterator[Sluice]:
    clock = MovedClock(speed=SPEED)
    server = TelegramServer(profile=load_profile(), clock=clock)
    await server.start()
    service = Sluice(server, clock)
    platform = TelegramPlatform(
        server.token, clock=clock, journal=MemoryJournal(clock=clock), base_url=server.url, drafts=True
    )
    try:
        await platform.start(service.dispatcher.handle)
        await online(server)
        yield service
    finally:
        await service.chat.stop(streams_until=clock(), marks_until=clock())
        await platform.close()
        await server.stop()


def tale(words: int) -> list[str]:
    return [f"word{n}, " if n % 9 else f"word{n}.\n\n" for n in range(words)]


async def test_an_answer_grows_as_a_draft_and_each_page_is_sent_once() -> None:
    async with sluice() as service:
        words = [*tale(700), "The end."]
        stream = await service.asked()
        await service.tell(stream, words, every_s=0.05)
        stream.finish()
        texts = await service.ends_with("The end.")
        assert broken_promise("".join(words), texts, TelegramRenderer()) is None
        assert len(texts) == service.count("sendMessage") == 2
        assert service.count("editMessageText") == 0
        assert len(service.drafts) > 15
        assert len({draft for _, draft, _ in service.drafts}) == 1
        assert [r.route for r in service.server.requests if r.status != 200] == []


async def test_a_draft_outlives_a_long_pause_of_the_model() -> None:
    async with sluice() as service:
        stream = await service.asked()
        stream.say("It was a dark night, and")
        await service.clock.sleep_until(service.clock() + 70.0)
        stream.finish(" then it dawned.")
        assert await service.ends_with("dawned.") == ["It was a dark night, and then it dawned."]
        times = [at for at, _, _ in service.drafts]
        assert len(times) >= 3
        assert max(b - a for a, b in itertools.pairwise(times)) < 30.0


async def test_telegrams_own_stop_ends_the_answer_and_says_nothing_more() -> None:
    async with sluice() as service:
        stream = await service.asked()
        await service.tell(stream, tale(50))
        await service.server.stop_draft("Ada", "Ada")
        [text] = await service.ends_with(say("ending.stopped"))
        await stream.closed.wait()
        await service.clock.sleep_until(service.clock() + 3.0)
        assert service.texts == [text]
        assert service.count("sendMessage") == 1


async def test_where_telegram_takes_no_drafts_the_answer_is_edited() -> None:
    async with sluice() as service:
        words = [*tale(200), "The end."]
        service.server.fault("status", route="sendMessageDraft", times=99, status=400)
        stream = await service.asked()
        await service.tell(stream, words, every_s=0.05)
        stream.finish()
        texts = await service.ends_with("The end.")
        assert broken_promise("".join(words), texts, TelegramRenderer()) is None
        assert service.count("sendMessageDraft") == 1
        assert service.count("editMessageText") > 3


async def test_where_drafts_end_in_the_middle_nothing_is_lost() -> None:
    async with sluice() as service:
        words = [*tale(200), "The end."]
        stream = await service.asked()
        await service.tell(stream, words[:100], every_s=0.05)
        service.server.fault("status", route="sendMessageDraft", times=99, status=400)
        await service.tell(stream, words[100:], every_s=0.05)
        stream.finish()
        texts = await service.ends_with("The end.")
        assert broken_promise("".join(words), texts, TelegramRenderer()) is None
        assert service.drafts
        assert service.count("sendMessage") == 1
