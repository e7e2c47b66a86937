"""Where a person opens a message: only supergroups have addresses for those who are in them."""

from __future__ import annotations

from typing import Final

from core.messages import MessageRef, Place

_SUPERGROUP: Final = "-100"
"""What stands before a supergroup's own number in the Bot API's ids."""


def link_of(_: Place, ref: MessageRef) -> str | None:
    """The address of a message or topic (core.telegram.org/api/links#message-links); None: it has none."""
    if not ref.chat_id.startswith(_SUPERGROUP):
        return None
    return f"https://t.me/c/{ref.chat_id.removeprefix(_SUPERGROUP)}/{ref.message_id}"
