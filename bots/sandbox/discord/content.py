"""What a bot sends as a message: read from the body, checked against Discord's limits, applied."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bots.sandbox.discord.components import checked_rows
from bots.sandbox.discord.errors import ApiError, Refusal, invalid
from bots.sandbox.discord.mentions import read_mentions
from bots.sandbox.discord.models import File, Json, Message
from bots.sandbox.discord.payloads import SILENT
from bots.sandbox.discord.world import World

CONTENT_LIMIT = 2000
_EMBED_LIMITS = {"title": 256, "description": 4096}
_EMBED_TOTAL = 6000
_COMPONENTS_V2 = 1 << 15
_SUPPRESS_EMBEDS = 1 << 2


@dataclass(frozen=True)
class Upload:
    """A file part of a multipart body."""

    name: str
    content: bytes


def compose(
    world: World, message: Message, payload: Json, uploads: Mapping[int, Upload], *, by_edit: bool = False
) -> None:
    """Put what `payload` names into `message`, or raise `ApiError` and leave it as it was.

    Mentions are read anew each time, as Discord does for edits too; their notifications are
    recorded in `world.pings`; an ephemeral message causes none.
    """
    content = _content(payload.get("content", message.content))
    embeds = _embeds(payload.get("embeds", message.embeds))
    components = checked_rows(payload.get("components", message.components))
    files = _files(world, message, payload.get("attachments"), uploads)
    flags = payload.get("flags") or 0
    if flags & _COMPONENTS_V2:
        raise invalid("flags", "NOT_IN_THE_SANDBOX", "The sandbox has no Components V2.")
    if not (content or embeds or files):
        raise ApiError(Refusal.EMPTY_MESSAGE)
    mentions, pings = read_mentions(world, message, content, payload.get("allowed_mentions"), by_edit=by_edit)

    message.content, message.embeds, message.components = content, embeds, components
    message.files, message.mentions = files, mentions
    message.flags |= flags & (_SUPPRESS_EMBEDS | (0 if by_edit else SILENT))
    if message.only_for is None:
        world.pings += pings


def _content(raw: object) -> str:
    if raw is None:
        return ""
    if isinstance(raw, int | float):
        raw = str(raw)
    if not isinstance(raw, str):
        raise invalid("content", "STRING_TYPE_CONVERT", f'Could not interpret "{raw}" as string.')
    # Discord trims what a message begins and ends with.
    content = raw.strip()
    if len(content) > CONTENT_LIMIT:
        raise _too_long("content", CONTENT_LIMIT)
    return content


def _too_long(field: str, limit: int) -> ApiError:
    return invalid(field, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")


def _embeds(raw: object) -> list[Json]:
    embeds: list[Json] = raw if isinstance(raw, list) else []
    if len(embeds) > 10:
        raise _too_long("embeds", 10)
    for index, embed in enumerate(embeds):
        for field, limit in _EMBED_LIMITS.items():
            if len(embed.get(field) or "") > limit:
                raise _too_long(f"embeds.{index}.{field}", limit)
        if len(embed.get("fields") or ()) > 25:
            raise _too_long(f"embeds.{index}.fields", 25)
    if sum(map(_embed_length, embeds)) > _EMBED_TOTAL:
        message = f"Embed size exceeds maximum size of {_EMBED_TOTAL}"
        raise invalid("embeds", "MAX_EMBED_SIZE_EXCEEDED", message)
    return [{"type": "rich"} | embed for embed in embeds]


def _embed_length(embed: Json) -> int:
    texts = [embed.get("title"), embed.get("description")]
    texts += [(embed.get("footer") or {}).get("text"), (embed.get("author") or {}).get("name")]
    for field in embed.get("fields") or ():
        texts += [field.get("name"), field.get("value")]
    return sum(len(text) for text in texts if text)


def _files(world: World, message: Message, listed: object, uploads: Mapping[int, Upload]) -> list[File]:
    """The attachments kept (by id) and added (by the index of their part); all are kept if none is listed."""
    entries: list[Json] = listed if isinstance(listed, list) else []
    by_id = {str(file.id): file for file in message.files}
    described = {str(entry.get("id")): entry for entry in entries}
    kept = message.files if listed is None else [by_id[key] for key in described if key in by_id]
    added = [
        File(
            world.snowflake(),
            # Discord keeps only these characters of a file's name.
            re.sub(r"[^\w.\-]", "_", described.get(str(index), {}).get("filename") or upload.name),
            upload.content,
            described.get(str(index), {}).get("description"),
        )
        for index, upload in uploads.items()
    ]
    if len(kept) + len(added) > 10:
        raise _too_long("attachments", 10)
    return [*kept, *added]
