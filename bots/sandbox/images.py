"""What a picture says of itself in its first bytes: only such a file is ever shown as one."""

from __future__ import annotations

from dataclasses import dataclass

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class Picture:
    """A picture's type and its size in pixels."""

    mime_type: str
    width: int
    height: int


def picture(content: bytes) -> Picture | None:
    """The picture that `content` is; None for anything else than PNG and JPEG."""
    if content.startswith(_PNG) and content[12:16] == b"IHDR":
        return Picture("image/png", _number(content[16:20]), _number(content[20:24]))
    if content.startswith(_JPEG):
        return _jpeg(content)
    return None


def _jpeg(content: bytes) -> Picture | None:
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        if content[at + 1] in _JPEG_SIZES:
            height, width = _number(content[at + 5 : at + 7]), _number(content[at + 7 : at + 9])
            return Picture("image/jpeg", width, height)
        at += 2 + _number(content[at + 2 : at + 4])
    return None


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")
