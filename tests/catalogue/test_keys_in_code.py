"""The code and the catalogue speak of the same keys, with the same values."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

from core.catalogue import ENGLISH, entries

ROOT = Path(__file__).parents[2]
ENTRIES = entries(ENGLISH)
KEYS = frozenset(ENTRIES)


@cache
def trees() -> dict[Path, ast.Module]:
    """The code, by file."""
    files = (path for package in ("core", "bots") for path in sorted((ROOT / package).rglob("*.py")))
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}


@cache
def said() -> tuple[tuple[str, ast.Call], ...]:
    """Every call of `say` in the code, with where it stands."""
    return tuple(_said())


def _said() -> Iterator[tuple[str, ast.Call]]:
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def keys_of(argument: ast.expr) -> frozenset[str]:
    """The keys that a first argument may stand for; of an f-string, all that fit it. Else none."""
    match argument:
        case ast.Constant(value=str(key)):
            return frozenset({key})
        case ast.IfExp(body=one, orelse=other):
            return keys_of(one) | keys_of(other)
        case ast.JoinedStr(values=parts):
            pattern = "".join(
                re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z_.]+" for part in parts
            )
            return frozenset(key for key in KEYS if re.fullmatch(pattern, key))
    return frozenset()


def test_every_key_in_the_code_exists() -> None:
    calls = [(where, call.args[0]) for where, call in said()]
    assert len(calls) > 20
    for where, argument in calls:
        keys = keys_of(argument)
        assert keys <= KEYS, where
        assert keys or not isinstance(argument, (ast.Constant, ast.IfExp, ast.JoinedStr)), where


def test_every_key_is_used() -> None:
    """As a constant somewhere (some reach `say` by way of a table), or as one that an f-string can make."""
    constants = {
        node.value
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    made = {key for _, call in said() for key in keys_of(call.args[0])}
    assert KEYS - constants - made == set()


def test_every_call_gives_the_values_that_its_text_has() -> None:
    for where, call in said():
        given = {keyword.arg for keyword in call.keywords}
        if None in given:  # **values: whoever passes them on knows no more
            continue
        for key in keys_of(call.args[0]):
            shown = ENTRIES[key].forms[0]
            assert given == {name for _, name, _, _ in Formatter().parse(shown) if name}, (where, key)


def test_the_core_always_says_for_whom() -> None:
    """A second argument: whose language it is. To operators `bots` speaks English."""
    unaddressed = [where for where, call in said() if where.startswith("core/") and len(call.args) < 2]
    assert unaddressed == []
