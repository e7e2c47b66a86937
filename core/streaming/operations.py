"""What the scheduler asks the driver to do, and what the platform answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from core.streaming.rendering import Rendered

MAX_DATA_BYTES: Final = 64
"""core.telegram.org/bots/api#inlinekeyboardbutton: `callback_data`."""
MAX_OPTIONS: Final = 25
"""Of a select (Discord, "String Select")."""


class OperationKind(StrEnum):
    SEND = "send"
    DRAFT = "draft"  # a send whose content says `draft_id`
    EDIT = "edit"
    DELETE = "delete"
    TYPING = "typing"


class BucketKey(NamedTuple):
    """One rate limit bucket: `family` names its limits, `id` the channel, chat or token it is for. A tuple,
    whose hash costs little: buckets are looked for at every look."""

    family: str
    id: str = ""

    def __str__(self) -> str:
        return f"{self.family}({self.id})"


class ButtonStyle(StrEnum):
    PLAIN = "plain"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Button:
    """`data` comes back in `ButtonPress.data`: at most 64 bytes of UTF-8 (Telegram's limit), without `|`."""

    data: str
    label: str
    style: ButtonStyle = ButtonStyle.PLAIN


@dataclass(frozen=True, slots=True)
class Option:
    """One line of a select. `label`: at most 100 characters."""

    value: str
    label: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Select:
    """One of up to 25 options is to be chosen; `data` comes back with its value in `ButtonPress`.

    `data`, a `|` and a value are at most 64 bytes together, for a platform that has only buttons.
    Raises ValueError for what does not fit.
    """

    data: str
    options: tuple[Option, ...]
    placeholder: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.options) <= MAX_OPTIONS:
            raise ValueError(f"a select has 1 to {MAX_OPTIONS} options, not {len(self.options)}")
        for option in self.options:
            if len(f"{self.data}|{option.value}".encode()) > MAX_DATA_BYTES:
                raise ValueError(f"{self.data}|{option.value} is longer than {MAX_DATA_BYTES} bytes")


Row = tuple[Button, ...] | Select
"""Up to five buttons beside each other, or a select, which has a row of its own."""


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file that hangs on a message. `picture`: to be looked at; a PNG or JPEG of at most 10 MB."""

    name: str
    data: bytes = field(repr=False)
    picture: bool = False


@dataclass(frozen=True, slots=True)
class MessageContent:
    """A whole message as it shall stand: never a difference.

    With a `file` the body is at most 1,024 UTF-16 units long (a caption of Telegram's).
    `buttons` are one row of controls, `panel` those above it: five rows in all.
    """

    body: Rendered
    buttons: tuple[Button, ...] = ()
    silent: bool = False  # send without a notification
    private: bool = False  # only the asker sees it; only where `Capabilities.private_answers`
    nonce: str = ""  # the same for every try of one send; at most 25 characters (Discord's limit)
    draft_id: int = 0  # else: no message but a preview, gone with the next message; the same id replaces it
    file: FileContent | None = None  # at most `Capabilities.max_file_bytes`
    panel: tuple[Row, ...] = ()
    wants_reply: bool = False  # where a platform can, it opens a reply to this; only without controls
    replaces: bool = False  # an edit of what showed another text: a file that hung there goes
    keeps_text: bool = False  # an edit of the controls alone: text and file stay, and the body is empty

    @property
    def controls(self) -> tuple[Row, ...]:
        """Every row, from the top down."""
        return (*self.panel, self.buttons) if self.buttons else self.panel


class NotSentReason(StrEnum):
    RATE_LIMITED = "rate_limited"  # wait `retry_after`
    UNAVAILABLE = "unavailable"  # the platform failed before it took the call: try again
    MESSAGE_GONE = "message_gone"  # the message was deleted: this message only
    FROZEN = "frozen"  # the message stands as it is and takes no edit: what follows goes into a new one
    ARCHIVED = "archived"  # no message there takes an edit until a new one has opened the place again
    PLACE_GONE = "place_gone"  # channel deleted, permission lost, blocked, kicked: nothing more goes there
    REJECTED = "rejected"  # the platform refuses this payload: the same again would fail again
    FULL = "full"  # no further message may be sent here, and the last one is full
    TAKEN_OVER = "taken_over"  # another process shows this answer now
    EXPIRED = "expired"  # the interaction's token has ended


@dataclass(frozen=True, slots=True)
class ObservedLimit:
    """What a platform's headers say of a bucket (Discord: X-RateLimit-Limit, -Remaining, -Reset-After)."""

    key: BucketKey
    limit: int
    remaining: int
    reset_after_s: float


@dataclass(frozen=True, slots=True)
class Delivered:
    """The message stands. An edit that changed nothing is delivered too."""

    message_id: str
    observed: tuple[ObservedLimit, ...] = ()


@dataclass(frozen=True, slots=True)
class NotSent:
    """The platform did not take it, for certain."""

    reason: NotSentReason
    retry_after_s: float | None = None
    key: BucketKey | None = None  # the bucket that `retry_after_s` is about; None: the platform does not say
    detail: str = ""  # for the log: no secret, no text of a chat
    observed: tuple[ObservedLimit, ...] = ()

    def __str__(self) -> str:
        wait = f" for {self.retry_after_s:.1f} s" if self.retry_after_s is not None else ""
        return f"not sent, {self.reason.replace('_', ' ')}{wait}{_in_brackets(self.detail)}"


@dataclass(frozen=True, slots=True)
class Unknown:
    """The platform may or may not have taken it (a time-out, a reset after the request was written)."""

    detail: str = ""
    observed: tuple[ObservedLimit, ...] = ()

    def __str__(self) -> str:
        return f"unknown{_in_brackets(self.detail)}"


Outcome = Delivered | NotSent | Unknown


def _in_brackets(detail: str) -> str:
    return f" ({detail})" if detail else ""
