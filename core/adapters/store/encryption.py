"""How a value is sealed: AES-256-GCM under a key, bound to where it stands.

An envelope is one byte of version, 8 of the key's id, 12 of nonce, then the ciphertext with its tag of 16.
The associated data are the envelope's head, the table, the row and the column: a value moved to another row
does not open. Nonces are random, which is sound for 2³² values under one key.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION: Final = 1
_ID: Final = slice(1, 9)
_NONCE: Final = slice(9, 21)
SECRET_BYTES: Final = 32


class SealError(Exception):
    """It does not open: another key, another place, or not what was written."""


class Key:
    """A key and its name. It shows neither its secret nor anything made from it."""

    __slots__ = ("_aead", "id", "secret")

    def __init__(self, key_id: str, secret: bytes) -> None:
        """`key_id`: 16 hexadecimal digits. Raises ValueError for a secret of another size."""
        if len(secret) != SECRET_BYTES:
            raise ValueError("a key has 32 bytes")
        self.id = key_id
        self.secret = secret
        self._aead = AESGCM(secret)

    @classmethod
    def new(cls) -> Key:
        return cls(os.urandom(8).hex(), os.urandom(SECRET_BYTES))

    def __repr__(self) -> str:
        return f"Key({self.id})"

    def seal(self, plain: bytes, *where: str) -> bytes:
        """`where`: table, ids of the row, column."""
        head = bytes([_VERSION]) + bytes.fromhex(self.id)
        nonce = os.urandom(12)
        return head + nonce + self._aead.encrypt(nonce, plain, _bound_to(head, where))

    def open(self, sealed: bytes, *where: str) -> bytes:
        """What `seal` was given for the same place. Raises SealError."""
        head = sealed[: _ID.stop]
        if key_id_of(sealed) != self.id:
            raise SealError("sealed with another key")
        try:
            return self._aead.decrypt(sealed[_NONCE], sealed[_NONCE.stop :], _bound_to(head, where))
        except (InvalidTag, ValueError):
            raise SealError("not what was written there") from None


def key_id_of(sealed: bytes) -> str:
    """Whose key opens it. Raises SealError for what is no envelope of a version that is known."""
    if len(sealed) < _NONCE.stop or sealed[0] != _VERSION:
        raise SealError("no envelope of a known version")
    return sealed[_ID].hex()


def packed(**fields: str) -> bytes:
    """Several texts as one value. Lone surrogates, which a model's JSON can hold, are kept."""
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass")


def unpacked(value: bytes) -> Mapping[str, str]:
    fields: dict[str, str] = json.loads(value.decode("utf-8", "surrogatepass"))
    return fields


def _bound_to(head: bytes, where: tuple[str, ...]) -> bytes:
    return head + "".join(f"{len(part)}:{part}" for part in where).encode("utf-8", "surrogatepass")
