"""On which line of a TOML document a key stands: tomllib tells it of syntax errors alone.

The document has been parsed already, so what is read here is valid: this only walks over it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys from the top, with the place in an array as a number."""

_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*'""")
_STRING = re.compile(
    r'''"""(?:\\[\s\S]|[^\\])*?"""(?:"{0,2})|\'\'\'[\s\S]*?\'\'\'(?:'{0,2})|"(?:\\.|[^"\\\n])*"|'[^'\n]*\''''
)
_SCALAR = re.compile(r"""[^,\[\]{}#\n"']+""")
_BLANK = re.compile(r"[ \t\r]*")
_BLANK_LINES = re.compile(r"(?:\s+|#[^\n]*)*")


def lines_of(document: str) -> Mapping[KeyPath, int]:
    """The line, from 1, of each key, table and element; the first where a table stands in several."""
    walk = _Walk(document)
    with suppress(_LostError, RecursionError):  # what was found until there is true
        walk.document()
    return walk.lines


class _LostError(Exception):
    """The document is not as TOML has it."""


class _Walk:
    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._text = text
        self._at = 0
        self._line = 1
        self._tables: dict[KeyPath, int] = {}  # arrays of tables, each with the place of its last one

    def document(self) -> None:
        table: KeyPath = ()
        while True:
            self._skip(_BLANK_LINES)
            if self._at == len(self._text):
                return
            if self._take("[["):
                table = self._next_table(self._keys())
                self._expect("]]")
            elif self._take("["):
                table = self._resolved(self._keys())
                self._note(table)
                self._expect("]")
            else:
                self._pair(table)

    def _pair(self, table: KeyPath) -> None:
        path = (*table, *self._keys())
        self._note(path)
        self._expect("=")
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip(_BLANK)
        if self._take("["):
            self._array(path)
        elif self._take("{"):
            self._inline_table(path)
        else:
            self._match(_STRING if self._text[self._at : self._at + 1] in {'"', "'"} else _SCALAR)

    def _array(self, path: KeyPath) -> None:
        place = 0
        while True:
            self._skip(_BLANK_LINES)
            if self._take("]"):
                return
            self._note((*path, place))
            self._value((*path, place))
            place += 1
            self._skip(_BLANK_LINES)
            self._take(",")

    def _inline_table(self, path: KeyPath) -> None:
        while True:
            self._skip(_BLANK_LINES)
            if self._take("}"):
                return
            self._pair(path)
            self._skip(_BLANK_LINES)
            self._take(",")

    def _keys(self) -> tuple[str, ...]:
        keys = []
        while True:
            self._skip(_BLANK)
            key = self._match(_KEY)
            keys.append(tomllib.loads(f"key = {key}")["key"] if key[0] in "\"'" else key)
            self._skip(_BLANK)
            if not self._take("."):
                return tuple(keys)

    def _resolved(self, keys: tuple[str, ...]) -> KeyPath:
        """With the places of the arrays of tables that it leads through."""
        path: KeyPath = ()
        for key in keys:
            path = (*path, key)
            if path in self._tables:
                path = (*path, self._tables[path])
        return path

    def _next_table(self, keys: tuple[str, ...]) -> KeyPath:
        array = (*self._resolved(keys[:-1]), keys[-1])
        self._tables[array] = self._tables.get(array, -1) + 1
        path = (*array, self._tables[array])
        self._note(path)
        return path

    def _note(self, path: KeyPath) -> None:
        for end in range(1, len(path) + 1):
            self.lines.setdefault(path[:end], self._line)

    def _take(self, sign: str) -> bool:
        if not self._text.startswith(sign, self._at):
            return False
        self._at += len(sign)
        return True

    def _expect(self, sign: str) -> None:
        self._skip(_BLANK)
        if not self._take(sign):
            raise _LostError

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._match(pattern)

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise _LostError
        self._at = found.end()
        self._line += found[0].count("\n")
        return found[0]
