"""What commands work with. A new part of the bot that commands need becomes a field of `Services`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from core.commands.questions import Questions
from core.commands.registry import Registry
from core.messages import Person, Place
from core.policy.access import Access
from core.ports.surface import Surface
from core.service.chat import ChatService


@dataclass(frozen=True, slots=True)
class Services:
    """One for the whole bot."""

    chat: ChatService
    access: Access
    registry: Registry
    questions: Questions


class Conversations(Protocol):
    """What `/new`, `/stop`, `/retry`, `/continue` and `/undo` ask of the chat service.

    The conversation is the one that the person would go on with by writing in the place without a reply.
    Each returns the catalogue's key of what the person is told, "" where what happens tells it already.
    `surface`: where an answer belongs.
    """

    async def new(self, place: Place, person: Person) -> str:
        """Start over; an answer that streams is not ended."""

    async def stop(self, place: Place, person: Person) -> str:
        """End the answer that streams, with its mark. Of others' only for who may manage messages."""

    async def retry(self, event_id: str, place: Place, person: Person, surface: Surface) -> str:
        """Answer the last question again, as a variant."""

    async def undo(self, place: Place, person: Person, surface: Surface) -> str:
        """Take the last exchange back and delete its messages."""

    async def go_on(self, event_id: str, place: Place, person: Person, surface: Surface) -> str:
        """Go on with the last answer, if it was cut."""
