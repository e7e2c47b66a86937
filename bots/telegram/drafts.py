"""Drafts: previews in a private chat that are no messages (core.telegram.org/bots/api#sendmessagedraft).

Bot API 10.3 lets a person stop one: `can_stop` shows a button of Telegram's own, and a press on it comes as
the update `stopped_message_generation`, which names the draft. The library knows neither yet, so both go as
plain JSON. What is not documented, and was not tried against Telegram itself: how large a draft's id may be
(the driver keeps to 31 bits), and how many drafts a chat takes (its own bucket, learned from 429s).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

from bots.telegram.events import PLATFORM
from core.messages import ButtonPress, MessageRef, Person, Place, PlaceKind

DRAFT_S: Final = 30.0
"""A draft is "a temporary 30-second preview"."""
STOPPED: Final = "stopped_message_generation"
_REMEMBERED: Final = 10_000


class Drafts:
    """What the Stop button of each draft means to the core: Telegram gives only the draft's id back."""

    def __init__(self) -> None:
        self._buttons: OrderedDict[tuple[int, int], str] = OrderedDict()

    def shown(self, chat: int, draft: int, data: str) -> None:
        """A draft with a Stop button is about to be shown; `data` is the button's."""
        self._buttons[chat, draft] = data
        self._buttons.move_to_end((chat, draft))
        if len(self._buttons) > _REMEMBERED:
            self._buttons.popitem(last=False)

    def press(self, update: dict[str, Any]) -> ButtonPress | None:
        """The press in an update; None for a draft that is not known (any more).

        Raises LookupError, TypeError and ValueError for one of an unknown shape.
        """
        stopped = update[STOPPED]
        chat, draft = stopped["chat"], int(stopped["draft_id"])
        data = self._buttons.get((int(chat["id"]), draft))
        if data is None:
            return None
        topic = stopped.get("message_thread_id")
        place = Place(PLATFORM, str(chat["id"]), PlaceKind.PRIVATE, topic and str(topic))
        name = " ".join(filter(None, (chat.get("first_name"), chat.get("last_name"))))
        # A private chat has its person's id, and nobody else can press there.
        person = Person(PLATFORM, str(chat["id"]), name)
        ref = MessageRef(place.chat_id, "")
        return ButtonPress(str(update["update_id"]), place, person, ref, data, answers_itself=True)


def with_stop(can_stop: bool) -> dict[str, Any] | None:
    """The parameters of Bot API 10.3: what was written so far stays until the message comes."""
    return {"can_stop": True, "keep_on_stop": True} if can_stop else None
