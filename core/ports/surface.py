"""The seam: what an adapter gives the core so that an answer can appear on a platform.

A surface is bound to one destination: a channel, thread, chat, topic, or one interaction.
It holds no pacing, no splitting, no history, no permissions and no wording. It translates
foreign exceptions into outcomes and never raises but for `asyncio.CancelledError`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from core.messages import Choice, Form, Incoming, MessageRef, Person, Place, Suggesting
from core.ports.reading import Reading
from core.streaming.meters import RateLimit
from core.streaming.operations import BucketKey, MessageContent, OperationKind, Outcome
from core.streaming.rendering import Above, Renderer


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do, as data."""

    renderer: Renderer
    rate_limits: Mapping[str, tuple[RateLimit, ...]]
    """For each bucket family the limits it starts from; headers and `retry_after` teach the rest."""
    buttons: bool = True
    selects: bool = True  # as lists that open; else each of their options is a button
    reactions: bool = True
    private_answers: bool = False  # this surface can answer so that only the asker sees it
    private_lines_only: bool = False  # and such an answer is a short text alone: no file, no controls
    private_lines_pass: bool = False  # and a short one is gone again by itself: nobody has to put it away
    typing_lasts_s: float | None = None  # how long one typing call shows; None: there is none
    reasoning_above: Above | None = None  # shows a line of the model's reasoning; None: it stays hidden
    max_file_bytes: int = 0  # the largest file that a message may carry; 0: none may
    draft_lasts_s: float | None = None  # `send` takes drafts, which show for so long; None: it takes none
    command_groups: bool = False  # commands are chosen, and those that are not listed stand in groups
    message_menus: bool = False  # commands can be chosen from a message's menu
    nonces: bool = False  # a send with the same nonce is taken once (Discord's channel route)
    first_in_place: bool = False  # a first message that is sent again takes its own place (an interaction's)
    keeps_events: bool = False  # what comes in is in the journal (`Received`) before it is handed over
    client_text_limits: tuple[int, ...] = ()  # how long people's own messages may be, in any unit
    link_of: Callable[[Place, MessageRef], str | None] | None = None  # where a person opens a message there
    counts_messages: bool = False  # ids of messages are numbers: one more is the next, or another chat's


class NoThread(StrEnum):
    """Why no thread was opened."""

    NONE = "none"  # there are none in this place
    PERMISSION = "permission"  # the bot lacks one
    FAILED = "failed"  # the platform did not say, or said that it is too much


@dataclass(frozen=True, slots=True)
class NotOpened:
    """`permission`: the one that is missing, by the name that the platform shows to its people."""

    why: NoThread
    permission: str = ""
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Opened:
    """A thread or topic, and the address at which people open it. `hears_all`: False where only what is said
    to the bot by name reaches it."""

    surface: Surface
    link: str
    hears_all: bool = True


OpenThread: TypeAlias = "Callable[[str, MessageRef | None], Awaitable[Opened | NotOpened]]"
"""Open a thread or topic of this name (1 to 100 characters), on a message where one is given.
One request, made at once: whoever calls sees to it that there are few."""


class Surface(Protocol):
    """One destination of one bot account."""

    @property
    def account(self) -> str:
        """The bot account whose rate limits this draws from, such as `discord:<bot id>`."""

    @property
    def place(self) -> Place: ...

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def address(self) -> str:
        """What `Platform.reopen` needs beside the place to reach the same destination from another process;
        "" where the place says it all. It may be a secret, and is kept encrypted."""

    @property
    def alternate(self) -> Surface | None:
        """A second way to the same messages, with rate limits of its own; None for most.

        It edits what this surface has sent, and sends what comes after the first message, or all once this
        surface has ended; this surface need not be able to edit that. It carries nothing private.
        """

    @property
    def ends_at(self) -> float | None:
        """When an answer must have ended that can only go this way, on the clock's monotonic time; None:
        there is no such time."""

    @property
    def messages_left(self) -> int | None:
        """How many more messages may be sent here, not counting those of an alternate; None: any number."""

    @property
    def open_form(self) -> Callable[[Form], Awaitable[Outcome]] | None:
        """Have the asker fill in a form, which comes back as `FormSubmitted`. None: it cannot be done here,
        or no longer; the core then asks for one text after the other. Where it can, it must be done at once:
        Discord gives 3 s, and nothing may have been said before."""

    @property
    def with_rights(self) -> Callable[[Person], Awaitable[Person]] | None:
        """Ask the platform what somebody may do in this place. None: what comes in says it already."""

    @property
    def hears_all(self) -> Callable[[], Awaitable[bool]] | None:
        """Ask the platform whether what people say here to others reaches the bot. None: there is nothing to
        ask, since it does."""

    @property
    def open_thread(self) -> OpenThread | None:
        """None: there are no threads below this place."""

    @property
    def reading(self) -> Reading | None:
        """What was written in this place, asked of the platform; None: it does not tell."""

    def buckets(self, kind: OperationKind) -> tuple[BucketKey, ...] | None:
        """The buckets that the next operation of this kind draws from: all must grant. None: it cannot go
        this way, now and for ever."""

    async def send(self, content: MessageContent, reply_to: MessageRef | None) -> Outcome:
        """Post a new message, as a reply where `reply_to` is given and still exists.

        A `content.file` comes only where `max_file_bytes` allows it. Where files are not permitted
        here, but text is, the outcome is REJECTED: the text then comes without.
        """

    async def edit(self, message_id: str, content: MessageContent) -> Outcome:
        """Make a message stand as `content` says, buttons included (none given: none left).

        A message of text may get a file; one that carries a file already gets it anew. With
        `content.keeps_text` only the controls change; not asked where there are no buttons.
        """

    async def delete(self, message_id: str) -> Outcome: ...

    async def typing(self) -> Outcome | None:
        """Show that an answer is on its way (Discord interactions: defer). Best effort; what became of it
        counts for the rate limits alone. None: no request was made."""

    async def react(self, ref: MessageRef, emoji: str) -> None:
        """Put a reaction on somebody's message. Best effort."""


Handle = Callable[[Incoming, Surface], Awaitable[None]]
"""Where an adapter delivers each event, with the surface on which an answer to it belongs.

For a button press the surface answers the press itself (`private_answers`); a `Handle` returns
soon (it starts turns, it does not wait for them), never raises, and may be called concurrently.
"""


Suggest = Callable[[Suggesting], Awaitable[tuple[Choice, ...]]]
"""Where an adapter asks what an argument could become while somebody types it; at most 25, never raises."""


async def no_suggestions(suggesting: Suggesting) -> tuple[Choice, ...]:
    """A `Suggest` for whoever has none."""
    return ()
