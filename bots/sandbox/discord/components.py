"""Buttons and selects under a message: checked as Discord does, drawn by the page, used by people.

docs: "Component Reference".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bots.sandbox.discord.errors import FormErrors
from bots.sandbox.discord.models import Json, Message

ROW, BUTTON, SELECT, TEXT_INPUT, USER_SELECT, CHANNEL_SELECT = 1, 2, 3, 4, 5, 8
SELECTS: Final = (SELECT, USER_SELECT, CHANNEL_SELECT)
LINK: Final = 5
MAX_OPTIONS: Final = 25
_MAX_ROWS: Final = 5
_MAX_BUTTONS: Final = 5
_STYLES: Final = (1, 2, 3, 4, LINK)


def checked_rows(raw: object) -> list[Json]:
    """The rows of a message's components, numbered. Raises `ApiError` (50035)."""
    rows: list[Json] = raw if isinstance(raw, list) else []
    errors = FormErrors()
    errors.length("components", rows, 0, _MAX_ROWS)
    seen: set[str] = set()
    for r, row in enumerate(rows):
        here = f"components.{r}"
        if row.get("type") != ROW:
            errors.choice(f"{here}.type", row.get("type"), (ROW,))
            continue
        children: list[Json] = row.get("components") or []
        errors.length(f"{here}.components", children, 1, _MAX_BUTTONS)
        for c, child in enumerate(children):
            _check_child(errors, f"{here}.components.{c}", child, seen)
            if child.get("type") in SELECTS and len(children) > 1:
                message = "A select fills its row: no other component fits beside it."
                errors.add(f"{here}.components.{c}", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message)
    errors.check()
    return numbered(rows)


def numbered(components: Sequence[Json]) -> list[Json]:
    """The components with an `id` each, as Discord numbers those that came without."""
    found = [{**component} for component in components]
    for row in found:
        for key in ("components", "component"):
            if isinstance(row.get(key), list):
                row[key] = [{**child} for child in row[key]]
            elif isinstance(row.get(key), dict):
                row[key] = {**row[key]}
    everything = [one for row in found for one in (row, *_below(row))]
    taken = {one.get("id") for one in everything}
    free = (number for number in range(1, 1000) if number not in taken)
    for one in everything:
        if not one.get("id"):
            one["id"] = next(free)
    return found


def check_select(errors: FormErrors, where: str, select: Json, *, in_modal: bool = False) -> None:
    """Add to `errors` what is wrong with a select."""
    errors.length(f"{where}.custom_id", select.get("custom_id"), 1, 100)
    errors.length(f"{where}.placeholder", select.get("placeholder"), 0, 150)
    least, most = bounds(select)
    count = len(select.get("options") or ()) if select.get("type") == SELECT else MAX_OPTIONS
    if not 0 <= least <= MAX_OPTIONS:
        errors.add(f"{where}.min_values", "NUMBER_TYPE_RANGE", "number should be between 0 and 25.")
    if not 1 <= most <= MAX_OPTIONS:
        errors.add(f"{where}.max_values", "NUMBER_TYPE_RANGE", "number should be between 1 and 25.")
    elif most > count or least > most:
        message = "The minimum and maximum must fit the number of options."
        errors.add(f"{where}.max_values", "COMPONENT_MAX_VALUES_INVALID", message)
    if in_modal and select.get("disabled"):
        message = "A select in a modal cannot be disabled."
        errors.add(f"{where}.disabled", "COMPONENT_DISABLED_IN_MODAL", message)
    if select.get("type") == SELECT:
        _check_options(errors, f"{where}.options", select.get("options"), most)


def bounds(select: Json) -> tuple[int, int]:
    """How many values a select takes, at least and at most; both are 1 when it does not say."""
    return int(select.get("min_values", 1)), int(select.get("max_values", 1))


def chosen_of(select: Json, values: Sequence[str], known: Sequence[str]) -> list[str]:
    """The values that a person may send from a select; `known` are those it offers.

    Raises `ValueError` for what Discord's client would not let them choose.
    """
    least, most = bounds(select)
    unknown = [value for value in values if value not in known]
    if unknown or len(set(values)) != len(values):
        raise ValueError(f"{(unknown or list(values))[0]!r} cannot be chosen here")
    if not least <= len(values) <= most:
        raise ValueError(f"choose between {least} and {most}")
    return list(values)


