"""The lock: complete, by hash, and without an address."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", LOCK, re.MULTILINE)
}


def _requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = [
        entry for group in project["dependency-groups"].values() for entry in group if isinstance(entry, str)
    ]
    return [Requirement(line) for line in [*project["project"]["dependencies"], *groups]]


@pytest.mark.parametrize("requirement", _requirements(), ids=str)
def test_every_dependency_is_pinned_as_the_project_asks(requirement: Requirement) -> None:
    assert PINS[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("file", ["requirements.lock", "tools/uv.txt", "tools/audit.txt"])
def test_every_pin_has_hashes_and_nothing_names_a_host(file: str) -> None:
    text = (ROOT / file).read_text()
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert entries
    for entry in entries:
        assert "==" in entry.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]
    assert "://" not in text
    assert not re.search(r"^\s*-(?:i|-index-url|-extra-index-url|f|-find-links)\b", text, re.MULTILINE)


def test_the_build_tool_is_locked_too() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert all(
        PINS[canonicalize_name(Requirement(line).name)] in Requirement(line).specifier for line in build
    )
