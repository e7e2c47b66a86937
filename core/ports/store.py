"""What is kept: conversations as trees of messages, settings, personas, usage. One store for all platforms.

The law of what is kept:
- A question and its answers are `Message`s of a tree. The context of a question is the path to its parent; a
  reply to an older answer forks; answers of one question are siblings (variants).
- A **lane** is where somebody goes on without replying: a private chat, thread or topic has one for all who
  write there, any other place one for each person. It ends at one message, its leaf.
- A message of a platform, known by its place and id, stands for one message of the tree.
- Text is kept encrypted under the key of its **scope**: whoever asked, made or wrote it; for a summary, which
  is of several people, its conversation. Who forgets a scope destroys its key.
- What was taken out stays out: nothing can be added below it, no lane ends at it, no summary reaches to it.

Every method may raise `StoreError`; what was not stored is never called stored. Times are seconds since the
epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class StoreError(Exception):
    """The store cannot be used now. The message is one line for the log, without secrets or text of chats."""


class FullError(StoreError):
    """There is no room left on the store's disk: whatever was to be stored is not at fault."""


class GoneError(StoreError):
    """What it hangs on was taken out meanwhile, as by /forget. Nothing was stored, nothing is to be done."""


class Role(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One question or one answer. `id` and `conversation_id` are opaque.

    `asker`: `str(Person)` of whoever asked, on an answer too: it is theirs, and is forgotten with them.
    `name`: the asker's, as it was then. `quote`: what the question quotes, as the model reads it; `quotes`:
    each `str(Person)` besides the asker whose words are in it: with any of them it is forgotten.
    `tokens`: what the provider counted, else an estimate. `ending`: of an answer, a word of `Ending`.
    """

    id: str
    conversation_id: str
    parent_id: str | None
    role: Role
    asker: str
    text: str
    at: float
    name: str = ""
    quote: str = ""
    tokens: int = 0
    model: str = ""
    ending: str = ""
    quotes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outlined:
    """A message without its text."""

    id: str
    parent_id: str | None
    asker: str


@dataclass(frozen=True, slots=True)
class LaneKey:
    """`place`: `str(Place)`. `person`: `str(Person)`, "" where all who write there go on together.

    `private`: what only one person saw; it never meets what others may see.
    """

    place: str
    person: str = ""
    private: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """`leaf_id` None: a fresh start. `at`: when somebody last asked here."""

    conversation_id: str
    leaf_id: str | None
    at: float


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of a platform that stands for a message of the tree."""

    place: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What was said on the path from the root to `until_id`, that message included."""

    conversation_id: str
    until_id: str
    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class KeptPersona:
    """A persona made in a chat. `scope`: a guild, chat or person, as `discord:1`; `name` is unique in it.

    It is its maker's, and is forgotten with them.
    """

    scope: str
    name: str
    prompt: str
    made_by: str
    model: str | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """What was used on one UTC day (whole days since the epoch); `cost` is in millionths of the currency.

    `place`: the guild, else the chat. It stays when texts are forgotten, under a keyed hash of the person.
    """

    day: int
    person: str
    place: str
    model: str
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Overheard:
    """What somebody wrote in a chat that opted in, for the bot or not (`/catchup` on Telegram)."""

    place: str
    message_id: str
    author: str
    name: str
    text: str
    at: float


def moved_scopes(old: str, new: str) -> tuple[tuple[str, str], ...]:
    """The scopes that are named by a place, and how they are named once it has moved."""
    return tuple((f"{kind}:{old}", f"{kind}:{new}") for kind in ("server", "chat"))


class Store(Protocol):
    """One for the whole process."""

    # conversations
    async def lane(self, key: LaneKey) -> Lane | None: ...
    async def set_lane(self, key: LaneKey, lane: Lane) -> None:
        """A leaf that was taken out meanwhile counts as None."""

    async def message(self, message_id: str) -> Message | None: ...
    async def shown(self, shown: Shown) -> Message | None:
        """The message of the tree that a platform's message stands for."""

    async def add(self, message: Message, shown: tuple[Shown, ...] = ()) -> None:
        """Keep a message, or its new state: same id, text and what shows it may change. A summary that tells
        of an earlier text goes.

        `shown`: all that shows it now, in the order in which it was sent; what was shown before is replaced.
        Raises GoneError when there is a parent and it is not kept.
        """

    async def path(self, message_id: str, *, limit: int = 400) -> tuple[Message, ...]:
        """From the root to this message, oldest first; only the last `limit` of a longer one."""

    async def outline(self, message_id: str, *, limit: int = 400) -> tuple[Outlined, ...]:
        """The same path, of which no text is read: in a long conversation that is most of it."""

    async def answers(self, question_id: str) -> tuple[Message, ...]:
        """The variants of a question's answer, oldest first."""

    async def last_question(
        self, conversation_id: str, parent_id: str | None, asker: str = ""
    ) -> Message | None:
        """The newest question right after this message of a conversation, None: of those that begin it.
        `asker`: only theirs."""

    async def shows(self, message_id: str) -> tuple[Shown, ...]:
        """The platform's messages that show it, in the order in which they were sent."""

    async def remove(self, message_id: str) -> None:
        """Take a question out with its answers, or an answer, and every summary that tells of them.

        What was said after them stays, and goes on from what stood above; lanes that ended there end there.
        """

    async def summary(self, message_ids: tuple[str, ...]) -> Summary | None:
        """The summary that reaches furthest on a path, given as the ids of its messages, oldest first."""

    async def set_summary(self, summary: Summary) -> None:
        """Nothing is kept where `until_id` was taken out meanwhile."""

    # what people have chosen, by scope:
    # `server:<platform>:<id>`, `chat:<place>`, `person:<person>` (of their private chat), `conversation:<id>`
    async def choices(self, scopes: tuple[str, ...]) -> Mapping[str, Mapping[str, str]]: ...
    async def choose(self, scope: str, name: str, value: str | None) -> None:
        """`None` takes the choice back."""

    async def personas(self, scopes: tuple[str, ...]) -> tuple[KeptPersona, ...]:
        """By scope and name."""

    async def set_persona(self, persona: KeptPersona) -> None: ...
    async def remove_persona(self, scope: str, name: str) -> bool: ...

    async def move_place(self, old: str, new: str) -> None:
        """A whole place has another id from now on, both `str(Place)`: its lanes, choices and personas are
        the new one's, as far as there is none yet. What shows messages stays: there they have other ids."""

    # usage
    async def use(self, used: Used) -> None:
        """Add to what was used on that day."""

    async def used(self, *, since_day: int, person: str = "", place: str = "") -> tuple[Used, ...]:
        """By day and model; of one person, of one place, or of all where both are empty."""

    # overheard
    async def overhear(self, heard: Overheard) -> None:
        """Keep it, or its new state."""

    async def overheard(self, place: str, *, since: float, limit: int) -> tuple[Overheard, ...]:
        """The newest `limit` since then, oldest first."""

    async def unhear(self, author: str) -> None:
        """Drop all that was overheard of somebody, `str(Person)`."""

    # what is somebody's own
    async def export(self, person: str) -> Mapping[str, object]:
        """All that is kept of a person, as plain values for JSON."""

    async def forget(self, person: str) -> int:
        """Destroy the person's keys and rows, what others quote of them, and every summary of a conversation
        they spoke in.

        What others wrote below stays, and goes on from what stood above. That somebody chose to be `apart`
        stays too. How many rows went, 0 when nothing was kept.
        """

    async def expire(self, *, before: float, overheard_before: float) -> int:
        """Retention: take out conversations whose newest message is older. How many messages went."""

    async def aclose(self) -> None: ...
