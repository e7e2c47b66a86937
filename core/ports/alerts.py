"""What whoever runs the bot has to hear of: one call when something is wrong, one when it is well again."""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import Protocol

from core.catalogue import say

log = logging.getLogger(__name__)


class Cause(StrEnum):
    """What is wrong. The catalogue has words for each: `alert.<value>`, with what `about` and `why` say."""

    STORE = "store"  # why: the StoreError
    JOURNAL = "journal"  # why: the StoreError
    PROVIDER = "provider"  # about: a provider that cannot be reached
    CREDIT = "credit"  # about: a provider whose account is used up
    KEY = "key"  # about: a provider that refuses the key
    PLATFORM = "platform"  # about: `Platform.name`; why: the PlatformError
    POLLER = "poller"  # about: `Platform.name`; another program takes its events
    BANNED = "banned"  # about: `Platform.name`; why: seconds in which nothing goes there
    FILE = "file"  # about: one that cannot be written; why: the system's words
    DISK = "disk"  # about: a folder; why: MB that are left
    CLOCK = "clock"  # why: seconds by which the wall clock jumped
    GIVEN_UP = (
        "given_up"  # about: an account; why: which turn or event, that killed each process that began it
    )
    UNREADABLE = "unreadable"  # about: an account; why: a turn that another version has kept
    LOOP = "loop"  # why: seconds for which the event loop stood still


class Alerts(Protocol):
    """Both return at once, never raise, and may be called as often as it happens, from the event loop."""

    def raise_(self, cause: Cause, *, about: str = "", why: str | float = "") -> None:
        """Something is wrong. `about` tells apart what one cause can be about; neither holds a secret, text
        of a chat, or what a stranger can choose."""

    def clear(self, cause: Cause, *, about: str = "") -> None:
        """It is well (again). Nothing happens where it always was."""


class NoAlerts:
    """`Alerts` for whoever tells of it in another way."""

    def raise_(self, cause: Cause, *, about: str = "", why: str | float = "") -> None: ...

    def clear(self, cause: Cause, *, about: str = "") -> None: ...


class LoggedAlerts:
    """`Alerts` for whoever is given none: a line when something begins, and one when it is over."""

    def __init__(self) -> None:
        self._raised: set[tuple[Cause, str]] = set()

    def raise_(self, cause: Cause, *, about: str = "", why: str | float = "") -> None:
        if (cause, about) not in self._raised:
            self._raised.add((cause, about))
            values = {"about": about, "why": why}
            log.error("%s", say(f"alert.{cause}", None, **values))

    def clear(self, cause: Cause, *, about: str = "") -> None:
        if (cause, about) in self._raised:
            self._raised.remove((cause, about))
            log.warning("over: %s %s", cause, about)
