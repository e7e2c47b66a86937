"""Two people and what they say."""

from __future__ import annotations

from typing import Final

from core.ports.store import Message, Role, Shown, Store

ADA: Final = "discord:1"
BEN: Final = "discord:2"


def asked(
    name: str, parent: str | None = None, *, asker: str = ADA, conversation: str = "c", at: float = 100.0
) -> Message:
    return Message(
        name, conversation, parent, Role.USER, asker, f"text of {name}", at, name="Ada", quote="> a quote"
    )


def answered(
    name: str, parent: str, *, asker: str = ADA, conversation: str = "c", at: float = 101.0
) -> Message:
    return Message(
        name,
        conversation,
        parent,
        Role.ASSISTANT,
        asker,
        f"text of {name}",
        at,
        tokens=7,
        model="local/big",
        ending="complete",
    )


async def grown(store: Store) -> None:
    """q1 ─ a1 ─ q2 (Ben's) ─ a2, and b2 as a variant of a2."""
    await store.add(asked("q1"), (Shown("p", "1"),))
    await store.add(answered("a1", "q1"), (Shown("p", "2"), Shown("p", "3")))
    await store.add(asked("q2", "a1", asker=BEN), (Shown("p", "4"),))
    await store.add(answered("a2", "q2", asker=BEN))
    await store.add(answered("b2", "q2", asker=BEN), (Shown("p", "5"),))


def ids(messages: tuple[Message, ...]) -> list[str]:
    return [message.id for message in messages]
