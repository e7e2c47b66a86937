"""Text as Telegram sees it: UTF-16 lengths, entities, and what a client adds to typed text.

Offsets and lengths are in UTF-16 code units everywhere, as in the Bot API.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from bots.sandbox.telegram.errors import bad_request

MAX_TEXT = 4096  # core.telegram.org/bots/api#sendmessage
MAX_CAPTION = 1024  # core.telegram.org/bots/api#senddocument
MAX_ENTITIES = 100  # core.telegram.org/api/entities: further ones are ignored

Entity = dict[str, Any]

_BARE = frozenset(
    [
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "spoiler",
        "code",
        "blockquote",
        "expandable_blockquote",
        "mention",
        "hashtag",
        "cashtag",
        "bot_command",
        "url",
        "email",
        "phone_number",
    ]
)
_WITH_FIELD = {"text_link": "url", "text_mention": "user", "custom_emoji": "custom_emoji_id"}
_OPAQUE = frozenset({"code", "pre", "text_link", "text_mention"})

_DETECTED = re.compile(
    r"(?P<bot_command>(?<![\w/])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/]))"
    r"|(?P<email>(?<![\w.])[\w.+-]+@[\w-]+(?:\.[A-Za-z]{2,})+)"
    r"|(?P<mention>(?<!\w)@[A-Za-z0-9_]{4,32}(?!\w))"
    r"|(?P<url>\bhttps?://[^\s<>\"]*[^\s<>\".,;:!?)\]}'])"
    r"|(?P<hashtag>(?<![\w#])#\w*[^\W\d_]\w*)"
)
# TDLib's clean_input_string: replaced by a space, or left out.
_TO_SPACE = frozenset(chr(c) for c in range(32)) - {"\n", "\r"}
_LEFT_OUT = frozenset("\r\u0333\u033f\u034a") | frozenset(chr(c) for c in range(0x2028, 0x202F))
_MAX_URL_LENGTH = 2048


def utf16_length(text: str) -> int:
    """Length of `text` in UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def utf16_slice(text: str, offset: int, length: int) -> str:
    """The part of `text` that an entity covers."""
    raw = text.encode("utf-16-le", "surrogatepass")
    return raw[2 * offset : 2 * (offset + length)].decode("utf-16-le", "replace")


def formatted(text: str, entities: object, *, limit: int) -> tuple[str, list[Entity]]:
    """What Telegram keeps of a text sent by a bot: cleaned, trimmed, its entities checked.

    Raises ApiError when an entity is wrong or the rest is longer than `limit` units. An empty
    result is for the caller to judge: a caption may be empty, a message may not.
    """
    boundaries, end = _boundaries(text), utf16_length(text)
    checked = [_checked(entity, boundaries, end) for entity in _listed(entities)]
    text, moved = _cleaned(text)
    kept = [
        {**entity, "offset": start, "length": end - start}
        for entity in checked
        if entity is not None
        for start in [moved[entity["offset"]]]
        for end in [moved[entity["offset"] + entity["length"]]]
        if end > start
    ]
    text, kept = _trimmed(text, kept)
    if utf16_length(text) > limit:
        raise bad_request("message is too long" if limit == MAX_TEXT else "message caption is too long")
    kept += _outside(detected(text), kept)
    kept.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return text, kept[:MAX_ENTITIES]


def detected(text: str) -> list[Entity]:
    """The entities that Telegram finds by itself: commands, mentions, addresses, hashtags."""
    return [
        {
            "type": match.lastgroup,
            "offset": utf16_length(text[: match.start()]),
            "length": utf16_length(match.group()),
        }
        for match in _DETECTED.finditer(text)
    ]