def usable(message: Message, custom_id: str, kinds: Sequence[int]) -> Json:
    """The component of a message that a person uses. Raises `ValueError` when they cannot."""
    for child in _children(message.components):
        if child.get("custom_id") == custom_id and child["type"] in kinds and not child.get("disabled"):
            return child
    what = "button" if BUTTON in kinds else "select"
    raise ValueError(f"there is no {what} {custom_id!r} to use")


def drawn_buttons(message: Message) -> list[Json]:
    """All buttons in one list."""
    buttons = [child for child in _children(message.components) if child["type"] == BUTTON]
    return [
        {
            "id": child.get("custom_id"),
            "label": _label(child),
            "style": child.get("style"),
            "disabled": bool(child.get("disabled")),
        }
        for child in buttons
    ]


def drawn_rows(message: Message) -> list[list[Json]]:
    """The rows as the page draws them, each component with its `kind`: `button` or `select`."""
    return [[_drawn(child) for child in row["components"]] for row in message.components]


def drawn_select(select: Json) -> Json:
    """A select as the page draws it; `of` says what it offers: `options`, `people`, `channels`."""
    least, most = bounds(select)
    offers = {SELECT: "options", USER_SELECT: "people", CHANNEL_SELECT: "channels"}
    return {
        "kind": "select",
        "id": select["custom_id"],
        "of": offers[select["type"]],
        "placeholder": select.get("placeholder") or "",
        "min": least,
        "max": most,
        "disabled": bool(select.get("disabled")),
        "options": [
            {
                "label": option["label"],
                "value": option["value"],
                "about": option.get("description") or "",
                "chosen": bool(option.get("default")),
            }
            for option in select.get("options") or ()
        ],
    }


def _drawn(child: Json) -> Json:
    if child["type"] != BUTTON:
        return drawn_select(child)
    return {
        "kind": "button",
        "id": child.get("custom_id"),
        "label": _label(child),
        "style": child.get("style"),
        "disabled": bool(child.get("disabled")),
        "url": child.get("url"),
    }


def _label(button: Json) -> str:
    return " ".join(filter(None, ((button.get("emoji") or {}).get("name"), button.get("label"))))


def _below(row: Json) -> list[Json]:
    inner = row.get("component")
    return [*(row.get("components") or ()), *([inner] if inner else [])]


def _children(rows: Sequence[Json]) -> Iterator[Json]:
    for row in rows:
        yield from row["components"]


def _check_child(errors: FormErrors, where: str, child: Json, seen: set[str]) -> None:
    kind = child.get("type")
    if kind == BUTTON:
        _check_button(errors, where, child)
    elif kind in SELECTS:
        check_select(errors, where, child)
    else:
        errors.choice(f"{where}.type", kind, (BUTTON, *SELECTS))
    key = child.get("custom_id")
    if key and key in seen:
        message = "Component custom id cannot be duplicated"
        errors.add(f"{where}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", message)
    seen.add(key or "")


def _check_button(errors: FormErrors, where: str, button: Json) -> None:
    style = button.get("style")
    errors.choice(f"{where}.style", style, _STYLES)
    if style == LINK:
        errors.length(f"{where}.url", button.get("url"), 1, 512)
    else:
        errors.length(f"{where}.custom_id", button.get("custom_id"), 1, 100)
    if button.get("url") and button.get("custom_id"):
        message = "A custom id and url cannot both be specified"
        errors.add(f"{where}.custom_id", "COMPONENT_CUSTOM_ID_AND_URL", message)
    errors.length(f"{where}.label", button.get("label"), 0, 80)
    if not (button.get("label") or button.get("emoji")):
        message = "A button must have either a label or an emoji."
        errors.add(where, "BUTTON_COMPONENT_INVALID_LABEL", message)


def _check_options(errors: FormErrors, where: str, options: object, most: int) -> None:
    errors.length(where, options, 1, MAX_OPTIONS)
    found: list[Json] = options if isinstance(options, list) else []
    seen: set[str] = set()
    for index, option in enumerate(found):
        here = f"{where}.{index}"
        errors.length(f"{here}.label", option.get("label"), 1, 100)
        errors.length(f"{here}.value", option.get("value"), 1, 100)
        errors.length(f"{here}.description", option.get("description"), 0, 100)
        if option.get("value") in seen:
            message = "The specified option value is already used"
            errors.add(f"{here}.value", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message)
        seen.add(str(option.get("value")))
    if sum(bool(option.get("default")) for option in found) > most:
        message = "The number of default options must be at most max_values."
        errors.add(where, "SELECT_COMPONENT_TOO_MANY_DEFAULT_VALUES", message)
