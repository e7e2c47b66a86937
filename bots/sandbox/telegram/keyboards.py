"""What hangs under a message: an inline keyboard, or the demand for a reply.

core.telegram.org/bots/api#inlinekeyboardbutton, #forcereply
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from bots.sandbox.telegram.errors import bad_request
from bots.sandbox.telegram.objects import BUTTON_KINDS
from bots.sandbox.telegram.params import Params

MAX_CALLBACK_DATA: Final = 64  # bytes
MAX_BUTTONS: Final = 100
_MAX_PLACEHOLDER: Final = 64
_MAX_COPIED: Final = 256

Json = dict[str, Any]


def under_new_message(params: Params) -> tuple[Json | None, Json | None]:
    """The inline keyboard and the ForceReply of a message being sent; at most one of them is there."""
    markup = params.json("reply_markup")
    if not isinstance(markup, dict) or not markup.get("force_reply"):
        return keyboard_of(markup), None
    placeholder = str(markup.get("input_field_placeholder") or "")
    if len(placeholder) > _MAX_PLACEHOLDER:
        raise bad_request("the input field placeholder is too long")
    forced = {"force_reply": True, "selective": bool(markup.get("selective"))}
    return None, forced | ({"input_field_placeholder": placeholder} if placeholder else {})


def under_edited_message(params: Params) -> Json | None:
    """The inline keyboard of a message being edited, which takes no other markup."""
    return keyboard_of(params.json("reply_markup"))


def keyboard_of(markup: object) -> Json | None:
    """A checked inline keyboard; the sandbox draws no custom keyboards."""
    if not markup:
        return None
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request("the sandbox takes no reply markup but an inline keyboard or ForceReply")
    drawn = [[_button(button) for button in row] for row in rows if row]
    if sum(len(row) for row in drawn) > MAX_BUTTONS:
        raise bad_request("reply markup is too long")
    return {"inline_keyboard": drawn} if drawn else None


def _button(button: object) -> Json:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str):
        raise bad_request('can\'t parse inline keyboard button: field "text" must be a String')
    drawn: Json = {"text": button["text"]}
    if not drawn["text"].strip():
        raise bad_request("inline keyboard button text must be non-empty")
    given = [kind for kind in BUTTON_KINDS if button.get(kind) is not None]
    if len(given) != 1:
        raise bad_request("text buttons are unallowed in the inline keyboard")
    [kind] = given
    drawn[kind] = _checked(kind, button[kind])
    if button.get("style"):
        drawn["style"] = str(button["style"])
    return drawn


def _checked(kind: str, value: Any) -> Any:
    match kind:
        case "callback_data":
            if not 1 <= len(str(value).encode()) <= MAX_CALLBACK_DATA:
                raise bad_request("BUTTON_DATA_INVALID")
        case "url":
            if not _leads_somewhere(str(value)):
                raise bad_request(f"inline keyboard button URL '{value}' is invalid: Wrong HTTP URL")
        case "copy_text":
            if not 1 <= len(str((value or {}).get("text", ""))) <= _MAX_COPIED:
                raise bad_request("BUTTON_COPY_TEXT_INVALID")
            return {"text": str(value["text"])}
        case _:
            if len(str(value)) > _MAX_COPIED:
                raise bad_request("BUTTON_DATA_INVALID")
    return str(value)


def _leads_somewhere(url: str) -> bool:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    known = parts.netloc == "localhost" or "." in parts.netloc or ":" in parts.netloc
    return parts.scheme == "tg" or (parts.scheme in ("http", "https") and known)
