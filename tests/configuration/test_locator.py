"""The line on which a key stands, in every way that TOML lets it be written."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.configuration.locator import KeyPath, lines_of

_TABLE: list[tuple[str, dict[KeyPath, int]]] = [
    ("", {}),
    ("a = 1", {("a",): 1}),
    ("\n# a = 1\n\na = 2 # a = 3\n", {("a",): 4}),
    ("a.b = 1\na . c = 2", {("a",): 1, ("a", "b"): 1, ("a", "c"): 2}),
    ("[a.b]\nc = 1\n[a]\nd = 2", {("a",): 1, ("a", "b"): 1, ("a", "b", "c"): 2, ("a", "d"): 4}),
    ('[models."a/b"]\n"c d" = 1\n\'e"f\' = 2', {("models", "a/b", "c d"): 2, ("models", "a/b", 'e"f'): 3}),
    ('"\\u0061" = 1', {("a",): 1}),
    ('a = """\nb = 1\n\\"""\n"""\nc = 2', {("a",): 1, ("c",): 5}),
    ('a = """x"""""\nc = 2', {("a",): 1, ("c",): 2}),
    ("a = '''\nb = '1'\n'''\nc = 2", {("a",): 1, ("c",): 4}),
    ('a = ""\nb = \'\'\nc = "#"\nd = "\\""', {("a",): 1, ("b",): 2, ("c",): 3, ("d",): 4}),
    ("a = [\n  1, # one\n  2,\n]\nb = 1", {("a",): 1, ("a", 0): 2, ("a", 1): 3, ("b",): 5}),
    ("a = [[1],\n[2, 3]]", {("a", 0, 0): 1, ("a", 1): 2, ("a", 1, 1): 2}),
    (
        "a = { b = 1, c.d = [\n2] }\ne = 1",
        {("a", "b"): 1, ("a", "c", "d"): 1, ("a", "c", "d", 0): 2, ("e",): 3},
    ),
    ("a = { }\nb = []\nc = 1", {("a",): 1, ("b",): 2, ("c",): 3}),
    ("[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3", {("a", 0, "b"): 2, ("a", 1, "b"): 4, ("a", 1, "c", "d"): 6}),
    ("[[a]]\n[[a.b]]\nc = 1\n[[a]]\n[[a.b]]\nc = 2", {("a", 0, "b", 0, "c"): 3, ("a", 1, "b", 0, "c"): 6}),
    ("a = 1979-05-27 07:32:00Z\nb = +1e-9\nc = 0xFF", {("a",): 1, ("b",): 2, ("c",): 3}),
    ("a = 1\r\nb = 2\r\n", {("a",): 1, ("b",): 2}),
]


@pytest.mark.parametrize(("document", "expected"), _TABLE, ids=range(len(_TABLE)))
def test_each_way_to_write_it(document: str, expected: dict[KeyPath, int]) -> None:
    tomllib.loads(document)  # it is TOML
    lines = lines_of(document)
    assert {path: lines.get(path) for path in expected} == expected


def test_what_is_no_toml_is_located_as_far_as_it_goes() -> None:
    assert lines_of('a = 1\nb = "2\nc = 3') == {("a",): 1, ("b",): 2}


_KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=6) | st.sampled_from(
    ["a", "b-1", "a/b", "#", "[x]", '"', "a.b"]
)
_TEXTS = st.text(st.sampled_from("ab\"'\\#=[]{}\n ,."), max_size=12)
_VALUES = st.recursive(
    _TEXTS | st.integers(-9, 9) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


class _Writer:
    """Writes a table as TOML in a drawn style, and remembers the line of each key."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.text = ""
        self.lines: dict[KeyPath, int] = {}
        self._draw = draw

    def table(self, values: dict[str, Any], path: KeyPath = ()) -> None:
        nested = {}
        for key, value in values.items():
            if isinstance(value, dict) and self._draw(st.booleans()):
                nested[key] = value
                continue
            self._blank()
            self._note((*path, key))
            self.text += f"{_quoted(key)} = "
            self._value(value, (*path, key))
            self.text += self._draw(st.sampled_from(["\n", " # no = 1\n", "\n\n"]))
        for key, value in nested.items():
            inner = (*path, key)
            self._blank()
            self._note(inner)
            self.text += f"[{'.'.join(_quoted(str(part)) for part in inner)}]\n"
            self.table(value, inner)

    def _value(self, value: Any, path: KeyPath) -> None:
        match value:
            case dict():
                self.text += "{ "
                for number, (key, inner) in enumerate(value.items()):
                    self.text += ", " if number else ""
                    self._note((*path, key))
                    self.text += f"{_quoted(key)} = "
                    self._value(inner, (*path, key))
                self.text += " }"
            case list():
                self.text += "["
                for place, inner in enumerate(value):
                    self.text += self._draw(st.sampled_from(["", "\n  ", " # ] no\n"]))
                    self._note((*path, place))
                    self._value(inner, (*path, place))
                    self.text += ", "
                self.text += "]"
            case str() if self._draw(st.booleans()):
                escaped = value.replace("\\", "\\\\").replace('"', '\\"')
                self.text += f'"""\n{escaped}"""'
            case _:
                self.text += json.dumps(value)

    def _blank(self) -> None:
        self.text += self._draw(st.sampled_from(["", "\n", "# [no]\n", "  \t"]))

    def _note(self, path: KeyPath) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)


def _quoted(key: str) -> str:
    return json.dumps(key, ensure_ascii=False).replace("\x7f", "\\u007F")


@st.composite
def _documents(draw: st.DrawFn) -> tuple[str, dict[KeyPath, int], dict[str, Any]]:
    values = draw(st.dictionaries(_KEYS, _VALUES, max_size=4))
    writer = _Writer(draw)
    writer.table(values)
    return writer.text, writer.lines, values


@given(_documents())
def test_every_key_of_any_document_is_on_its_line(
    document: tuple[str, dict[KeyPath, int], dict[str, Any]],
) -> None:
    text, lines, values = document
    assert tomllib.loads(text) == values
    assert lines_of(text) == lines
    assert set(lines) == set(_paths(values))


def _paths(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in inner:
        yield (*path, key)
        yield from _paths(held, (*path, key))
