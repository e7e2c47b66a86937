"""All that is kept of somebody as files: one of JSON, else packed, else in as many parts as it takes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from core.streaming.operations import FileContent

NAME: Final = "my-data"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def files_of(
    data: Mapping[str, object], about: Mapping[str, str], *, max_bytes: int
) -> tuple[FileContent, ...]:
    """`data` as `Store.export` gives it, `about` in front of it: what each key of it means.

    Each file has at most `max_bytes`, but for one that holds a single entry. It takes some processor: call it
    in a thread.
    """
    readable = {key: _readable(value) for key, value in data.items()}
    whole = _json(about, readable)
    if len(whole) <= max_bytes:
        return (FileContent(f"{NAME}.json", whole),)
    lists = {key: value for key, value in readable.items() if isinstance(value, list)}
    other = {key: value for key, value in readable.items() if key not in lists}
    entries = [(key, entry) for key, value in lists.items() for entry in value]
    parts = _parts(about, other, entries, max_bytes)
    if len(parts) == 1:
        return (FileContent(f"{NAME}.zip", parts[0]),)
    return tuple(
        FileContent(f"{NAME}-{number}-of-{len(parts)}.zip", part) for number, part in enumerate(parts, 1)
    )


def count(data: Mapping[str, object]) -> int:
    """How many entries there are in all."""
    return sum(len(value) for value in data.values() if isinstance(value, Sequence | Mapping))


def _parts(
    about: Mapping[str, str],
    other: Mapping[str, object],
    entries: Sequence[tuple[str, object]],
    max_bytes: int,
) -> list[bytes]:
    content: dict[str, Any] = dict(other)
    for key, entry in entries:
        content.setdefault(key, []).append(entry)
    packed = _packed(_json(about, content))
    if len(packed) <= max_bytes or len(entries) <= 1:
        return [packed]
    half = len(entries) // 2
    return _parts(about, other, entries[:half], max_bytes) + _parts(about, {}, entries[half:], max_bytes)


def _json(about: Mapping[str, str], content: Mapping[str, object]) -> bytes:
    return (json.dumps({"about": about, **content}, ensure_ascii=False, indent=2) + "\n").encode(
        "utf-8", "replace"
    )


def _packed(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{NAME}.json", content)
    return out.getvalue()


def _readable(value: object) -> object:
    """Times and days as people write them (ISO 8601, UTC)."""
    if isinstance(value, Mapping):
        return {key: _date(key, entry) or _readable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(entry) for entry in value]
    return value


def _date(key: str, value: object) -> str | None:
    if key == "at" and isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")
    if key == "day" and isinstance(value, int):
        return (_EPOCH + timedelta(days=value)).date().isoformat()
    return None
