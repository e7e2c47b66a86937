"""What a message of an answer carries: a page as it shall stand, and what goes with it."""

from __future__ import annotations

from dataclasses import replace

from core.streaming.operations import Button, MessageContent
from core.streaming.pages import Frame
from core.streaming.rendering import Rendered
from core.streaming.view_settings import ViewSettings


class Contents:
    """Of one view."""

    def __init__(self, settings: ViewSettings) -> None:
        self._settings = settings
        self.plain = False
        """Without formatting, which was refused."""
        self.bare = False
        """Without the foot's file, which was."""

    def of(
        self, frame: Frame, buttons: tuple[Button, ...], *, anew: str, draft_id: int, replaces: bool
    ) -> MessageContent:
        """`anew`: tells its nonce from that of another message with the same page; `draft_id`: 0 for a
        message; `replaces`: that message was another's before."""
        settings = self._settings
        foot = settings.foot if frame.last else None
        return MessageContent(
            self._body(frame),
            buttons=buttons,
            silent=frame.page > 0,
            private=settings.private,
            nonce=self._nonce(frame, anew),
            draft_id=draft_id,
            file=frame.file or (foot.file if foot and not self.bare else None),
            panel=foot.panel if foot else (),
            wants_reply=foot.wants_reply if foot else False,
            replaces=replaces,
            keeps_text=settings.keeps_text,
        )

    def broken_off(self, frame: Frame) -> MessageContent:
        """The mark alone, below all that stands."""
        return MessageContent(
            self._body(frame), private=self._settings.private, nonce=self._nonce(frame, "end")
        )

    def _body(self, frame: Frame) -> Rendered:
        body = frame.body
        if self.plain:
            body = replace(body, text=body.text if body.plain is None else body.plain, entities=())
        return body

    def _nonce(self, frame: Frame, tail: str) -> str:
        if not self._settings.nonce:
            return ""
        return f"{self._settings.nonce}.{frame.page}" + (f".{tail}" if tail else "")
