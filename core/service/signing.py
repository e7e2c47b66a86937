"""Data of controls that only this bot can have made, for one chat and whoever may press there.

A platform gives back what a client sends, and a client can send anything. So what stands in a control is
signed, with a key that outlives the process: it works after a restart. What only one person sees is signed
for them, too. Which message it stands under is not in the signature, since a message has no id before it is
sent: the platform says what stands under the one that was pressed (`ButtonPress.stands`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import replace
from typing import Final

from core.messages import Person, Place
from core.streaming.operations import Row, Select

LONGEST: Final = 64
"""Bytes of a button's data (core.telegram.org/bots/api#inlinekeyboardbutton; Discord takes 100)."""
KEY_BYTES: Final = 32
_MAC_BYTES: Final = 9  # 12 characters: whoever guesses has to press each guess


class Signer:
    """`key`: at least 16 random bytes. None: one that is gone with this process."""

    def __init__(self, key: bytes | None = None) -> None:
        if key is not None and len(key) < 16:
            raise ValueError("a key of fewer than 16 bytes can be guessed")
        self._key = key or secrets.token_bytes(KEY_BYTES)

    def sign(self, data: str, place: Place, person: Person | None = None) -> str:
        """`data`, for a control in this place; `person`: for their presses alone. At most LONGEST bytes, else
        ValueError."""
        signed = f"{data}.{self._mac(data, place, person)}"
        if len(signed.encode()) > LONGEST:
            raise ValueError(f"{data!r} is too long for a button")
        return signed

    def read(self, signed: str, place: Place, person: Person | None = None) -> str | None:
        """What was signed for this place and person, or for whoever is there; None for anything else."""
        data = signed.rpartition(".")[0]
        return data if self._is_by_us(signed, place, None) or self.is_for(person, signed, place) else None

    def is_for(self, person: Person | None, signed: str, place: Place) -> bool:
        """Whether it was signed for this person alone."""
        return person is not None and self._is_by_us(signed, place, person)

    def rows(self, rows: tuple[Row, ...], place: Place, person: Person | None = None) -> tuple[Row, ...]:
        """Controls with their data signed; the values of a select stand beside it, and are the platform's to
        compare with what was offered."""
        return tuple(
            replace(row, data=self.sign(row.data, place, person))
            if isinstance(row, Select)
            else tuple(replace(button, data=self.sign(button.data, place, person)) for button in row)
            for row in rows
        )

    def _is_by_us(self, signed: str, place: Place, person: Person | None) -> bool:
        data, _, mac = signed.rpartition(".")
        return hmac.compare_digest(mac.encode(errors="replace"), self._mac(data, place, person).encode())

    def _mac(self, data: str, place: Place, person: Person | None) -> str:
        # The chat, not the topic: Telegram does not say in which one an old message stands.
        whose = f" for {person}" if person is not None else ""
        signed = f"{place.platform}:{place.chat_id}{whose}\n{data}".encode(errors="replace")
        mac = hmac.new(self._key, signed, hashlib.sha256).digest()[:_MAC_BYTES]
        return base64.urlsafe_b64encode(mac).decode()
