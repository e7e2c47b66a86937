"""A bot on the real driver, with a scripted model and time that stands still."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from core.adapters.memory_journal import JournalState, MemoryJournal
from core.adapters.memory_ledger import MemoryLedger
from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from core.commands.registry import Registry
from core.configuration import Budgets, Configuration, Defaults, Limits, Live, ModelChoice, ModelEntry
from core.configuration.moderating import UNJUDGED, ModerationRules
from core.conversation.preferences import Busy
from core.messages import (
    Addressed,
    ButtonPress,
    Incoming,
    IncomingCommand,
    IncomingMessage,
    MessageRef,
    Person,
    PlaceKind,
    Quote,
)
from core.policy.access import Access
from core.policy.budgets import Refused, Scope, Span, Why, span_name
from core.ports.clock import Clock
from core.ports.completions import Completions
from core.ports.journal import Journal
from core.ports.ledger import Ledger, Line
from core.ports.moderation import Moderation
from core.ports.store import Message, Store
from core.service.caller import Caller
from core.service.chat import ChatService
from core.service.choosing import Choices
from core.service.driver import Driver
from core.service.moderating import Moderator
from core.service.refusals import mark_of, words_of
from core.service.showing import Progress
from core.service.signing import Signer
from core.service.spending import Spending
from tests.commands.parts import Parts
from tests.fakes.alerts import NotedAlerts
from tests.fakes.clock import FakeClock
from tests.fakes.mortal import Life
from tests.fakes.surface import FakePress, FakeSurface
from tests.service.scripted_model import ScriptedModel, Stream

ADA = Person("fake", "1", "Ada")
BEN = Person("fake", "2", "Ben")
MODERATOR = Person("fake", "3", "Cleo", manages_messages=True)


def configured(
    choice: ModelChoice, defaults: Defaults | None = None, budgets: Budgets | None = None
) -> Configuration:
    """A configuration with one model, by which every question is answered like that."""
    model = ModelEntry(
        choice.model,
        "test",
        choice.model,
        choice.model,
        max_output_tokens=choice.max_tokens,
        prompt_tokens=choice.prompt_tokens,
        temperature=choice.temperature,
        system_prompt=choice.system_prompt,
    )
    return Configuration(
        None, {}, {model.id: model}, model.id, defaults=defaults or Defaults(), budgets=budgets or Budgets()
    )


class Yielding(MemoryStore):
    """Answers no sooner than others have had their turn, as any store that is not in memory."""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def asked(*args: Any, **named: Any) -> Any:
            await asyncio.sleep(0)
            return await found(*args, **named)

        return asked


class Held(MemoryStore):
    """While it is not `free`, whoever asks what was said before waits."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()
        self.free.set()

    async def path(self, message_id: str, *, limit: int = 400) -> tuple[Message, ...]:
        await self.free.wait()
        return await super().path(message_id, limit=limit)


_LATELY = deque["Bot"](maxlen=8)
"""Held until their loops are closed, which ends their tasks: asyncio itself holds no task that waits, and one
that the collector finds is reported in whatever test runs then."""