def split_by_client(text: str) -> list[str]:
    """`text` as the messages that a person's client makes of it, at most `MAX_TEXT` units each.

    Clients cut at a line's end, else at a space, where one stands in the second half.
    """
    parts = []
    while utf16_length(text) > MAX_TEXT:
        end = len(text.encode("utf-16-le")[: 2 * MAX_TEXT].decode("utf-16-le", "ignore"))
        for boundary in ("\n", " "):
            cut = text.rfind(boundary, end // 2, end)
            if cut > 0:
                end = cut
                break
        parts.append(text[:end].strip())
        text = text[end:]
    return [part for part in (*parts, text.strip()) if part]


def _listed(entities: object) -> list[Any]:
    if entities is None:
        return []
    if not isinstance(entities, list):
        raise bad_request("can't parse entities: expected an Array of MessageEntity")
    return entities


def _boundaries(text: str) -> set[int]:
    """The UTF-16 offsets at which a character begins, and the text's end."""
    offset = 0
    boundaries = {0}
    for character in text:
        offset += 2 if character > "\uffff" else 1
        boundaries.add(offset)
    return boundaries


def _checked(entity: object, boundaries: set[int], text_end: int) -> Entity | None:
    """The entity as far as Telegram keeps it, None when it drops it without a word."""
    if not isinstance(entity, dict):
        raise bad_request("can't parse MessageEntity: expected an Object")
    kind, offset, length = (entity.get(field) for field in ("type", "offset", "length"))
    if not isinstance(kind, str):
        raise bad_request('can\'t parse MessageEntity: field "type" must be of type String')
    if not isinstance(offset, int) or not isinstance(length, int):
        raise bad_request("can't parse MessageEntity: fields offset and length must be integers")
    if kind not in _BARE and kind not in _WITH_FIELD and kind != "pre":
        raise bad_request(f"can't parse MessageEntity: unsupported type {kind} specified")
    end = offset + length
    if offset < 0 or length < 0 or end > text_end:
        raise bad_request(
            f"entity beginning at UTF-16 offset {offset} ends after the end of the text"
            f" at UTF-16 offset {end}"
        )
    if offset not in boundaries or end not in boundaries:
        raise bad_request(
            f"entity beginning at UTF-16 offset {offset} begins or ends in a middle of a"
            f" UTF-16 symbol at UTF-16 offset {offset if offset not in boundaries else end}"
        )
    kept: Entity = {"type": kind, "offset": offset, "length": length}
    if kind == "pre" and entity.get("language"):
        kept["language"] = str(entity["language"])
    if kind in _WITH_FIELD:
        value = entity.get(_WITH_FIELD[kind])
        if not value or (kind == "text_link" and not _usable(str(value))):
            return None
        kept[_WITH_FIELD[kind]] = value
    return kept if length else None


def _usable(url: str) -> bool:
    """Whether a link leads anywhere: clients open http, https, tg and ton addresses only."""
    scheme, colon, rest = url.partition("://")
    host = (rest if colon else scheme).split("/")[0]
    known = not colon or scheme.lower() in {"http", "https", "tg", "ton"}
    return (
        known
        and (scheme.lower() == "tg" or "." in host or "localhost" in host)
        and (len(url) <= _MAX_URL_LENGTH)
    )


def _cleaned(text: str) -> tuple[str, list[int]]:
    """`text` without control characters, and where each of its old UTF-16 offsets went."""
    kept: list[str] = []
    moved = [0]
    offset = 0
    for character in text:
        width = 2 if character > "\uffff" else 1
        if character not in _LEFT_OUT:
            kept.append(" " if character in _TO_SPACE else character)
            offset += width
        moved += [offset] * width
    return "".join(kept), moved


def _trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Without white space at the end, nor before the first character or entity."""
    text = text.rstrip(" \n")
    end = utf16_length(text)
    first = min((entity["offset"] for entity in entities), default=end)
    blank = min(len(text) - len(text.lstrip(" \n")), first)
    kept = []
    for entity in entities:
        length = min(entity["offset"] + entity["length"], end) - entity["offset"]
        if length > 0:
            kept.append({**entity, "offset": entity["offset"] - blank, "length": length})
    return text[blank:], kept


def _outside(found: Iterable[Entity], given: list[Entity]) -> list[Entity]:
    """Those of `found` that lie in no code or link, and repeat none of `given`."""
    return [
        entity
        for entity in found
        if not any(
            other["offset"] < entity["offset"] + entity["length"]
            and entity["offset"] < other["offset"] + other["length"]
            and (other["type"] in _OPAQUE or other["type"] == entity["type"])
            for other in given
        )
    ]
