"""One answer on one surface: what of it stands there, and what it wants next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from core.streaming.answer import Answer
from core.streaming.contents import Contents
from core.streaming.doubt import Doubt
from core.streaming.figures import Figures, FreshnessMeter
from core.streaming.meters import NEVER
from core.streaming.operations import Button, MessageContent, NotSentReason, OperationKind
from core.streaming.overwritten import Overwritten
from core.streaming.pages import Frame, Pages
from core.streaming.view_settings import Standing, ViewSettings
from core.streaming.wants import FIRST_CHARS, FIRST_WAIT_S, Priority, Want, is_enough, preview
from core.streaming.ways import Ways

STOP_AFTER_S: Final = 1.0
"""An answer that streams for longer carries a Stop button, from its next edit on."""
STOP_ALONE_S: Final = 3.0
"""If there was no edit by then, there is one for the button's sake: it spends a request and shows no text."""
MIN_GAP_S: Final = 0.3
"""Between two previews of one message: a reader sees no more."""
LOOK_AGAIN_S: Final = 0.1
"""After a look that found nothing new to show (a link that is held back): each look renders a page."""
DRAFT_SHARE: Final = 0.75
"""Of a draft's life is gone when it is shown again."""
FROZEN_MOST: Final = 3
"""So many messages that took no edit, and the rest is sent when it is whole: each edit would be one more."""
STATUS_EVERY_S: Final = 3.0
"""How often the words beside a file that still grows say how long it is: they show nothing of the text."""
NONCE_TAIL: Final = 4
"""Characters of a message's id, which tell a page that is shown anew from what takes no edit any more."""
_WITHOUT_TEXT: Final = {OperationKind.TYPING, OperationKind.DELETE}


@dataclass(frozen=True, slots=True)
class Update:
    """One step that a view is ready to take: post, edit or delete a message, or show typing."""

    kind: OperationKind
    message_id: str | None = None
    content: MessageContent | None = None
    frame: Frame | None = None  # None: it shows nothing more of the answer