class Bot:
    """The whole service; `say`, `command` and `press` are what people do."""

    def __init__(
        self,
        *,
        access: Access | None = None,
        daily_tokens: int | None = None,
        budgets: Budgets | None = None,
        ledger: Ledger | None = None,
        choice: ModelChoice | None = None,
        defaults: Defaults | None = None,
        max_answer_chars: int = 64_000,
        commands: Registry | None = None,
        store: Store | None = None,
        journal: Journal | None = None,
        life: Life | None = None,
        configuration: Configuration | None = None,
        before: Bot | None = None,
        busy_mode: Busy = Busy.QUEUE,
        private_pause_s: float | None = None,
        summaries: bool = True,
        fake_clock: FakeClock | None = None,
        completions: Completions | None = None,
        moderation: Moderation | None = None,
        rules: ModerationRules = UNJUDGED,
        signer: Signer | None = None,
    ) -> None:
        """`before`: the bot that ran until now; this one is its next start, with what was kept. `life`: for a
        process that is to be killed. `completions`: who answers in place of `model`. `moderation`: who judges
        by these `rules`; what it tells operators is in `hits`."""
        _LATELY.append(self)
        self.clock: FakeClock = before.clock if before else fake_clock or FakeClock()
        self.store: Store = before.store if before else store or MemoryStore()
        self.journal_state: JournalState = before.journal_state if before else JournalState()
        self.journal: Journal = journal or MemoryJournal(self.journal_state, clock=self.clock)
        self.life = life
        held: Store = life.of(self.store) if life else self.store
        clock = life.clock(self.clock) if life else self.clock
        self.signer: Signer = before.signer if before else signer or Signer()
        self.model = ScriptedModel()
        defaults = replace(
            defaults or Defaults(), busy=busy_mode, pause_minutes_private=int((private_pause_s or 0.0) / 60)
        )
        budgets = budgets or Budgets(everybody=Limits(daily_tokens))
        self.live = Live(configuration or configured(choice or ModelChoice("scripted"), defaults, budgets))
        self.progress: list[Progress] = []
        self.access = access or Access(allow_everybody=True)
        self.ledger: Ledger = before.ledger if before else ledger or MemoryLedger()
        self.spending = Spending(self.ledger, self.clock, lambda: self.live.current)
        self.parts = Parts(self.clock, self.store, self.live)
        self.hits = NotedAlerts()
        self.chat = ChatService(
            completions=completions or self.model,
            choices=Choices(held, self.live),
            driver=Driver(clock, on_progress=self.progress.append),
            clock=clock,
            access=self.access,
            spending=self.spending,
            store=held,
            journal=life.of(self.journal) if life else self.journal,
            signer=self.signer,
            summarises=lambda _: summaries,
            max_answer_chars=max_answer_chars,
            book=self.parts.usage.book,
            moderator=None if moderation is None else self._moderator(moderation, rules, clock),
        )
        self.dispatcher = self.parts.dispatcher(self.chat, self.access, commands, spending=self.spending)
        self._events: Iterator[int] = before._events if before else itertools.count(1)

    def _moderator(self, moderation: Moderation, rules: ModerationRules, clock: Clock) -> Moderator:
        return Moderator(
            moderation,
            lambda: rules,
            clock=clock,
            spending=self.spending,
            alerts=self.hits,
            book=self.parts.usage.book,
        )

    @property
    def choice(self) -> ModelChoice:
        """What is answered with where nobody chose."""
        return self.live.current.choice()

    @choice.setter
    def choice(self, choice: ModelChoice) -> None:
        self.live.swap(configured(choice, self.live.current.defaults, self.live.current.budgets))

    async def spent(self) -> int:
        """Tokens of everybody today, settled and reserved."""
        today = Line("everybody", span_name(Span.DAY, self.clock.wall()))
        [counted] = await self.ledger.counted([today])
        return counted.tokens

    def event_id(self) -> str:
        """A new one."""
        return str(next(self._events))

    def surface(
        self,
        chat_id: str = "c1",
        kind: PlaceKind = PlaceKind.SHARED,
        *,
        private_answers: bool = False,
        forms: bool = False,
    ) -> FakeSurface:
        return FakeSurface(
            self.clock, chat_id=chat_id, kind=kind, private_answers=private_answers, forms=forms
        )

    async def handle(self, incoming: Incoming, surface: FakeSurface) -> None:
        await self.dispatcher.handle(incoming, self.life.of(surface) if self.life else surface)
        await self.clock.advance(0.0)

    async def say(
        self,
        surface: FakeSurface,
        text: str,
        *,
        author: Person = ADA,
        addressed: Addressed = Addressed.MENTION,
        quote: Quote | None = None,
        has_attachments: bool = False,
        mentions_others: bool = False,
        event_id: str = "",
    ) -> MessageRef:
        event_id = event_id or str(next(self._events))
        ref = MessageRef(surface.place.chat_id, f"u{event_id}")
        message = IncomingMessage(
            event_id,
            surface.place,
            author,
            ref,
            text,
            addressed,
            quote,
            has_attachments=has_attachments,
            mentions_others=mentions_others,
        )
        await self.handle(message, surface)
        return ref

    async def reply(
        self, surface: FakeSurface, text: str, to: MessageRef, *, author: Person = ADA, by_us: bool = True
    ) -> MessageRef:
        quote = Quote(to, "Sluice" if by_us else "Somebody", "quoted words", by_us=by_us)
        return await self.say(surface, text, author=author, addressed=Addressed.REPLY, quote=quote)

    async def command(
        self,
        surface: FakeSurface,
        name: str,
        arguments: Mapping[str, str] | None = None,
        *,
        author: Person = ADA,
        quote: Quote | None = None,
        target: Quote | None = None,
    ) -> None:
        event_id = str(next(self._events))
        command = IncomingCommand(
            event_id, surface.place, author, name, arguments or {}, quote=quote, target=target
        )
        await self.handle(command, surface)

    async def press(self, surface: FakeSurface, message: MessageRef, *, author: Person = ADA) -> list[str]:
        """Press the first button under a message; what the person who pressed is told."""
        return await self.press_label(surface, message, "", author=author)

    async def press_label(
        self, surface: FakeSurface, message: MessageRef, label: str, *, author: Person = ADA
    ) -> list[str]:
        """Press the button with this label, the first for none."""
        controls = surface.messages[message.message_id].content.controls
        buttons = [one for row in controls if isinstance(row, tuple) for one in row]
        data = next(button.data for button in buttons if label in {"", button.label})
        return await self.press_data(surface, message, data, author=author)

    async def press_data(
        self, surface: FakeSurface, message: MessageRef, data: str, *, author: Person = ADA
    ) -> list[str]:
        told = FakePress(self.clock, surface)
        press = ButtonPress(str(next(self._events)), surface.place, author, message, data)
        await self.handle(press, told)
        await self.clock.advance(1.0)
        return told.told

    def caller(self, surface: FakeSurface, person: Person = ADA) -> Caller:
        return Caller(surface.place, person, surface, str(next(self._events)))

    async def asked(self, surface: FakeSurface, text: str, *, author: Person = ADA) -> Stream:
        """Ask, and have the model's stream for it."""
        await self.say(surface, text, author=author)
        return await self.model.opened()

    async def answered(
        self, surface: FakeSurface, text: str, answer: str, *, author: Person = ADA
    ) -> MessageRef:
        """A whole turn; the bot's last message."""
        stream = await self.asked(surface, text, author=author)
        stream.finish(answer)
        await self.clock.advance(2.0)
        return MessageRef(surface.place.chat_id, list(surface.messages)[-1])


