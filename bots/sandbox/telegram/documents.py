"""The Bot API's methods on files: sent, put into a message, read back."""

from __future__ import annotations

import secrets
from typing import Any

from bots.sandbox.images import Picture, picture
from bots.sandbox.telegram import access, keyboards, objects
from bots.sandbox.telegram.errors import ApiError, bad_request
from bots.sandbox.telegram.hub import Hub
from bots.sandbox.telegram.messages import Messages, given_entities
from bots.sandbox.telegram.params import Params
from bots.sandbox.telegram.text import MAX_CAPTION, formatted
from bots.sandbox.telegram.world import Chat, Document

MAX_UPLOAD = 50 * 1024 * 1024  # bytes; core.telegram.org/bots/api#sending-files
MAX_PHOTO = 10 * 1024 * 1024  # bytes; core.telegram.org/bots/api#sendphoto
MAX_DOWNLOAD = 20 * 1024 * 1024  # bytes; core.telegram.org/bots/api#getfile
_MAX_SIDES = 10_000  # width and height of a photo together; core.telegram.org/bots/api#sendphoto
_MAX_RATIO = 20


class Documents:
    """Methods on files; each takes Params and returns the `result` of the answer."""

    def __init__(self, hub: Hub, messages: Messages) -> None:
        self._hub = hub
        self._messages = messages
        self._files: dict[str, Document] = {}

    def send_document(self, params: Params) -> Any:
        """sendDocument, with an upload or a file_id."""
        return self._send(params, "document")

    def send_photo(self, params: Params) -> Any:
        """sendPhoto, with an upload or a file_id."""
        return self._send(params, "photo")

    def edit_message_media(self, params: Params) -> Any:
        """editMessageMedia: a file takes the place of the old one, or joins a message of text."""
        message = self._messages.own_message(params)
        media = params.json("media")
        if not isinstance(media, dict) or not isinstance(media.get("media"), str):
            raise bad_request("can't parse input media JSON object")
        kind = media.get("type")
        if kind not in ("document", "photo"):
            raise bad_request("the sandbox takes no media but documents and photos")
        if media.get("parse_mode") is not None:
            raise bad_request("the sandbox takes entities, no parse_mode")
        self._need_right(message.chat, kind)
        file = self._document(params, media["media"], kind)
        caption, entities = formatted(
            str(media.get("caption") or ""), media.get("caption_entities"), limit=MAX_CAPTION
        )
        markup = keyboards.under_edited_message(params)
        return self._messages.edit(message, caption, entities, markup, file)

    def edit_message_caption(self, params: Params) -> Any:
        """editMessageCaption: the text of a message with a file."""
        message = self._messages.own_message(params)
        if message.document is None:
            raise bad_request("there is no caption in the message to edit")
        caption, entities = formatted(
            params.text("caption") or "", given_entities(params, "caption_entities"), limit=MAX_CAPTION
        )
        return self._messages.edit(message, caption, entities, keyboards.under_edited_message(params))

    def get_file(self, params: Params) -> Any:
        """getFile: files that went through this server, up to Telegram's limit for downloads."""
        file = self._files.get(params.text("file_id") or "")
        if file is None:
            raise bad_request("invalid file_id")
        if len(file.content) > MAX_DOWNLOAD:
            raise bad_request("file is too big")
        found = objects.document(file)
        return {
            **{key: found[key] for key in ("file_id", "file_unique_id", "file_size")},
            "file_path": f"{'photos' if file.picture else 'documents'}/{file.id}",
        }

    def download(self, path: str) -> bytes | None:
        """The content behind a `file_path`."""
        file = self._files.get(path.rpartition("/")[2])
        return None if file is None else file.content

    def keep(self, name: str, content: bytes, mime_type: str, shown: Picture | None = None) -> Document:
        """Take a file in, as a document, or as the photo that it is."""
        file = Document(secrets.token_hex(24), name, content, mime_type, shown)
        self._files[file.id] = file
        return file

    def _send(self, params: Params, kind: str) -> Any:
        chat = access.open_chat(self._hub.world, params)
        self._need_right(chat, kind)
        file = self._document(params, params.text(kind) or kind, kind)
        caption, entities = formatted(
            params.text("caption") or "", given_entities(params, "caption_entities"), limit=MAX_CAPTION
        )
        return self._messages.send(chat, params, text=caption, entities=entities, document=file)

    def _need_right(self, chat: Chat, kind: str) -> None:
        if not chat.takes_documents and not chat.is_admin(self._hub.bot.id):
            raise bad_request(f"not enough rights to send {kind}s to the chat")

    def _document(self, params: Params, named: str, kind: str) -> Document:
        if named in self._files:
            return self._files[named]
        upload = params.files.get(named.removeprefix("attach://"))
        if upload is None:
            raise bad_request(f"there is no {kind} in the request")
        if not upload.content:
            raise bad_request("file must be non-empty")
        if len(upload.content) > (MAX_PHOTO if kind == "photo" else MAX_UPLOAD):
            raise ApiError(413, "Request Entity Too Large")
        shown = _photo(upload.content) if kind == "photo" else None
        return self.keep(upload.name, upload.content, upload.mime_type, shown)


def _photo(content: bytes) -> Picture:
    shown = picture(content)
    if shown is None:
        raise bad_request("IMAGE_PROCESS_FAILED")
    long, short = max(shown.width, shown.height), min(shown.width, shown.height)
    if long + short > _MAX_SIDES or long > _MAX_RATIO * short:
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return shown
