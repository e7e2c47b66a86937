"""How a wrong value is told to people: shortened, and never where it may be a secret."""

from __future__ import annotations

import re
from typing import Final

from core.secret_shapes import looks_secret
from core.settings.entries import PLATFORMS
from core.settings.values import MODEL_ID

_MAY_BE_SECRET: Final = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])\S{16,}")
_PLATFORM_ID: Final = re.compile(
    rf"(?:{'|'.join(PLATFORMS)}):(?:[a-z]{{1,12}}:)?-?[0-9]{{1,20}}(?:/[0-9]{{1,20}})?", re.ASCII
)
_WORD: Final = re.compile(r"[A-Za-z0-9]+", re.ASCII)
_LONGEST_WORD: Final = 20  # characters
_CHANGE: Final = re.compile(r"(?<=[a-z])[A-Z0-9]|(?<=[0-9])[A-Za-z]|(?<=[A-Z])[0-9]|(?<=[A-Z]{2})[a-z]")
_MOST_CHANGES: Final = 2  # between small letters, capitals and digits: `SmolLM2`; what is random has more
_LONGEST_SHOWN: Final = 40  # characters
_LONGEST_ENTRY: Final = 24
"""Characters of what was to be an id: names that people take for ids are shorter, most secrets longer."""


def may_be_secret(value: str) -> bool:
    """Whether people must not see it: it is long and mixed, and neither made of words as a model's name is
    nor an id of a platform."""
    if looks_secret(value):
        return True
    if not _MAY_BE_SECRET.fullmatch(value) or _PLATFORM_ID.fullmatch(value):
        return False
    return MODEL_ID.fullmatch(value) is None or not all(map(_is_word, _WORD.findall(value)))


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


def _hidden(value: str) -> str:
    return f"a text of {len(value)} characters"


def _is_word(run: str) -> bool:
    return len(run) <= _LONGEST_WORD and len(_CHANGE.findall(run)) <= _MOST_CHANGES
