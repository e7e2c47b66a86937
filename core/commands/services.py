"""What commands work with. A new part of the bot that commands need becomes a field of `Services`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.commands.questions import Questions
from core.commands.registry import Registry
from core.configuration import Configuration
from core.policy.access import Access
from core.ports.chart import DrawChart
from core.ports.clock import Clock
from core.service.chat import ChatService
from core.service.personal_data import PersonalData
from core.service.spending import Spending
from core.service.usage import UsageBook


@dataclass(frozen=True, slots=True)
class Services:
    """One for the whole bot."""

    chat: ChatService
    access: Access
    registry: Registry
    questions: Questions
    clock: Clock
    configuration: Callable[[], Configuration]  # as it is now
    spending: Spending
    usage: UsageBook
    personal: PersonalData
    draw: DrawChart
