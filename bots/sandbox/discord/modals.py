"""Modals: a form that the bot opens as its first answer, and what a person sends back.

docs: "Component Reference" (Label, Text Input, String Select), "Interactions" (Modal).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bots.sandbox.discord.components import (
    ROW,
    SELECT,
    TEXT_INPUT,
    check_select,
    chosen_of,
    drawn_select,
    numbered,
)
from bots.sandbox.discord.errors import FormErrors
from bots.sandbox.discord.models import Json

_TEXT_DISPLAY, _LABEL = 10, 18
_MAX_FIELDS: Final = 5
_MAX_VALUE: Final = 4000


def checked_modal(raw: Json) -> Json:
    """The modal with its components numbered. Raises `ApiError` (50035)."""
    errors = FormErrors()
    errors.length("data.custom_id", raw.get("custom_id"), 1, 100)
    errors.length("data.title", raw.get("title"), 1, 45)
    components: list[Json] = raw.get("components") or []
    errors.length("data.components", components, 1, _MAX_FIELDS)
    seen: set[str] = set()
    for index, component in enumerate(components):
        _check_component(errors, f"data.components.{index}", component)
        field = _field_of(component)
        key = None if field is None else field.get("custom_id")
        if key in seen:
            message = "Component custom id cannot be duplicated"
            errors.add(f"data.components.{index}", "COMPONENT_CUSTOM_ID_DUPLICATED", message)
        seen.add(key or "")
    errors.check()
    return {**raw, "components": numbered(components)}


def submitted(modal: Json, values: Mapping[str, str | Sequence[str]]) -> Json:
    """The `data` of the interaction when a person sends a modal; a field not in `values` is left as it is.

    Raises `ValueError` for what Discord's client would not let them send.
    """
    if unknown := values.keys() - {field["custom_id"] for field in _fields(modal)}:
        raise ValueError(f"the form has no field {min(unknown)!r}")
    sent = []
    for component in modal["components"]:
        field = _field_of(component)
        if field is None:
            sent.append({"type": component["type"], "id": component["id"]})
            continue
        given = {"type": field["type"], "id": field["id"], "custom_id": field["custom_id"]}
        label = component.get("label") or field.get("label")
        value = values.get(field["custom_id"])
        if field["type"] == TEXT_INPUT:
            text = field.get("value") or "" if value is None else str(value)
            given["value"] = _text(field, label, text)
        else:
            chosen = _defaults(field) if value is None else [value] if isinstance(value, str) else value
            given["values"] = _selected(field, label, chosen)
        inner = {"component": given} if component["type"] == _LABEL else {"components": [given]}
        sent.append({"type": component["type"], "id": component["id"], **inner})
    return {"custom_id": modal["custom_id"], "components": sent}


def drawn_modal(modal: Json) -> Json:
    """A modal as the page draws it: `title`, and `fields` of the kinds `text`, `select` and `note`."""
    return {
        "title": modal["title"],
        "fields": [_drawn(component) for component in modal["components"]],
    }


def _drawn(component: Json) -> Json:
    field = _field_of(component)
    if field is None:
        return {"kind": "note", "text": component["content"]}
    about = {
        "label": component.get("label") or field.get("label") or "",
        "about": component.get("description") or "",
        "required": field.get("required", True),
    }
    if field["type"] == SELECT:
        return drawn_select(field) | about
    return about | {
        "kind": "text",
        "id": field["custom_id"],
        "long": field.get("style") == 2,
        "placeholder": field.get("placeholder") or "",
        "value": field.get("value") or "",
        "min_length": field.get("min_length") or 0,
        "max_length": field.get("max_length") or _MAX_VALUE,
    }


def _text(field: Json, label: object, text: str) -> str:
    if not text and not field.get("required", True):
        return text
    least = max(field.get("min_length") or 0, 1 if field.get("required", True) else 0)
    if not least <= len(text) <= (field.get("max_length") or _MAX_VALUE):
        raise ValueError(f"{label} is required" if not text else f"{label} has the wrong length")
    return text


def _selected(field: Json, label: object, chosen: Sequence[str]) -> list[str]:
    if not chosen and field.get("required", True):
        raise ValueError(f"{label} is required")
    return chosen_of(field, chosen, [o["value"] for o in field["options"]]) if chosen else []


def _defaults(select: Json) -> list[str]:
    return [option["value"] for option in select["options"] if option.get("default")]


def _field_of(component: Json) -> Json | None:
    """The input in a label or row, None for text that is only shown."""
    if component.get("type") == _LABEL:
        inner: Json | None = component.get("component")
        return inner
    children: list[Json] = component.get("components") or []
    return children[0] if children else None


def _fields(modal: Json) -> Iterator[Json]:
    for component in modal["components"]:
        if (field := _field_of(component)) is not None:
            yield field


def _check_component(errors: FormErrors, where: str, component: Json) -> None:
    kind = component.get("type")
    if kind == _TEXT_DISPLAY:
        errors.length(f"{where}.content", component.get("content"), 1, _MAX_VALUE)
    elif kind == ROW:
        children: list[Json] = component.get("components") or []
        errors.length(f"{where}.components", children, 1, 1)
        for index, child in enumerate(children):
            here = f"{where}.components.{index}"
            errors.choice(f"{here}.type", child.get("type"), (TEXT_INPUT,))
            errors.length(f"{here}.label", child.get("label"), 1, 45)
            _check_text_input(errors, here, child)
    elif kind == _LABEL:
        errors.length(f"{where}.label", component.get("label"), 1, 45)
        errors.length(f"{where}.description", component.get("description"), 0, 100)
        inner: Json = component.get("component") or {}
        errors.choice(f"{where}.component.type", inner.get("type"), (SELECT, TEXT_INPUT))
        if inner.get("type") == TEXT_INPUT:
            _check_text_input(errors, f"{where}.component", inner)
        elif inner.get("type") == SELECT:
            check_select(errors, f"{where}.component", inner, in_modal=True)
    else:
        errors.choice(f"{where}.type", kind, (ROW, _TEXT_DISPLAY, _LABEL))


def _check_text_input(errors: FormErrors, where: str, field: Json) -> None:
    errors.length(f"{where}.custom_id", field.get("custom_id"), 1, 100)
    errors.choice(f"{where}.style", field.get("style"), (1, 2))
    errors.length(f"{where}.placeholder", field.get("placeholder"), 0, 100)
    longest = field.get("max_length") or _MAX_VALUE
    if not 1 <= longest <= _MAX_VALUE or (field.get("min_length") or 0) > longest:
        errors.add(f"{where}.max_length", "NUMBER_TYPE_RANGE", "number should be between 1 and 4000.")
    errors.length(f"{where}.value", field.get("value"), 0, longest)