class View:
    """The state of one answer on one surface. `want` is cheap; `update` renders."""

    def __init__(self, answer: Answer, settings: ViewSettings, now: float) -> None:
        self.answer = answer
        self.settings = settings
        self.ways = Ways(settings.ways)
        self.messages: list[str] = []
        self.lost: NotSentReason | None = None
        self.error: Exception | None = None  # why it broke, for the log
        self.done = False
        self.in_flight = False
        self.not_before = now
        self.failures = 0
        self._last_at = 0.0  # when it was last granted something
        self.meter = FreshnessMeter(now)
        self._pages = Pages(settings.renderer, settings.files, settings.limit)
        self._message: str | None = None  # the current page's
        self._seen: Frame | None = None  # what it certainly showed last
        self._frozen = 0  # messages that took no edit
        self._anew = ""  # the current page is another message's than the one that ends so: its nonce tells
        self._standing: MessageContent | None = None  # what it shows; None: not known
        self._first_delta_at: float | None = None
        self._seen_length = -1  # of the answer, when a frame was made of it
        self._awaiting: int | None = None  # how long the answer was when a preview began to wait for more
        self._begun = False  # the first text was about to be shown
        self._contents = Contents(settings)
        self._doubt = Doubt()
        self._typing_until = now
        self._draft = settings.draft
        self._draft_until = 0.0  # the one that stands is to be shown again by then
        self._page_over = False  # what was a draft is to be sent
        self.marked = False  # it is lost, and what stands there says so
        self._given_up: NotSentReason | None = None  # nothing more of the text goes, but for such a message
        ours = {page.message_id for page in settings.standing}
        self._overwritten = Overwritten(one for one in settings.over if one not in ours)
        self._replaces = False  # the current message was one of them
        self._reader = object()  # the view itself would close a circle, which only a full collection parts
        answer.shown(self._reader, 0)
        for page, below in zip(settings.standing, (*settings.standing[1:], None), strict=False):
            self._go_on(page, below)

    def _go_on(self, page: Standing, below: Standing | None) -> None:
        """From where another process was. Whether its last page was taken as it is is not known."""
        if page.message_id is not None:
            self.messages.append(page.message_id)
            self._message = page.message_id
        if page.message_id is not None or below is None:
            self.ways.sent(min(page.way, len(self.settings.ways) - 1), known=page.message_id is not None)
        if below is not None:  # which begins before `page.end` where that was refused (`frozen`)
            self._accept(self._pages.closed_at(self.answer, below.start))
            return
        way = min(page.way, len(self.settings.ways) - 1)
        gives_up = False
        if page.message_id is None and self.ways.is_exact(way, self.page):
            self._doubt.sent_elsewhere()
        elif page.message_id is None:
            gives_up = not self._doubt.unheard_elsewhere(page.unheard)
        if page.closed and not page.file and page.end < self.answer.length:
            self._doubt.frame = self._pages.closed_at(self.answer, page.end)
        else:
            self._pages.shown_to(self.answer, page.end)
        self.answer.shown(self._reader, self._pages.visible)
        if gives_up:
            self.give_up(NotSentReason.UNAVAILABLE)

    @property
    def over(self) -> bool:
        return self.done or self.lost is not None

    @property
    def page(self) -> int:
        return self._pages.page

    def figures(self, now: float) -> Figures:
        return self.meter.figures(self.answer, self._pages.visible, now, done=self.over)

    def count(self, kind: OperationKind) -> None:
        self.meter.sends += kind is OperationKind.SEND
        self.meter.edits += kind in {OperationKind.EDIT, OperationKind.DRAFT}

    def pauses_at(self, now: float) -> float | None:
        """From when on the model pauses if it says nothing more, where that changes what this view wants."""
        quiet_at = self.answer.quiet_at
        waits = self._previewed and self._pages.visible < self.answer.length and not self.answer.ended
        return quiet_at if waits and quiet_at is not None and quiet_at > now else None

    @property
    def _previewed(self) -> bool:
        """Whether something of the current page can be seen."""
        return self._message is not None or (self._draft is not None and self._standing is not None)

    def want(self, now: float) -> Want | None:
        """What should happen next, if anything. Looks at no text but for a page's start, and for a line's end
        in what a held table has got."""
        if self.over or self.in_flight:
            return None
        if self._given_up is not None or self._overwritten.clearing:
            kind = OperationKind.DELETE if self._given_up is None else OperationKind.SEND
            return Want(kind, Priority.FINAL, self.not_before, self._last_at)
        self._first_delta_at = self._first_delta_at or self.answer.produced_at(0)
        if self.answer.ended or self._page_over:
            # The pages of a long answer take turns with the others' first texts and endings.
            since = max(self.answer.ended_at or 0.0, self._last_at)
            if self._message is None:
                return Want(self._begins_with(), Priority.SEND, self.not_before, since)
            return Want(OperationKind.EDIT, Priority.FINAL, self.not_before, since)
        hidden_since = self.answer.produced_at(self._pages.visible)
        since = now if hidden_since is None else hidden_since
        if self._previewed:
            return self._want_preview(since, now)
        send = None if self.settings.whole else self._want_send(since)
        return send or self._want_typing(now)

    def _want_preview(self, since: float, now: float) -> Want | None:
        """More text, the Stop button, or a draft again before it is gone."""
        pausing, at = self._pausing(now), self.not_before
        more = self._standing is None or (self._has_grown and self._pages.visible < self.answer.length)
        due_at = -NEVER if more else self._due_again_at()
        if due_at == NEVER:
            return None
        if self._pages.file_grows(self.answer):
            at = since = max(at, self._last_at + STATUS_EVERY_S)
        since, at = since if more else max(due_at, self._last_at), max(at, due_at)
        # However late this look is: a delta was awaited, and it came.
        waits = more and self._awaiting in {None, self.answer.length}
        fuller_at = self.answer.fuller_at(now) if waits else now
        kind = OperationKind.EDIT if self._message else OperationKind.DRAFT
        return preview(kind, at, since, edits=self.meter.edits, pausing=pausing, fuller_at=fuller_at)

    def _due_again_at(self) -> float:
        """When the Stop button, or a draft that stands, is to be shown; NEVER: not at all."""
        stop_at = None if self._standing and self._standing.buttons else self._stop_at(STOP_ALONE_S)
        return min(NEVER if stop_at is None else stop_at, NEVER if self._message else self._draft_until)

    @property
    def _has_grown(self) -> bool:
        """Whether a frame may show more than the last one did."""
        seen = self._seen_length
        return seen != self.answer.length and (seen < 0 or not self._pages.holds(self.answer, seen))

    def await_delta(self) -> None:
        """A preview could go, and waits for the next delta: for one, and no longer than `fuller_at`."""
        if self._awaiting is None:
            self._awaiting = self.answer.length

    def _pausing(self, now: float) -> bool:
        """Whether the model says nothing at the moment."""
        quiet_at = self.answer.quiet_at
        return quiet_at is not None and now >= quiet_at

    def _want_send(self, since: float) -> Want | None:
        if self._first_delta_at is None or self.answer.length == self._pages.start or not self._has_grown:
            return None
        head = self.answer.slice(self._pages.start, self._pages.start + 4 * FIRST_CHARS)
        ready = not self.settings.paced or is_enough(head)
        page_began = self.answer.produced_at(self._pages.start + len(head) - len(head.lstrip()))
        waited = (self._first_delta_at if page_began is None else page_began) + FIRST_WAIT_S
        at = self.not_before if ready else max(waited, self.not_before)
        kind = self._begins_with() if self._draft is None else OperationKind.DRAFT
        return Want(kind, Priority.SEND, at, since)

    def _begins_with(self) -> OperationKind:
        """How a page becomes a message."""
        return OperationKind.EDIT if self._overwritten.next else OperationKind.SEND

    def _want_typing(self, now: float) -> Want | None:
        if self.settings.typing_lasts_s is None or self.messages or self.settings.private:
            return None
        return Want(OperationKind.TYPING, Priority.TYPING, self._typing_until, now)

    def _stop_at(self, after_s: float) -> float | None:
        if self.settings.stop is None or self._first_delta_at is None:
            return None
        return self._first_delta_at + after_s

    def update(self, now: float, way: int) -> Update | None:
        """The newest state to bring to the platform, by this way; None when it would change nothing there."""
        want = self.want(now)
        if want is not None and (self._given_up is not None or want.kind in _WITHOUT_TEXT):
            return self._without_text(want.kind, now, way)
        drafting = want is not None and want.kind is OperationKind.DRAFT
        editing = self._message is not None
        self._awaiting = None
        self._begin()
        while True:
            frame = self._doubt.frame or self._pages.frame(self.answer, ends=not self._doubt.unended)
            self._seen_length = self.answer.length
            content = self._content(frame, now, way, drafting=drafting)
            if drafting and frame.body.text:
                if frame.closed:  # it goes as a message, which draws from other buckets
                    self._page_over = True
                    return None
                if content != self._standing or now >= self._draft_until:
                    return Update(OperationKind.DRAFT, None, content, frame)
            elif self._message is None and (
                frame.body.text or (content.keeps_text and self._overwritten.next)
            ):
                return Update(self._begins_with(), self._overwritten.next, content, frame)
            if self._message is not None and content != self._standing:
                return Update(OperationKind.EDIT, self._message, content, frame)
            if self._message is not None or frame.closed:  # it stands already, or is blank
                self._accept(frame)
            if self.over or not frame.closed:
                self.not_before = max(self.not_before, now + LOOK_AGAIN_S)
            # What is next has other buckets.
            if self.over or self._overwritten.clearing or not frame.closed or editing:
                return None

    def _without_text(self, kind: OperationKind, now: float, way: int) -> Update:
        """An update that shows nothing new of the answer."""
        if kind is OperationKind.SEND:
            in_place = self._message is None and not self.page and self.settings.ways[way].first_in_place
            frame = self._pages.marked(self.answer, self.settings.broken, bare=not in_place)
            return Update(kind, None, self._contents.broken_off(frame))
        if kind is OperationKind.TYPING:
            self._typing_until = now + (self.settings.typing_lasts_s or 0.0) * 0.8
        return Update(kind, self._overwritten.next if self._overwritten.clearing else None)

    def _begin(self) -> None:
        """With the first text it is settled what stands above it."""
        reasoning = self.settings.reasoning
        text = self.answer.ended or self.answer.slice(0, 4 * FIRST_CHARS).strip()
        if self._begun or reasoning is None or not text:
            return
        self._begun = True
        if line := reasoning.line(self.answer.reasoning, self.settings.renderer.page_units):
            self._pages.above = lambda body: reasoning.above(body, line)

    def _content(self, frame: Frame, now: float, way: int, *, drafting: bool) -> MessageContent:
        overwriting = self._overwritten.next is not None
        sending = self._message is None and not overwriting and not drafting
        may_stop = not sending or self.ways.is_exact(way, frame.page)
        return self._contents.of(
            frame,
            self._buttons(frame, now, may_stop=may_stop),
            anew=self._anew,
            draft_id=self._draft.id if self._draft and drafting else 0,
            replaces=overwriting if self._message is None else self._replaces,
        )

    def _buttons(self, frame: Frame, now: float, *, may_stop: bool) -> tuple[Button, ...]:
        """`may_stop`: not where nobody may ever learn which message it is, to take the button away."""
        if frame.last:
            return self.answer.buttons  # none yet where it is cut
        stop_at = self._stop_at(STOP_AFTER_S)
        if not may_stop or frame.closed or self.settings.stop is None or stop_at is None or now < stop_at:
            return ()
        return (self.settings.stop,)

    def started(self, update: Update, now: float) -> None:
        if update.kind is OperationKind.TYPING:  # the text does not wait for it
            return
        self.in_flight, self._last_at = True, now
        if self.settings.paced:
            self.not_before = now + MIN_GAP_S

    def delivered(self, update: Update, message_id: str, now: float) -> None:
        """The platform took the update, or an older try of the same send."""
        self.in_flight, self.failures = False, 0
        if update.kind is OperationKind.DELETE:
            self.gone()
        if self._given_up is not None:
            self.messages.append(message_id)
            self.marked = True
            self.lose(self._given_up)
        if update.frame is None:
            return
        if update.kind is OperationKind.DRAFT:
            self._drafted(update.content, update.frame, now)
            return
        if self._message is None:
            self._doubt.message_known()
            self.messages.append(message_id)
            self._replaces = self._overwritten.taken()
        self._message, self._page_over = message_id, False
        self.meter.visible(self.answer, self._pages.visible, now)
        if not self._doubt.resolved(update.content):
            self._standing, self._seen_length = None, -1
            return
        self._standing, self._seen = update.content, update.frame
        self._accept(update.frame)

    def _drafted(self, content: MessageContent | None, frame: Frame, now: float) -> None:
        self.meter.visible(self.answer, self._pages.visible, now)
        self._standing = content
        if self._draft is not None:
            self._draft_until = self._last_at + DRAFT_SHARE * self._draft.lasts_s
        self._accept(frame)

    def no_drafts(self) -> None:
        """The platform takes none: from here on, this answer is messages and edits of them."""
        self._draft, self._standing, self.failures = None, None, 0
        self._as_before()

    def _accept(self, frame: Frame) -> None:
        self._pages.accept(frame)
        self.answer.shown(self._reader, self._pages.visible)
        if frame.cut:
            self.marked = True
            self.lose(NotSentReason.FULL)
        elif frame.last:
            self.done = self._overwritten.all_shown()
        elif frame.closed:
            self._begin_page()

    def _begin_page(self) -> None:
        self._message = self._standing = self._seen = None
        self._anew = ""
        self._seen_length, self._page_over = -1, False
        self.not_before = 0.0  # the next page need not wait

    def unknown(self, update: Update, retry_at: float, way: int) -> None:
        """It may stand or not: the same message again, and never less than it may already show."""
        self._try_again(retry_at)
        self._standing = None
        frame, once = update.frame, self.ways.is_exact(way, self.page)
        if update.kind is OperationKind.SEND and not self._doubt.sent(frame, update.content, once=once):
            self.give_up(NotSentReason.UNAVAILABLE)
            return
        if frame is None:
            return
        if update.kind is OperationKind.SEND and not once and self._pages.one_fewer() and not frame.last:
            frame = replace(frame, closed=False)  # it is no page of several any more
        if frame.closed:
            self._doubt.frame = frame
        else:
            self._pages.accept(frame)
            self.answer.shown(self._reader, self._pages.visible)

    def not_sent(self, retry_at: float) -> None:
        self._try_again(retry_at)

    def gone(self, *, stands: bool = False) -> None:
        """The next of the messages that stood there cannot be taken: go on with the one behind it, or send.
        `stands`: it is still there, and goes when all is shown."""
        self._as_before()
        self.done = self._overwritten.gone(stands=stands and not self.settings.keeps_text)

    def frozen(self, reason: NotSentReason) -> None:
        """The current message stands and takes no edit: what it may not show yet goes into a new one. To open
        again a place that was archived is worth it for what is new alone."""
        if self._seen is None and reason is NotSentReason.ARCHIVED:
            self.lose(reason)
            return
        self.in_flight, self._doubt.frame = False, None
        self._pages.leave(self._seen)
        self.answer.shown(self._reader, self._pages.visible)
        anew = (self._message or "")[-NONCE_TAIL:] if self._seen is None else ""
        self._begin_page()
        self._anew = anew
        self._replaces = False
        self._frozen += 1
        if self._frozen >= FROZEN_MOST:
            self.settings = replace(self.settings, whole=True)

    def takes_over(self, update: Update) -> bool:
        """Whether an update was to make this view's own what stood there, or to take that away."""
        return update.message_id is not None and update.message_id == self._overwritten.next

    @property
    def plain(self) -> bool:
        """Whether it shows plain text, since its formatting was refused."""
        return self._contents.plain

    def rejected(self, update: Update, way: int) -> None:
        """The platform refuses the payload: once more without a file or as plain text, then not this way."""
        if update.frame is not None and update.frame.file is not None:
            self._pages.keep_to_pages()
            self._doubt.frame = None
        elif update.content is not None and update.content.file is not None:
            self._contents.bare = True
        elif self.plain and self.ways.another(way, update.kind, self.page):
            self.shut(way, update.kind, NotSentReason.REJECTED)
        elif self.plain:
            self.give_up(NotSentReason.REJECTED)
        else:
            self._contents.plain = True
        self._try_again(self.not_before)

    def shut(self, way: int, kind: OperationKind, reason: NotSentReason) -> None:
        """A way refused for good: go on with another, if there is one for what is next."""
        if reason is NotSentReason.EXPIRED:
            self.ways.end(way)
        else:
            self.ways.close(way, kind)
        if self.ways.open(kind, self.page):
            self._as_before()
        else:
            self.lose(reason)

    def refused(self, update: Update, retry_after_s: float | None) -> None:
        """Nothing was taken; the newest state goes when a way grants it. A draft that has to wait for longer
        than it would last hides the text: a message does not."""
        wait_s = retry_after_s or 0.0
        if update.kind is OperationKind.DRAFT and self._draft is not None and wait_s > self._draft.lasts_s:
            self.no_drafts()
        self._as_before()

    def _as_before(self) -> None:
        self.in_flight = False
        self._seen_length = -1

    def give_up(self, reason: NotSentReason) -> None:
        """No more of the text can go. A message below what stands says so, as its one ending mark: but not
        where an ending may be all that stands."""
        if (
            self._given_up is not None
            or not self.settings.broken
            or (self._doubt.ended and not self.messages)
        ):
            self.lose(reason)
            return
        self._given_up, self._doubt, self.failures = reason, Doubt(), 0
        self._as_before()
        self.answer.shown(self._reader, self.answer.length)

    def broke(self, error: Exception) -> None:
        """It cannot be shown: a bug, which is not to take other answers with it."""
        self.error = error
        self.lose(NotSentReason.REJECTED)

    def lose(self, reason: NotSentReason) -> None:
        self.in_flight = False
        self.lost = reason
        self.answer.shown(self._reader, self.answer.length)

    def _try_again(self, at: float) -> None:
        self.in_flight = False
        self.failures += 1
        self.not_before = max(self.not_before, at)
        self._seen_length = -1
