"""A call's parameters, however they came: query, form, multipart or JSON.

A form carries numbers, booleans and objects as strings in JSON, so each is read by what the method
expects it to be. A parameter that is missing or empty is None, as the Bot API server has it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from bots.sandbox.telegram.errors import bad_request

_OBJECTS = frozenset(
    [
        "entities",
        "caption_entities",
        "reply_markup",
        "reply_parameters",
        "link_preview_options",
        "media",
        "commands",
        "scope",
        "allowed_updates",
        "message_ids",
        "reaction",
        "results",
        "button",
    ]
)


@dataclass(frozen=True)
class Upload:
    """A file in a multipart body."""

    name: str
    content: bytes
    mime_type: str


@dataclass(frozen=True)
class Params:
    """The parameters of one call; each getter raises ApiError on a value of the wrong kind."""

    values: dict[str, Any]
    files: dict[str, Upload] = field(default_factory=dict)

    @classmethod
    async def read(cls, request: web.Request) -> Params:
        """Take the parameters out of a request."""
        values: dict[str, Any] = dict(request.query)
        files: dict[str, Upload] = {}
        if request.content_type == "application/json":
            try:
                body = json.loads(await request.read() or b"{}")
            except ValueError:
                raise bad_request("can't parse JSON object") from None
            if not isinstance(body, dict):
                raise bad_request("expected a JSON object")
            values |= body
        elif request.content_type == "multipart/form-data":
            async for part in await request.multipart():
                if not isinstance(part, BodyPartReader) or part.name is None:
                    continue
                if part.filename is None:
                    values[part.name] = await part.text()
                else:
                    kind = part.headers.get("Content-Type", "application/octet-stream")
                    content = bytes(await part.read(decode=False))
                    files[part.name] = Upload(part.filename, content, kind)
        else:
            values |= await request.post()
        return cls(values, files)

    def logged(self) -> dict[str, Any]:
        """The parameters for the log of requests: objects decoded, files as name and size, no secrets."""
        shown = {
            name: self._decoded(value) if name in _OBJECTS and isinstance(value, str) else value
            for name, value in self.values.items()
            if name != "secret_token"
        }
        sizes = {name: {"name": file.name, "size": len(file.content)} for name, file in self.files.items()}
        return shown | sizes

    def text(self, name: str) -> str | None:
        """A string, as it is."""
        value = self.values.get(name)
        return None if value is None or value == "" else str(value)

    def integer(self, name: str) -> int | None:
        """A whole number."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return int(value)
        except ValueError:
            raise bad_request(f"{name} must be an integer") from None

    def chat_id(self) -> int | None:
        """The number in `chat_id`, None when there is none: no chat here has a public name."""
        value = self.text("chat_id") or ""
        return int(value) if re.fullmatch(r"-?[0-9]{1,18}", value) else None

    def flag(self, name: str) -> bool:
        """A boolean, false when it is missing."""
        value = self.text(name)
        return value is not None and value.lower() in ("true", "1")

    def json(self, name: str) -> Any:
        """An object or a list."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None

    @staticmethod
    def _decoded(value: str) -> Any:
        try:
            return json.loads(value)
        except ValueError:
            return value
