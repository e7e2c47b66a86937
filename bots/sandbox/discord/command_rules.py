"""What Discord demands of an application command before it takes it.

docs: "Application Commands" (structure, naming, option types, localization, limits).
"""

from __future__ import annotations

from typing import Any, Final

import regex

from bots.sandbox.discord.errors import FormErrors
from bots.sandbox.discord.models import Json

CHAT_INPUT, ON_USER, ON_MESSAGE = 1, 2, 3
SUBCOMMAND, GROUP = 1, 2
STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(3, 12)
MAX_OPTIONS: Final = 25
MAX_CHOICES: Final = 25
LOCALES: Final = frozenset(
    [
        "id",
        "da",
        "de",
        "en-GB",
        "en-US",
        "es-ES",
        "es-419",
        "fr",
        "hr",
        "it",
        "lt",
        "hu",
        "nl",
        "no",
        "pl",
        "pt-BR",
        "ro",
        "fi",
        "sv-SE",
        "vi",
        "tr",
        "cs",
        "el",
        "bg",
        "ru",
        "uk",
        "hi",
        "th",
        "zh-CN",
        "ja",
        "zh-TW",
        "ko",
    ]
)

_NAME: Final = regex.compile(r"[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}")
_CHOOSABLE: Final = (STRING, INTEGER, NUMBER)
_MAX_SIZE: Final = 8000
_MAX_NUMBER: Final = 2**53
_MAX_TEXT: Final = 6000


def check_command(errors: FormErrors, where: str, raw: Json) -> None:
    """Add to `errors` what is wrong with a command; `where` leads their fields ("" at the top)."""
    kind = raw.get("type", CHAT_INPUT)
    if kind not in (CHAT_INPUT, ON_USER, ON_MESSAGE):
        errors.choice(f"{where}type", kind, (CHAT_INPUT, ON_USER, ON_MESSAGE))
        return
    _check_permissions(errors, f"{where}default_member_permissions", raw.get("default_member_permissions"))
    _check_list(errors, f"{where}contexts", raw.get("contexts"), (0, 1, 2))
    _check_list(errors, f"{where}integration_types", raw.get("integration_types"), (0, 1))
    if kind == CHAT_INPUT:
        _check_named(errors, where, raw)
        _check_options(errors, f"{where}options", raw.get("options"), within=None)
        if _size(raw) > _MAX_SIZE:
            message = f"Command exceeds maximum size ({_MAX_SIZE})"
            errors.add(where.rstrip(".") or "name", "APPLICATION_COMMAND_TOO_LARGE", message)
        return
    errors.length(f"{where}name", raw.get("name"), 1, 32)
    _check_localized(errors, f"{where}name_localizations", raw.get("name_localizations"), 32)
    if raw.get("description"):
        message = "Context menu commands cannot have description"
        errors.add(f"{where}description", "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION", message)
    if raw.get("options"):
        message = "Context menu commands cannot have options"
        errors.add(f"{where}options", "APPLICATION_COMMAND_CONTEXT_MENU_OPTIONS", message)


def check_choices(errors: FormErrors, where: str, kind: int, choices: object) -> None:
    """Add to `errors` what is wrong with the choices of an option, declared or autocompleted."""
    errors.length(where, choices, 0, MAX_CHOICES)
    for index, choice in enumerate(choices if isinstance(choices, list) else []):
        errors.length(f"{where}.{index}.name", choice.get("name"), 1, 100)
        _check_localized(errors, f"{where}.{index}.name_localizations", choice.get("name_localizations"), 100)
        value = choice.get("value")
        if kind == STRING:
            if not isinstance(value, str):
                message = f'Could not interpret "{value}" as string.'
                errors.add(f"{where}.{index}.value", "STRING_TYPE_CONVERT", message)
            elif len(value) > 100:
                errors.length(f"{where}.{index}.value", value, 0, 100)
        elif not _is_number(kind, value):
            message = f'Could not interpret "{value}" as number.'
            errors.add(f"{where}.{index}.value", "NUMBER_TYPE_COERCE", message)


def _check_named(errors: FormErrors, where: str, raw: Json) -> None:
    """The name and description of a slash command or an option, and their translations."""
    _check_name(errors, f"{where}name", raw.get("name"))
    errors.length(f"{where}description", raw.get("description"), 1, 100)
    translated = raw.get("name_localizations")
    if _check_localized(errors, f"{where}name_localizations", translated, 32):
        for locale, name in (translated or {}).items():
            _check_name(errors, f"{where}name_localizations.{locale}", name)
    described = raw.get("description_localizations")
    _check_localized(errors, f"{where}description_localizations", described, 100)


