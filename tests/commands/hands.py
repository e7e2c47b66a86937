"""One person's hands on either platform, with Sluice behind it: what both can do is said once in a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.client import TelegramPlatform
from core.adapters.memory_journal import MemoryJournal
from core.commands.registry import registry
from core.conversation.preferences import here_of
from core.messages import Person, Place, PlaceKind, owned
from tests.commands.support import PATIENCE_S, Service
from tests.commands.test_choosers import CONFIGURATION
from tests.discord.support import local_discord
from tests.end_to_end.screen import Json, Screen
from tests.fakes.moved_clock import MovedClock
from tests.service.scripted_model import Stream
from tests.telegram.harness import local_telegram

PLATFORMS: Final = ("discord", "telegram")
NAME: Final = "Ada"
"""She owns the server and the group."""


class Hands:
    """Ada's. `private`: her own chat with the bot, else a channel or a group in which others are, too."""

    def __init__(self, server: DiscordServer | TelegramServer, service: Service, clock: MovedClock) -> None:
        self.server, self.service, self.clock = server, service, clock
        self.screen = Screen(server.snapshot())
        self.platform = self.screen.platform
        self.private = True
        server.subscribe(self.screen.take)

    @property
    def chat(self) -> str:
        if isinstance(self.server, DiscordServer):
            return f"@{NAME}" if self.private else "#general"
        return NAME if self.private else "Riverside"

    @property
    def place(self) -> Place:
        """Where that is, as the core knows it."""
        return owned(self._place, Person(self.platform, self.screen.person(NAME), NAME))

    @property
    def _place(self) -> Place:
        if isinstance(self.server, DiscordServer):
            world = self.server.world
            chat = str(world.chat(self.chat).id)
            if self.private:
                return Place("discord", chat, PlaceKind.PRIVATE)
            return Place("discord", chat, PlaceKind.SHARED, guild_id=str(world.guild_id))
        chats = {str(one["name"]): str(one["id"]) for one in self.server.snapshot()["chats"]}
        kind = PlaceKind.PRIVATE if self.private else PlaceKind.SHARED
        return Place("telegram", self.screen.person(NAME) if self.private else chats[self.chat], kind)

    async def say(self, text: str, *, person: str = NAME, reply_to: str | None = None) -> str:
        return await self.server.say(person, self.chat, text, reply_to=reply_to)

    async def ask(self, text: str) -> Stream:
        """A question for the bot, and the model's stream for it."""
        mention = "@Sluice" if isinstance(self.server, DiscordServer) else "@sluice_bot"
        await self.say(text if self.private else f"{mention} {text}")
        return await self.asked()

    async def asked(self) -> Stream:
        """The next stream of the model."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.service.model.opened()

    async def answered(self, text: str, answer: str) -> Json:
        """A whole turn; the bot's message. Both have to be different from all before."""
        (await self.ask(text)).finish(answer)
        return await self.shows(answer)

    async def rested(self) -> None:
        """Until every answer is over and kept: what the clock says then counts as later."""
        async with asyncio.timeout(PATIENCE_S):
            while self.service.chat.answering:  # noqa: ASYNC110  # nothing tells of the end
                await asyncio.sleep(0)

    async def command(self, command_name: str, /, words: str = "", **options: str) -> None:
        """`words`: the argument that is required, as far as there is one."""
        command = registry().get(command_name)
        assert command is not None
        if isinstance(self.server, DiscordServer):
            required = {one.name: words for one in command.arguments if one.required}
            spelled = registry().spelled(command, in_groups=True).removeprefix("/")
            await self.server.invoke(NAME, self.chat, spelled, options | required)
            return
        at = "" if self.private else "@sluice_bot"
        parts = [f"/{command_name}{at}", *(f"{key}={value}" for key, value in options.items()), words]
        await self.say(" ".join(part for part in parts if part))

    async def on_message(self, name: str, message: str) -> None:
        """A command about a message: from its menu, or as a reply to it."""
        command = registry().get(name)
        assert command is not None
        if isinstance(self.server, DiscordServer):
            await self.server.use_on_message(NAME, self.chat, message, command.menu_entry())
        else:
            await self.say(f"/{name}@sluice_bot", reply_to=message)

    async def shows(self, words: str) -> Json:
        """The bot's newest message that begins so, whether sent or edited; Markdown's marks do not count."""

        def found() -> Json | None:
            newest = reversed(self.screen.messages.values())
            return next(
                (one for one in newest if one["author"]["bot"] and plain(one["text"]).startswith(words)), None
            )

        return await self.screen.until(found)

    async def choose(self, name: str, value: str) -> None:
        """As the panel of `/settings` keeps a choice for this chat; `test_panels_on_platforms.py`
        presses its every control."""
        await self.service.chat.choices.choose(here_of(self.place), name, value)


def plain(text: str) -> str:
    return text.replace("*", "")


@asynccontextmanager
async def on_platform(name: str, **service: Any) -> AsyncIterator[Hands]:
    """`service`: what else the service is to be made with."""
    if name == "discord":
        async with local_discord() as bot:
            made = Service(bot.clock, configuration=CONFIGURATION, **service)
            hands = Hands(bot.server, made, bot.clock)
            await bot.platform.start(made.dispatcher.handle, made.dispatcher.suggest)
            made.chat.approvals.reaches([bot.platform])
            try:
                yield hands
            finally:
                await made.close()
        return
    async with local_telegram() as server:
        clock = MovedClock()
        made = Service(clock, configuration=CONFIGURATION, **service)
        platform = TelegramPlatform(
            server.token, clock=clock, journal=MemoryJournal(clock=clock), base_url=server.url
        )
        hands = Hands(server, made, clock)
        await server.promote_bot(NAME, "Riverside")  # so that it hears all that is said there
        await platform.start(made.dispatcher.handle, made.dispatcher.suggest)
        made.chat.approvals.reaches([platform])
        try:
            yield hands
        finally:
            await made.close()
            await platform.close()
