"""`docs/features.md` names every command and setting, and a test for each on each platform."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from core.commands.registry import registry
from core.conversation.preferences import NAMES

DOCUMENT = Path(__file__).parents[2] / "docs" / "features.md"
PLATFORMS = ("discord", "telegram")
_LINK = re.compile(r"\]\(([^)#]+\.py)#(\w+)\)")
_ON_BOTH = frozenset({"hands", "world", "local"})
"""Fixtures with both platforms behind them."""
_NOT_CHOSEN = frozenset({"opened"})
"""Kept like a choice, and made by what somebody does."""


def rows(heading: str) -> dict[str, list[str]]:
    """The cells for Discord and Telegram in the table under a heading, by what the row is about."""
    section = DOCUMENT.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    found = {first: rest[-2:] for first, *rest in cells}
    assert len(found) == len(lines)
    return found


ROWS = {heading: rows(heading) for heading in ("Commands", "Settings", "Conversations")}
CELLS = [
    pytest.param(platform, cell, id=f"{name} {platform}")
    for table in ROWS.values()
    for name, cells in table.items()
    for platform, cell in zip(PLATFORMS, cells, strict=True)
]


@cache
def source_of(file: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Each test's text and what it asks for, by name."""
    text = file.read_text()
    return {
        node.name: (ast.get_source_segment(text, node) or "", frozenset(one.arg for one in node.args.args))
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_every_command_has_a_row() -> None:
    assert set(ROWS["Commands"]) == {f"`/{command.name}`" for command in registry()}


def test_every_setting_has_a_row() -> None:
    assert set(ROWS["Settings"]) == {f"`{name}`" for name in NAMES if name not in _NOT_CHOSEN}


@pytest.mark.parametrize(("platform", "cell"), CELLS)
def test_every_cell_names_a_test_that_is_there_and_uses_its_platform(platform: str, cell: str) -> None:
    links = _LINK.findall(cell)
    assert links
    for path, name in links:
        text, fixtures = source_of((DOCUMENT.parent / path).resolve())[name]
        assert platform in text.lower() or fixtures & _ON_BOTH, name
