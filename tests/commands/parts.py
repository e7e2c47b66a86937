"""What commands work with, over a store in memory, for whoever makes a dispatcher in a test."""

from __future__ import annotations

from core.adapters.bar_chart import draw_bars
from core.adapters.memory_ledger import MemoryLedger
from core.adapters.memory_store import MemoryStore
from core.commands.dispatch import Dispatcher
from core.commands.registry import Registry
from core.configuration import Configuration, Live, ModelEntry
from core.policy.access import Access
from core.ports.clock import Clock
from core.ports.store import Store
from core.service.chat import ChatService
from core.service.personal_data import PersonalData
from core.service.spending import Spending
from core.service.usage import UsageBook

SCRIPTED = ModelEntry("scripted", "home", "scripted", "Scripted")


class Parts:
    """Give `usage.book` to the chat service, and have the dispatcher made afterwards."""

    def __init__(
        self, clock: Clock, store: Store | None = None, live: Live[Configuration] | None = None
    ) -> None:
        self.clock = clock
        self.store = store or MemoryStore()
        self.configuration = live or Live(Configuration(None, {}, {SCRIPTED.id: SCRIPTED}, SCRIPTED.id))
        self.usage = UsageBook(self.store, clock, lambda: self.configuration.current)
        self.personal = PersonalData(self.store, clock)
        self.ledger = MemoryLedger()
        self.spending = Spending(self.ledger, clock, lambda: self.configuration.current)

    def dispatcher(
        self,
        chat: ChatService,
        access: Access,
        commands: Registry | None = None,
        *,
        spending: Spending | None = None,
    ) -> Dispatcher:
        return Dispatcher(
            chat,
            access,
            self.clock,
            commands,
            configuration=lambda: self.configuration.current,
            spending=spending or self.spending,
            usage=self.usage,
            personal=self.personal,
            draw=draw_bars,
        )
