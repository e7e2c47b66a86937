"""Arguments: from a typed line to their texts, and from texts to values of their kinds."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from typing import Final

from core.commands.command import Argument, Command, Kind

EXTRA: Final = ""
"""The name under which `parse` gives what no argument takes."""
_YES: Final = frozenset({"true", "yes", "on", "1"})
_NO: Final = frozenset({"false", "no", "off", "0"})
_WORD: Final = re.compile(r"\s*(?:(?P<name>[a-z0-9_]{1,32})=)?(?P<value>\"[^\"]*\"|“[^”]*”|\S+)")


class Mistake(Exception):  # noqa: N818  # it is the person's, and told to them
    """Arguments that cannot be used. `key` and `values`: of the catalogue."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


def parse(command: Command, text: str) -> dict[str, str]:
    """The arguments in a line such as `model=fast private=yes what is a "sluice"?`, by name.

    Leading `name=value` words are arguments by name. The rest goes to the required arguments in their order,
    to all of them where none is required: one word or quoted text each, everything to a last one that is a
    text. A choice or a number takes only what it could be. A command without arguments takes no notice,
    unless it is `bare`.
    """
    given: dict[str, str] = {}
    rest = text.strip() if command.arguments or command.bare else ""
    while (word := _WORD.match(rest)) and word["name"] and command.argument(word["name"]):
        given[word["name"]] = _unquoted(word["value"])
        rest = rest[word.end() :].strip()
    required = [argument for argument in command.arguments if argument.required]
    unnamed = required or [argument for argument in command.arguments if not argument.by_name]
    open_ = [argument for argument in unnamed if argument.name not in given]
    for argument in open_:
        if not rest:
            break
        if argument is open_[-1] and argument.kind is Kind.TEXT:
            given[argument.name], rest = rest, ""
            break
        word = re.match(r"\"[^\"]*\"|“[^”]*”|\S+", rest)
        if word is None or not (argument.required or _could_be(argument, _unquoted(word[0]))):
            continue
        given[argument.name] = _unquoted(word[0])
        rest = rest[word.end() :].strip()
    return given | ({EXTRA: rest} if rest else {})


def read(command: Command, given: Mapping[str, str]) -> dict[str, str | int | float | bool]:
    """The arguments as values of their kinds. Raises Mistake for the first that cannot be used."""
    for name, text in given.items():
        if command.argument(name) is None:
            if name == EXTRA and (open_ := _open_choice(command, given)):
                raise _no_choice(open_, _until(command, open_, given))
            raise Mistake("mistake.extra", text=text[:100])
    for argument in command.arguments:
        if argument.required and argument.name not in given:
            raise Mistake("mistake.missing", name=argument.name)
    return {
        argument.name: _value(argument, given[argument.name], _until(command, argument, given))
        for argument in command.arguments
        if argument.name in given
    }


def _open_choice(command: Command, given: Mapping[str, str]) -> Argument | None:
    """What a word that fits nothing was meant for, where it can have been only that."""
    open_ = [one for one in command.arguments if one.name not in given and not one.by_name]
    return open_[0] if len(open_) == 1 and open_[0].kind is Kind.CHOICE else None


def _until(command: Command, argument: Argument, given: Mapping[str, str]) -> str:
    """What was written in front of this argument."""
    before = itertools.takewhile(lambda one: one is not argument, command.arguments)
    return " ".join((f"/{command.name}", *(given[one.name][:100] for one in before if one.name in given)))


def _no_choice(argument: Argument, after: str) -> Mistake:
    return Mistake("mistake.choice", after=after, choices=", ".join(argument.choices))


def missing(command: Command, given: Mapping[str, str]) -> bool:
    """Whether a required argument is not there."""
    return any(argument.required and argument.name not in given for argument in command.arguments)


def _value(argument: Argument, text: str, after: str = "") -> str | int | float | bool:
    match argument.kind:
        case Kind.TEXT:
            if len(text) > argument.max_length:
                raise Mistake("mistake.long", name=argument.name, limit=argument.max_length)
            return text
        case Kind.CHOICE:
            chosen = _choice(argument, text)
            if chosen is None:
                raise _no_choice(argument, after)
            return chosen
        case Kind.BOOLEAN:
            if text.lower() not in _YES | _NO:
                raise Mistake("mistake.boolean", name=argument.name)
            return text.lower() in _YES
        case Kind.INTEGER | Kind.NUMBER:
            return _within(argument, _number(argument, text))


def _number(argument: Argument, text: str) -> int | float:
    try:
        number = int(text) if argument.kind is Kind.INTEGER else float(text.replace(",", "."))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Mistake(
            "mistake.integer" if argument.kind is Kind.INTEGER else "mistake.number", name=argument.name
        )
    return number


def _within(argument: Argument, number: float) -> int | float:
    if argument.minimum is not None and number < argument.minimum:
        raise Mistake("mistake.least", name=argument.name, least=argument.minimum)
    if argument.maximum is not None and number > argument.maximum:
        raise Mistake("mistake.most", name=argument.name, most=argument.maximum)
    return number


def _could_be(argument: Argument, word: str) -> bool:
    try:
        _value(argument, word)
    except Mistake:
        return False
    return True


def _choice(argument: Argument, text: str) -> str | None:
    return next((choice for choice in argument.choices if choice.lower() == text.strip().lower()), None)


def _unquoted(word: str) -> str:
    return word[1:-1] if word[0] in '"“' and len(word) > 1 and word[-1] in '"”' else word
