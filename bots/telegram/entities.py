"""Telegram's entities over a text: where they may stand, and how they follow when the text is changed.

Offsets and lengths are in UTF-16 units, as Telegram counts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

MONOSPACED: Final = frozenset({"code", "pre"})


@dataclass(frozen=True, slots=True)
class Entity:
    """A MessageEntity; `offset` and `length` in UTF-16 units."""

    type: str
    offset: int
    length: int
    url: str | None = None
    language: str | None = None
    user_id: str = ""  # of a mention, which no renderer makes


def utf16_length(text: str) -> int:
    """Length in UTF-16 units, as Telegram counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def legal(entities: list[Entity]) -> list[Entity]:
    """In order and as Telegram allows them: each within or beside the others; no quote in a quote; code in
    nothing but quotes, and nothing in code (core.telegram.org/bots/api#messageentity). A link in code's
    place wins, else the code."""
    quotes: list[Entity] = []
    for quote in sorted((e for e in entities if e.type == "blockquote"), key=_outermost):
        if not quotes or quote.offset >= end_of(quotes[-1]):
            quotes.append(quote)
    links = apart([e for e in entities if e.type == "text_link"])
    code = apart([e for e in entities if e.type in MONOSPACED])
    code = [e for e in code if not overlapping(e, links)]
    styles = [e for e in entities if e.type not in {"blockquote", "text_link", *MONOSPACED}]
    parts = [part for style in styles for part in _without(style, code)]
    opened: list[Entity] = []
    kept: list[Entity] = []
    for entity in sorted([*quotes, *links, *code, *parts], key=_outermost):
        while opened and end_of(opened[-1]) <= entity.offset:
            opened.pop()
        cut = bool(opened) and end_of(opened[-1]) < end_of(entity)
        opened.append(replace(entity, length=end_of(opened[-1]) - entity.offset) if cut else entity)
        kept.append(opened[-1])
    return kept


def _outermost(entity: Entity) -> tuple[int, int, str]:
    return entity.offset, -entity.length, entity.type


def end_of(entity: Entity) -> int:
    """The offset behind it."""
    return entity.offset + entity.length


def apart(entities: list[Entity]) -> list[Entity]:
    """Without those that begin within another."""
    kept: list[Entity] = []
    for entity in sorted(entities, key=_outermost):
        if not kept or entity.offset >= end_of(kept[-1]):
            kept.append(entity)
    return kept


def overlapping(entity: Entity, others: list[Entity]) -> list[Entity]:
    """Those of `others`, which are in order and apart, that share a character with `entity`."""
    first = bisect_right(others, entity.offset, key=end_of)
    return others[first : bisect_left(others, end_of(entity), key=lambda other: other.offset)]


def _without(entity: Entity, holes: list[Entity]) -> Iterator[Entity]:
    """What of `entity` is outside of `holes`, in parts."""
    shared = overlapping(entity, holes)
    if not shared:
        yield entity
        return
    start = entity.offset
    for hole in shared:
        if hole.offset > start:
            yield replace(entity, offset=start, length=hole.offset - start)
        start = end_of(hole)
    if start < end_of(entity):
        yield replace(entity, offset=start, length=end_of(entity) - start)


def joined(
    before: str, entities: list[Entity], text: str, following: list[Entity]
) -> tuple[str, list[Entity]]:
    """One block behind others, with a blank line between them as the converter has it."""
    before += "\n" * (2 - len(before) + len(before.rstrip("\n")))
    moved = utf16_length(before)
    return before + text, [
        *entities,
        *(replace(entity, offset=entity.offset + moved) for entity in following),
    ]


def inserted(added: Sequence[tuple[int, str]], text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """The text with more put in at UTF-16 offsets, in order. Of the entities that end at one only a quote,
    which is whole lines, takes it in; one that begins there is moved behind it."""
    if not added:
        return text, entities
    encoded = text.encode("utf-16-le")
    parts: list[str] = []
    done = 0
    for offset, more in added:
        parts += [encoded[2 * done : 2 * offset].decode("utf-16-le"), more]
        done = offset
    parts.append(encoded[2 * done :].decode("utf-16-le"))
    places = [offset for offset, _ in added]
    sums = list(accumulate((utf16_length(more) for _, more in added), initial=0))
    result = []
    for entity in entities:
        start = entity.offset + sums[bisect_right(places, entity.offset)]
        place = bisect_right if entity.type == "blockquote" else bisect_left
        end = end_of(entity) + sums[place(places, end_of(entity))]
        result.append(replace(entity, offset=start, length=end - start))
    return "".join(parts), result


def trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Without outer white space; entities follow, and those that covered nothing else go.

    The indentation of code that a page begins with stays, as Telegram lets it stay.
    """
    text, entities = trimmed_left(text, entities)
    kept = text.rstrip()
    return kept, entities if kept == text else _clipped(entities, 0, utf16_length(kept))


def trimmed_left(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """The same, with what is behind the text left as it is."""
    code = min((entity.offset for entity in entities if entity.type in MONOSPACED), default=len(text))
    left = min(len(text) - len(text.lstrip()), code)  # no white space takes two units
    return (text[left:], _clipped(entities, left, utf16_length(text))) if left else (text, entities)


def _clipped(entities: list[Entity], left: int, right: int) -> list[Entity]:
    """What of them is between two places, counted from the first."""
    result = []
    for entity in entities:
        start, end = max(entity.offset, left), min(end_of(entity), right)
        if end > start:
            result.append(replace(entity, offset=start - left, length=end - start))
    return result
