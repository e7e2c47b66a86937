"""Answers to slash commands from the model's text to the screen: which routes they take, and how they end.

The adapter, the core's driver and the local Discord share a clock on which a minute passes in seconds, under
the documented limits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from bots.discord.markdown import DiscordRenderer
from bots.sandbox.discord.world import Permission
from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from core.configuration import Live, ModelChoice
from core.conversation.history import Question
from core.messages import Incoming, IncomingCommand
from core.policy.access import Access
from core.ports.surface import Surface
from core.service.chat import ChatService
from core.service.choosing import Choices
from core.service.driver import Driver
from core.streaming.operations import FileContent
from tests.commands.parts import Parts
from tests.discord.support import Bot, local_discord
from tests.promise import broken_promise
from tests.service.conftest import configured, mark
from tests.service.scripted_model import ScriptedModel, Stream

SPEED = 15.0
CHANNEL_SENDS = ("POST", "/channels/{channel_id}/messages")
CHANNEL_EDITS = ("PATCH", "/channels/{channel_id}/messages/{message_id}")
FOLLOW_UPS = ("POST", "/webhooks/{application_id}/{interaction_token}")
TOKEN_EDITS = ("PATCH", "/webhooks/{application_id}/{interaction_token}/messages/{message_id}")


class Sluice:
    """The service behind the adapter, with a model that says what it is told."""

    def __init__(self, bot: Bot) -> None:
        self.bot = bot
        self.model = ScriptedModel()
        access = Access(allow_everybody=True)
        parts = Parts(bot.clock)
        self.chat = ChatService(
            completions=self.model,
            choices=Choices(MemoryStore(), Live(configured(ModelChoice("scripted")))),
            driver=Driver(bot.clock),
            clock=bot.clock,
            access=access,
            spending=parts.spending,
            store=MemoryStore(),
            journal=bot.journal,
        )
        self._dispatcher = parts.dispatcher(self.chat, access)
        self.private = False  # answers to commands are for their asker alone

    async def handle(self, incoming: Incoming, surface: Surface) -> None:
        if self.private and isinstance(incoming, IncomingCommand):
            text = incoming.arguments["prompt"]
            question = Question(incoming.event_id, incoming.place, incoming.author, text, private=True)
            self.chat.ask(question, surface)
        else:
            await self._dispatcher.handle(incoming, surface)

    async def asked(self, chat: str = "#general", *, users_own: bool = False) -> Stream:
        """Ask by slash command, and have the model's stream."""
        await self.bot.server.invoke("Ben", chat, "ask", {"prompt": "a tale?"}, users_own=users_own)
        return await self.model.opened()

    async def tell(self, stream: Stream, words: Sequence[str], *, every_s: float = 0.1) -> None:
        for word in words:
            stream.say(word)
            await self.bot.clock.sleep_until(self.bot.clock.monotonic() + every_s)

    async def until(self, seen: Callable[[], bool]) -> None:
        """Wait for the server's events until this holds."""
        while not seen():
            await self.bot.heard.next("edit")

    @property
    def routes(self) -> Counter[tuple[str, str]]:
        """How many requests were taken on each route."""
        return Counter((r.method, r.route) for r in self.bot.server.requests if r.status < 300)

    @property
    def refusals(self) -> list[tuple[str, int]]:
        return [(r.route, r.status) for r in self.bot.server.requests if r.status >= 400]

    def pages(self, chat: str = "#general") -> list[str | FileContent]:
        """The bot's messages as they stand."""
        messages = self.bot.server.world.chat(chat).messages.values()
        return [
            FileContent(message.files[0].name, message.files[0].content) if message.files else message.content
            for message in messages
            if message.author.bot
        ]


@asynccontextmanager
async def sluice() -> AsyncIterator[Sluice]:
    async with local_discord(scale=1.0, speed=SPEED) as bot:
        service = Sluice(bot)
        await bot.platform.start(service.handle)
        yield service
        now = bot.clock.monotonic()
        await service.chat.stop(streams_until=now, marks_until=now)


def tale(words: int) -> list[str]:
    return [f"word{n}, " if n % 9 else f"word{n}.\n\n" for n in range(words)]


def exact(service: Sluice, words: Sequence[str], chat: str = "#general") -> str | None:
    return broken_promise("".join(words), service.pages(chat), DiscordRenderer())


def ends_with(service: Sluice, text: str, chat: str = "#general") -> Callable[[], bool]:
    def seen() -> bool:
        pages = service.pages(chat)
        return bool(pages) and isinstance(pages[-1], str) and pages[-1].endswith(text)

    return seen


async def test_a_minute_of_text_takes_both_routes_without_a_refusal() -> None:
    async with sluice() as service:
        words = [*tale(240), "The end."]
        stream = await service.asked()
        await service.tell(stream, words, every_s=0.25)
        stream.finish()
        await service.until(ends_with(service, "The end."))
        assert exact(service, words) is None
        assert len(service.pages()) == 2
        assert service.routes[TOKEN_EDITS] >= 8
        assert service.routes[CHANNEL_EDITS] >= 15
        assert (service.routes[CHANNEL_SENDS], service.routes[FOLLOW_UPS]) == (1, 0)
        assert service.refusals == []


