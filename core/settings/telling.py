"""How a wrong value is told to people: shortened, and never where it may be a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from core.secret_shapes import looks_secret
from core.settings.entries import PLATFORMS
from core.settings.values import MODEL_ID

_MIXED: Final = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])\S{16,}")
_PLATFORM_ID: Final = re.compile(
    rf"(?:{'|'.join(PLATFORMS)}):(?:[a-z]{{1,12}}:)?-?[0-9]{{1,20}}(?:/[0-9]{{1,20}})?", re.ASCII
)
_WORD: Final = re.compile(r"[A-Za-z0-9]+", re.ASCII)
_LONGEST_WORD: Final = 24  # characters
_LONGEST_ODD: Final = 4  # and only one of them: `8x7B`, `v3p1`
_CHANGE: Final = re.compile(r"(?<=[a-z])[A-Z0-9]|(?<=[0-9])[A-Za-z]|(?<=[A-Z])[0-9]|(?<=[A-Z]{2})[a-z]")
_MOST_CHANGES: Final = 2  # between small letters, capitals and digits: `SmolLM2`; what is random has more
_LONGEST_SHOWN: Final = 40  # characters
_LONGEST_ENTRY: Final = 24
"""Characters of what was to be an id: names that people take for ids are shorter, most secrets longer."""


def may_be_secret(value: str) -> bool:
    """Whether people must not see it: a part of it is long and mixed, and neither made of words as a model's
    name is nor an id of a platform."""
    return _looks_secret(value) or any(
        MODEL_ID.fullmatch(part) is None or not _is_made_of_words(part) for part in _mixed(value)
    )


def name_may_be_secret(name: str) -> bool:
    """The same of a name that the owner gave: several words make one, as in `gpt-4o-mini-2024-07-18`."""
    return _looks_secret(name) or not all(map(_is_made_of_words, _mixed(name)))


def shown(value: object) -> str:
    """A value for people, shortened; never one that may be a secret."""
    if isinstance(value, str):
        if may_be_secret(value):
            return _hidden(value)
        text = value[:_LONGEST_SHOWN]
        text = text if text.isprintable() else repr(text)[1:-1]  # a problem is told on one line
        return f'"{text}{"…" if len(value) > _LONGEST_SHOWN else ""}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return str(value)[:_LONGEST_SHOWN]


def shown_entry(entry: str) -> str:
    """The same of what was to be an id: it may be a secret that was pasted into the wrong line."""
    if len(entry) > _LONGEST_ENTRY and not _PLATFORM_ID.fullmatch(entry):
        return _hidden(entry)
    return shown(entry)


def shown_name(name: str) -> str:
    """A name that the owner gave, whole; never one that may be a secret."""
    return _hidden(name) if name_may_be_secret(name) else name


def _looks_secret(value: str) -> bool:
    """Also where a blank got into it."""
    return looks_secret(value) or looks_secret("".join(value.split()))


def _mixed(value: str) -> Iterator[str]:
    for part in value.split():
        if _MIXED.fullmatch(part) and not _PLATFORM_ID.fullmatch(part):
            yield part


def _is_made_of_words(part: str) -> bool:
    words = _WORD.findall(part)
    odd = [word for word in words if not _is_word(word)]
    return len(words) > 1 and len(odd) <= 1 and all(len(word) <= _LONGEST_ODD for word in odd)


def _hidden(value: str) -> str:
    return f"a text of {len(value)} characters"


def _is_word(run: str) -> bool:
    return len(run) <= _LONGEST_WORD and len(_CHANGE.findall(run)) <= _MOST_CHANGES
