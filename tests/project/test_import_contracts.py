"""The floors hold, and a forbidden import would be caught."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and their contracts, to plant something in."""
    for package in ("bots", "core"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _broken_contracts(folder: Path) -> list[str]:
    # In the folder itself, whose packages go before the installed ones.
    done = subprocess.run(  # noqa: S603  # our own tool, our own arguments
        [LINT_IMPORTS, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )
    broken = [line.removesuffix(" BROKEN") for line in done.stdout.splitlines() if line.endswith(" BROKEN")]
    assert done.returncode == (1 if broken else 0), done.stdout + done.stderr
    return broken


def test_the_code_as_it_stands(copy: Path) -> None:
    assert _broken_contracts(copy) == []


@pytest.mark.parametrize(
    ("file", "planted", "contract"),
    [
        ("core/streaming/answer.py", "import time", "The heart is pure"),
        ("core/streaming/scheduler.py", "import asyncio", "The heart is pure"),
        ("core/service/driver.py", "import discord", "The core knows no platform"),
        ("core/catalogue/__init__.py", "import telegram", "The core knows no platform"),
        (
            "core/ports/surface.py",
            "import core.service.driver",
            "Floors: nothing imports what stands above it",
        ),
        (
            "bots/discord/surface.py",
            "import bots.telegram.surface",
            "Floors: nothing imports what stands above it",
        ),
    ],
)
def test_a_planted_import_is_caught(copy: Path, file: str, planted: str, contract: str) -> None:
    with (copy / file).open("a") as source:
        source.write(f"\n{planted}\n")
    assert contract in _broken_contracts(copy)


def test_a_room_without_a_floor_is_caught(copy: Path) -> None:
    (copy / "core" / "attic").mkdir()
    (copy / "core" / "attic" / "__init__.py").touch()
    assert _broken_contracts(copy) == ["Every room of core has its floor"]
