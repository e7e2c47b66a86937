"""A surface in memory that keeps its own rate limits and fails on demand."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from core.messages import Form, MessageRef, Person, Place, PlaceKind
from core.ports.clock import Clock
from core.ports.reading import Reading
from core.ports.surface import Capabilities, NotOpened, Opened, OpenThread
from core.streaming.meters import RateLimit
from core.streaming.operations import (
    BucketKey,
    Delivered,
    FileContent,
    MessageContent,
    NotSent,
    NotSentReason,
    OperationKind,
    Outcome,
    Unknown,
)
from core.streaming.rendering import Rendered

LIMITS: Mapping[str, tuple[RateLimit, ...]] = {
    "account": (RateLimit(50, 1.0),),
    "send": (RateLimit(5, 5.0),),
    "draft": (RateLimit(5, 5.0),),
    "edit": (RateLimit(5, 5.0),),
}
INTERACTION_LIMITS: Mapping[str, tuple[RateLimit, ...]] = {
    **LIMITS,
    "interaction": (RateLimit(5, 2.0), RateLimit(30, 60.0)),
}
AFTER_END_S = 30.0  # how long after an answer must have ended its way takes requests
LATE_S = 30.0  # how much later the platform refuses them
_FAILURES: Mapping[str, Outcome] = {
    "message_gone": NotSent(NotSentReason.MESSAGE_GONE),
    "place_gone": NotSent(NotSentReason.PLACE_GONE),
    "rate_limited": NotSent(NotSentReason.RATE_LIMITED, retry_after_s=2.0),
    "expired": NotSent(NotSentReason.EXPIRED),
    "rate_limited_long": NotSent(NotSentReason.RATE_LIMITED, retry_after_s=280.0),
    "archived": NotSent(NotSentReason.ARCHIVED),
    "rejected": NotSent(NotSentReason.REJECTED),
    "unavailable": NotSent(NotSentReason.UNAVAILABLE),
    "unknown_not_taken": Unknown("time-out"),
}


class FakeRenderer:
    """Markdown as it is, in code points."""

    formatted = True

    def __init__(self, page_units: int = 2_000) -> None:
        self.page_units = page_units

    def render(self, markdown: str) -> Rendered:
        text = markdown.strip()
        return Rendered(text, fill=len(text) / self.page_units)

    def maths(self, latex: str) -> str | None:
        return None


def reasoning_above(page: Rendered, line: str) -> Rendered:
    return replace(
        page, text=f"({line})\n{page.text}", fill=page.fill * (1 + (len(line) + 3) / len(page.text))
    )


@dataclass
class FakeMessage:
    id: str
    content: MessageContent
    reply_to: MessageRef | None
    history: list[str] = field(default_factory=list)


class FakeSurface:
    """Keeps what stands where, when each call came, and what the next calls shall answer."""

    account = "fake:1"
    address = ""

    def __init__(
        self,
        clock: Clock,
        *,
        chat_id: str = "c1",
        kind: PlaceKind = PlaceKind.SHARED,
        page_units: int = 2_000,
        latency_s: float = 0.0,
        private_answers: bool = False,
        max_file_bytes: int = 1 << 20,
        limits: Mapping[str, tuple[RateLimit, ...]] = LIMITS,
        server: dict[BucketKey, deque[float]] | None = None,
        alternate: FakeSurface | None = None,
        ends_after_s: float | None = None,
        messages_left: int | None = None,
        draft_lasts_s: float | None = None,
        forms: bool = False,
        threads: bool = False,
    ) -> None:
        """With an `alternate` this is as an interaction: no nonces, an end, a bucket for all it does, and
        messages that both ways know, though this one edits only its own."""
        self.place = Place("fake", chat_id, kind, guild_id="g1" if threads else None)
        self.capabilities = Capabilities(
            renderer=FakeRenderer(page_units),
            rate_limits=limits,
            private_answers=private_answers,
            reasoning_above=reasoning_above,
            max_file_bytes=max_file_bytes,
            typing_lasts_s=10.0,
            draft_lasts_s=draft_lasts_s,
            nonces=alternate is None and draft_lasts_s is None,
        )
        self.alternate = alternate
        self.messages_left = messages_left
        self.ends_at = None if ends_after_s is None else clock.monotonic() + ends_after_s
        self.messages: dict[str, FakeMessage] = {} if alternate is None else alternate.messages
        self.may_send = self.says_so = self.knows_its_end = True
        self.drafts: list[tuple[float, int, MessageContent]] = []
        self.takes_drafts = True
        self.calls: list[tuple[float, OperationKind, str]] = []
        self.reactions: list[tuple[MessageRef, str]] = []
        self.typings = 0
        self.forms: list[Form] = []  # that were opened
        self.open_form = self._open_form if forms else None
        self.with_rights: Callable[[Person], Awaitable[Person]] | None = None
        self.hears_all: Callable[[], Awaitable[bool]] | None = None
        self.opened: list[tuple[str, MessageRef | None, FakeSurface]] = []  # threads below this place
        self.not_opened: deque[NotOpened] = deque()  # what the next ones become instead
        self.open_thread: OpenThread | None = self._open_thread if threads else None
        self.reading: Reading | None = None
        self.refused = 0
        self.failures: deque[str] = deque()
        self.permits_files = True
        self._clock = clock
        self._latency_s = latency_s
        self._limits = limits
        self._server: dict[BucketKey, deque[float]] = {} if server is None else server
        self._nonces: dict[str, str] = {}
        self.frozen: set[str] = set()  # messages that take no edit any more
        self.archived = False  # it takes no edits
        self._own: set[str] = set()
        self._numbers: Iterator[int] = itertools.count(1) if alternate is None else alternate._numbers

    @property
    def texts(self) -> list[str]:
        return [message.content.body.text for message in self.messages.values()]

    @property
    def pages(self) -> list[str | FileContent]:
        """What the messages stand for: their text, or the file that they carry."""
        return [message.content.file or message.content.body.text for message in self.messages.values()]

    def buckets(self, kind: OperationKind) -> tuple[BucketKey, ...] | None:
        if self.knows_its_end and self._is_past(AFTER_END_S):
            return None
        if kind is OperationKind.SEND and self.says_so and not self.may_send:
            return None
        if "interaction" in self._limits:
            return (BucketKey("interaction", self.place.chat_id),)
        if kind is OperationKind.TYPING:
            return (BucketKey("account"),)
        return BucketKey("account"), BucketKey(kind.value, self.place.chat_id)

    async def send(self, content: MessageContent, reply_to: MessageRef | None) -> Outcome:
        kind = OperationKind.DRAFT if content.draft_id else OperationKind.SEND
        return await self._call(kind, None, content, reply_to)

    async def edit(self, message_id: str, content: MessageContent) -> Outcome:
        return await self._call(OperationKind.EDIT, message_id, content, None)

    async def delete(self, message_id: str) -> Outcome:
        self.calls.append((self._clock.monotonic(), OperationKind.DELETE, message_id))
        if self.failures and (refusal := _FAILURES.get(self.failures.popleft())):
            return refusal
        gone = self.messages.pop(message_id, None)
        return NotSent(NotSentReason.MESSAGE_GONE) if gone is None else Delivered(message_id)

    async def typing(self) -> None:
        self.typings += 1

    async def react(self, ref: MessageRef, emoji: str) -> None:
        self.reactions.append((ref, emoji))

    async def _open_thread(self, name: str, on: MessageRef | None) -> Opened | NotOpened:
        if self.not_opened:
            return self.not_opened.popleft()
        thread = FakeSurface(self._clock, chat_id=f"t{len(self.opened) + 1}", kind=PlaceKind.THREAD)
        thread.place = replace(thread.place, guild_id="g1", parent_id=self.place.chat_id)
        self.opened.append((name, on, thread))
        return Opened(thread, f"https://chat.example/{thread.place.chat_id}")

    async def _open_form(self, form: Form) -> Outcome:
        self.forms.append(form)
        return Delivered(form.data)

    async def _call(
        self,
        kind: OperationKind,
        message_id: str | None,
        content: MessageContent,
        reply_to: MessageRef | None,
    ) -> Outcome:
        """Half of the latency there, half of it back."""
        await self._clock.sleep_until(self._clock.monotonic() + self._latency_s / 2)
        outcome = self._take(kind, message_id, content, reply_to)
        await self._clock.sleep_until(self._clock.monotonic() + self._latency_s / 2)
        return outcome

    def _take(
        self,
        kind: OperationKind,
        message_id: str | None,
        content: MessageContent,
        reply_to: MessageRef | None,
    ) -> Outcome:
        self.calls.append((self._clock.monotonic(), kind, content.body.text))
        failure = self.failures.popleft() if self.failures else ""
        if (refusal := _FAILURES.get(failure) or self._refusal(kind)) is not None:
            return refusal
        if failure == "frozen" and message_id is not None:
            self.frozen.add(message_id)
        if message_id in self.frozen:
            return NotSent(NotSentReason.FROZEN)
        if content.keeps_text and message_id in self.messages:
            stands = self.messages[message_id].content
            content = replace(stands, buttons=content.buttons, panel=content.panel)
        assert content.body.fill <= 1.0, "a page over the limit"
        assert content.body.text or content.keeps_text, "an empty message"
        if content.file is not None:
            assert len(content.body.text) <= 1_024, "too much text beside a file"
            assert 0 < len(content.file.data) <= self.capabilities.max_file_bytes, "a file over the limit"
            if not self.permits_files:
                return NotSent(NotSentReason.REJECTED)
        if kind is OperationKind.DRAFT:
            self.drafts.append((self._clock.monotonic(), content.draft_id, content))
            return Unknown("time-out") if failure == "unknown_taken" else Delivered("")
        if message_id is None:
            message_id = self._nonces.get(content.nonce) or f"m{next(self._numbers)}"
            self._own.add(message_id)
            if message_id not in self.messages:
                self.messages[message_id] = FakeMessage(message_id, content, reply_to, [content.body.text])
                if content.nonce and self.capabilities.nonces:
                    self._nonces[content.nonce] = message_id
        elif message_id not in self.messages:
            return NotSent(NotSentReason.MESSAGE_GONE)
        else:
            assert self.alternate is None or message_id in self._own, "an edit of what went another way"
            self.messages[message_id].content = content
            self.messages[message_id].history.append(content.body.text)
        return Unknown("time-out") if failure == "unknown_taken" else Delivered(message_id)

    def _refusal(self, kind: OperationKind) -> Outcome | None:
        if retry_after := self._over_limit(kind):
            self.refused += 1
            return NotSent(NotSentReason.RATE_LIMITED, retry_after_s=retry_after)
        if kind is OperationKind.DRAFT and not self.takes_drafts:
            return NotSent(NotSentReason.REJECTED)
        if kind is OperationKind.EDIT and self.archived:
            return _FAILURES["archived"]
        if self._is_past(AFTER_END_S + LATE_S):
            return NotSent(NotSentReason.EXPIRED)
        full = self.messages_left is not None and len(self.messages) >= self.messages_left
        if kind is OperationKind.SEND and (full or not self.may_send):
            return NotSent(NotSentReason.PLACE_GONE)
        return None

    def _is_past(self, seconds: float) -> bool:
        return self.ends_at is not None and self._clock.monotonic() >= self.ends_at + seconds

    def _over_limit(self, kind: OperationKind) -> float:
        """The limits as a platform keeps them: fixed windows that begin with their first request."""
        now = self._clock.monotonic()
        for key in self.buckets(kind) or ():
            for limit in self._limits.get(key.family, ()):
                window = self._server.setdefault(BucketKey(f"{key.family}/{limit.per_s}", key.id), deque())
                if window and now >= window[0] + limit.per_s:
                    window.clear()
                if len(window) >= limit.count:
                    return window[0] + limit.per_s - now
                window.append(now)
        return 0.0


class FakePress(FakeSurface):
    """The surface of a press on a button in `channel`: what is private is told to whoever pressed, and all
    else goes to the channel itself."""

    def __init__(self, clock: Clock, channel: FakeSurface) -> None:
        place = channel.place
        super().__init__(clock, chat_id=place.chat_id, kind=place.kind)
        self.capabilities = replace(channel.capabilities, private_answers=True, private_lines_pass=True)
        self.channel = channel
        self.told: list[str] = []

    async def send(self, content: MessageContent, reply_to: MessageRef | None) -> Outcome:
        if not content.private:
            return await self.channel.send(content, reply_to)
        self.told.append(content.body.text)
        return Delivered("told")

    async def edit(self, message_id: str, content: MessageContent) -> Outcome:
        return await self.channel.edit(message_id, content)

    async def delete(self, message_id: str) -> Outcome:
        return await self.channel.delete(message_id)
