"""Data of buttons that only this bot can have made, and only for the chat where they stand.

A platform gives back what a client sends, and a client can send anything. What stands in a button is
therefore signed, with a key that outlives the process: buttons work after a restart.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final

from core.messages import Place

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

    def sign(self, data: str, place: Place) -> str:
        """`data`, for a button that stands in this place. At most LONGEST bytes, else ValueError."""
        signed = f"{data}.{self._mac(data, place)}"
        if len(signed.encode()) > LONGEST:
            raise ValueError(f"{data!r} is too long for a button")
        return signed

    def read(self, signed: str, place: Place) -> str | None:
        """What was signed for this place; None for anything else."""
        data, _, mac = signed.rpartition(".")
        valid = hmac.compare_digest(mac.encode(errors="replace"), self._mac(data, place).encode())
        return data if valid else None

    def _mac(self, data: str, place: Place) -> str:
        # The chat, not the topic: Telegram does not say in which one an old message stands.
        signed = f"{place.platform}:{place.chat_id}\n{data}".encode(errors="replace")
        mac = hmac.new(self._key, signed, hashlib.sha256).digest()[:_MAC_BYTES]
        return base64.urlsafe_b64encode(mac).decode()