def _check_name(errors: FormErrors, where: str, name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name != name.lower():
        errors.add(where, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _check_localized(errors: FormErrors, where: str, texts: object, most: int) -> bool:
    """Translations by locale; whether they can be looked at one by one."""
    if texts is None:
        return True
    if not isinstance(texts, dict):
        errors.add(where, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
        return False
    for locale, text in texts.items():
        if locale not in LOCALES:
            errors.choice(f"{where}.{locale}", locale, sorted(LOCALES))
        elif text is not None:
            errors.length(f"{where}.{locale}", text, 1, most)
    return True


def _check_options(errors: FormErrors, where: str, options: object, *, within: int | None) -> None:
    """The options of a command, or `within` a group or subcommand of it."""
    if options is None:
        return
    if not isinstance(options, list):
        errors.add(where, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        return
    errors.length(where, options, 0, MAX_OPTIONS)
    kinds = [option.get("type") for option in options]
    names: set[str] = set()
    optional_before = False
    for index, option in enumerate(options):
        here = f"{where}.{index}."
        errors.choice(f"{here}type", option.get("type"), tuple(range(SUBCOMMAND, ATTACHMENT + 1)))
        _check_named(errors, here, option)
        if option.get("name") in names:
            message = "Option name must be unique"
            errors.add(f"{here}name", "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", message)
        names.add(str(option.get("name")))
        if option.get("required") and optional_before:
            message = "Required options must be placed before non-required options"
            errors.add(f"{here}required", "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        optional_before = optional_before or not option.get("required")
        _check_option(errors, here, option, within=within)
    below = [kind in (SUBCOMMAND, GROUP) for kind in kinds]
    if any(below) and not all(below):
        message = "Sub-command and sub-command group option types are mutually exclusive to all other types"
        errors.add(where, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)


def _check_option(errors: FormErrors, here: str, option: Json, *, within: int | None) -> None:
    kind = option.get("type")
    if kind in (SUBCOMMAND, GROUP):
        if within == SUBCOMMAND or within == kind == GROUP:
            message = "Sub-commands and sub-command groups cannot be nested this deep"
            errors.add(f"{here}type", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
        _check_options(errors, f"{here}options", option.get("options"), within=kind)
        return
    choices, completes = option.get("choices"), option.get("autocomplete")
    if choices and completes:
        message = "Option cannot have both choices and autocomplete"
        errors.add(f"{here}autocomplete", "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_WITH_CHOICES", message)
    if (choices or completes) and kind not in _CHOOSABLE:
        message = "Only STRING, INTEGER and NUMBER options may have choices or autocomplete"
        errors.add(f"{here}type", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
    elif choices and isinstance(kind, int):
        check_choices(errors, f"{here}choices", kind, choices)
    for field, least in (("min_length", 0), ("max_length", 1)):
        _check_bound(errors, f"{here}{field}", option.get(field), (least, _MAX_TEXT), fits=kind == STRING)
    for field in ("min_value", "max_value"):
        span, fits = (-_MAX_NUMBER, _MAX_NUMBER), kind in (INTEGER, NUMBER)
        _check_bound(errors, f"{here}{field}", option.get(field), span, fits=fits)
    for low, high in (("min_length", "max_length"), ("min_value", "max_value")):
        bounds: tuple[Any, Any] = option.get(low), option.get(high)
        if all(isinstance(bound, int | float) for bound in bounds) and bounds[0] > bounds[1]:
            errors.add(f"{here}{high}", "NUMBER_TYPE_MIN", f"must be at least {low}")


def _check_bound(errors: FormErrors, where: str, value: object, span: tuple[int, int], *, fits: bool) -> None:
    if value is None:
        return
    if not fits:
        message = "This bound is not allowed for this type of option"
        errors.add(where, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
    elif isinstance(value, bool) or not isinstance(value, int | float) or not span[0] <= value <= span[1]:
        errors.add(where, "NUMBER_TYPE_RANGE", f"number should be between {span[0]} and {span[1]}.")


def _check_permissions(errors: FormErrors, where: str, permissions: object) -> None:
    if permissions is not None and not str(permissions).isdecimal():
        errors.add(where, "NUMBER_TYPE_COERCE", f'Value "{permissions}" is not int.')


def _check_list(errors: FormErrors, where: str, values: object, allowed: tuple[int, ...]) -> None:
    if values is None:
        return
    if not isinstance(values, list) or not values:
        errors.add(where, "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {len(allowed)} in length.")
        return
    for index, value in enumerate(values):
        errors.choice(f"{where}.{index}", value, allowed)


def _is_number(kind: int, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return (kind == NUMBER or value == int(value)) and abs(value) <= _MAX_NUMBER


def _size(raw: Json) -> int:
    """What counts towards a command's size: names, descriptions and values, the longest translation each."""
    own = sum(_longest(raw, field) for field in ("name", "description"))
    own += sum(
        _longest(choice, "name") + len(str(choice.get("value", ""))) for choice in _dicts(raw.get("choices"))
    )
    return own + sum(map(_size, _dicts(raw.get("options"))))


def _longest(raw: Json, field: str) -> int:
    translated = raw.get(f"{field}_localizations")
    texts = [raw.get(field), *(translated.values() if isinstance(translated, dict) else ())]
    return max(len(text) for text in ("", *texts) if isinstance(text, str))


def _dicts(items: Any) -> list[Json]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