@pytest.fixture(autouse=True)
def bots_of_others_are_let_go_of() -> None:
    """Their loops are closed by now."""
    _LATELY.clear()


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    bot = Bot()
    yield bot
    await shut(bot)


async def shut(bot: Bot) -> int:
    """Shut down without waiting for anybody."""
    now = bot.clock.monotonic()
    stopped = asyncio.ensure_future(bot.chat.stop(streams_until=now, marks_until=now))
    await bot.clock.advance(0.0)
    return await stopped


def mark(key: str) -> str:
    """An ending's words, as they stand under the text."""
    return f"*{say(key)}*"


def used_up(tokens: int) -> str:
    """What whoever asks is told once everybody's tokens of the day are, as time stands at first."""
    refused = Refused(Why.TOKENS, Scope.EVERYBODY, Span.DAY, tokens, 15 * 3_600.0 + 44 * 60.0)
    return words_of(refused, None)


def cut_short() -> str:
    """The mark of an answer for which they did not suffice."""
    return f"*{mark_of(Refused(Why.TOKENS), None)}*"


def failed(kind: str) -> str:
    """The mark of a turn that failed for a reason of this kind."""
    return f"*{say('ending.failed', reason=say(f'model.{kind}'))}*"


def robot(number: int = 9) -> Person:
    return replace(ADA, id=str(number), name="Robot", is_bot=True)
