"""What commands work with. A new part of the bot that commands need becomes a field of `Services`."""

from __future__ import annotations

from dataclasses import dataclass

from core.commands.questions import Questions
from core.commands.registry import Registry
from core.policy.access import Access
from core.service.chat import ChatService


@dataclass(frozen=True, slots=True)
class Services:
    """One for the whole bot."""

    chat: ChatService
    access: Access
    registry: Registry
    questions: Questions
