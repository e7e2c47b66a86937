"""`SECURITY.md` and what belongs to it name tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_TEST = re.compile(r"`((?:[\w/]*/)?test_\w+\.py)(?:::(\w+))?`")
_ROW = re.compile(r"^\|(?! threat| ---)(.*)\|$", re.MULTILINE)
_BY_HAND = "`make audit`"


def named(document: str, folder: str) -> list[tuple[str, str]]:
    """Files, from the root, and their tests; "" for all of a file."""
    text = (ROOT / document).read_text()
    return [
        (
            f"{folder}{file.removeprefix('tests/')}"
            if "/" not in file
            else f"tests/{file.removeprefix('tests/')}",
            name,
        )
        for file, name in _TEST.findall(text)
    ]


NAMED = [*named("SECURITY.md", "tests/"), *named("docs/security/fetching.md", "tests/fetching/")]


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_every_test_that_is_named_is_there(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    functions = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    found = functions & {name} if name else {one for one in functions if one.startswith("test_")}
    assert found


def test_every_threat_names_a_test() -> None:
    rows = _ROW.findall((ROOT / "SECURITY.md").read_text())
    assert len(rows) >= 60
    assert [row for row in rows if not _TEST.search(row) and _BY_HAND not in row] == []
