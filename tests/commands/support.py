"""The service with its dispatcher behind a platform, and a model that says what it is told."""

from __future__ import annotations

from core.commands.dispatch import Dispatcher
from core.commands.registry import Registry
from core.configuration import ModelChoice
from core.policy.access import Access
from core.policy.spending import Spending
from core.ports.clock import Clock
from core.service.chat import ChatService
from core.service.driver import Driver
from tests.service.scripted_model import ScriptedModel


class Service:
    """Give `dispatcher.handle` and `dispatcher.suggest` to a platform."""

    def __init__(self, clock: Clock, commands: Registry | None = None, *, admin: str = "") -> None:
        self.model = ScriptedModel()
        self.clock = clock
        access = Access(allow_everybody=True, admins=frozenset({admin} if admin else ()))
        self.chat = ChatService(
            completions=self.model,
            chosen=lambda _: ModelChoice("scripted"),
            driver=Driver(clock),
            clock=clock,
            access=access,
            spending=Spending(None, clock=clock),
        )
        self.dispatcher = Dispatcher(self.chat, access, clock, commands)

    async def close(self) -> None:
        now = self.clock.monotonic()
        await self.chat.stop(streams_until=now, marks_until=now)