async def test_an_answer_is_handed_over_before_its_token_ends() -> None:
    async with sluice() as service:
        words = [*tale(120), "The end."]
        stream = await service.asked()
        await service.tell(stream, words[:60])
        service.bot.clock.move(871.0)
        before = service.routes[TOKEN_EDITS]
        await service.tell(stream, words[60:])
        stream.finish()
        await service.until(ends_with(service, "The end."))
        assert service.routes[TOKEN_EDITS] - before <= 1  # one that was on its way
        assert exact(service, words) is None
        assert service.refusals == []


async def test_a_token_that_ends_unexpectedly_ends_nothing_else() -> None:
    async with sluice() as service:
        words = [*tale(120), "The end."]
        stream = await service.asked()
        await service.tell(stream, words[:60])
        service.bot.server.end_tokens()
        await service.tell(stream, words[60:])
        stream.finish()
        await service.until(ends_with(service, "The end."))
        assert exact(service, words) is None
        assert [status for _, status in service.refusals] == [401]


@pytest.mark.parametrize("private", [False, True])
async def test_what_only_its_token_reaches_ends_by_minute_14_and_goes_on_when_asked(private: bool) -> None:
    """What its asker alone may see, and what stands where the bot cannot see the channel."""
    async with sluice() as service:
        bot, service.private = service.bot, private
        if not private:
            bot.server.overwrite("#help", "Sluice", deny=Permission.VIEW_CHANNEL)
        words = tale(40)
        stream = await service.asked("#help")
        began = bot.clock.monotonic()
        await service.tell(stream, words)
        bot.clock.move(began + 831.0 - bot.clock.monotonic())
        await service.until(ends_with(service, mark("ending.limit"), "#help"))
        assert bot.clock.monotonic() - began < 14 * 60
        assert (
            broken_promise(
                "".join(words), service.pages("#help"), DiscordRenderer(), mark=say("ending.limit")
            )
            is None
        )
        [message] = [m for m in bot.server.world.chat("#help").messages.values() if m.author.bot]
        [[button]] = [row["components"] for row in message.components]
        assert button["label"] == "Continue"
        bot.clock.move(120.0)
        await bot.clock.sleep_until(bot.clock.monotonic() + 1.0)  # nobody reads and presses sooner
        await bot.server.press("Ben", "#help", str(message.id), button["custom_id"])
        again = await service.model.opened()
        assert again.prompt[-1] == say("continue.question")
        assert "".join(words).strip() in again.prompt[-2]
        again.finish("And so it ended.")
        while not ends_with(service, "And so it ended.", "#help")():
            await bot.heard.next("message")
        answers = [m for m in bot.server.world.chat("#help").messages.values() if m.author.bot]
        assert [answer.only_for is not None for answer in answers] == [private] * 2
        assert service.routes[CHANNEL_SENDS] + service.routes[CHANNEL_EDITS] == 0
        assert service.refusals == []


async def test_where_the_bot_may_only_look_it_edits_by_the_channel_and_follows_up_by_the_token() -> None:
    async with sluice() as service:
        service.bot.server.overwrite("#help", "Sluice", deny=Permission.SEND_MESSAGES)
        words = [*tale(300), "The end."]
        stream = await service.asked("#help")
        await service.tell(stream, words)
        stream.finish()
        await service.until(ends_with(service, "The end.", "#help"))
        assert exact(service, words, "#help") is None
        assert len(service.pages("#help")) == 2
        assert (service.routes[CHANNEL_SENDS], service.routes[FOLLOW_UPS]) == (0, 1)
        assert service.routes[CHANNEL_EDITS] > 5
        assert service.refusals == []


async def test_where_the_right_to_send_is_taken_away_the_follow_up_takes_over() -> None:
    async with sluice() as service:
        words = [*tale(300), "The end."]
        stream = await service.asked("#help")
        await service.tell(stream, words[:60])
        service.bot.server.overwrite("#help", "Sluice", deny=Permission.SEND_MESSAGES)
        await service.tell(stream, words[60:])
        stream.finish()
        await service.until(ends_with(service, "The end.", "#help"))
        assert exact(service, words, "#help") is None
        assert (service.routes[CHANNEL_SENDS], service.routes[FOLLOW_UPS]) == (0, 1)
        assert [status for _, status in service.refusals] == [403]


async def test_an_app_of_a_users_own_sends_five_follow_ups_and_the_rest_as_a_file() -> None:
    async with sluice() as service:
        words = [*tale(1_600), "The end."]
        stream = await service.asked(users_own=True)
        chunks = ["".join(words[at : at + 20]) for at in range(0, len(words), 20)]
        await service.tell(stream, chunks, every_s=0.5)
        stream.finish()
        await service.until(lambda: bool(service.pages()) and isinstance(service.pages()[-1], FileContent))
        assert exact(service, words) is None
        assert len(service.pages()) == 6
        assert service.routes[FOLLOW_UPS] == 5
        assert service.routes[CHANNEL_SENDS] + service.routes[CHANNEL_EDITS] == 0
        assert service.refusals == []
