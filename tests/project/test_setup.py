"""tools/setup where something is missing, on a copy whose PATH has only what a test puts there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASICS = ("sh", "cat", "cut", "dirname", "find", "head", "id", "rm", "sed", "sort", "uname")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout with `bin/` as its whole PATH: a shell and its tools, no Python, no uv, no apt-get."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "bin").mkdir()
    for name in BASICS:
        found = shutil.which(name)
        assert found is not None
        (tmp_path / "bin" / name).symlink_to(found)
    return tmp_path


def _program(machine: Path, name: str, script: str) -> None:
    file = machine / "bin" / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def _setup(machine: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own script
        [machine / "tools" / "setup", *arguments],
        env={"PATH": str(machine / "bin"), "HOME": str(machine)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_python_is_one_clear_line(machine: Path) -> None:
    done = _setup(machine)
    assert done.returncode == 1
    assert done.stderr == (
        "setup: Sluice needs Python 3.11 or newer. "
        "Install it (Debian: apt-get install python3) and run this again.\n"
    )


def test_python_without_venv_and_pip_is_one_clear_line(machine: Path) -> None:
    """As on Debian without python3-venv, for a user who may not install it."""
    python = machine / "bin" / "python3"
    _program(machine, "python3", f'case "$1" in -c) echo "{python}";; *) exit 1;; esac')
    done = _setup(machine)
    assert done.returncode == 1
    assert "Install one (Debian: apt-get install python3-venv)" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_debians_venv_is_installed_where_the_user_may(machine: Path) -> None:
    python = machine / "bin" / "python3"
    _program(machine, "python3", f'case "$1" in -c) echo "{python}";; *) exit 1;; esac')
    _program(machine, "id", "echo 0")
    _program(machine, "env", 'shift; exec "$@"')
    _program(machine, "apt-get", f'echo "$@" >> "{machine}/asked"')
    assert _setup(machine).returncode == 1  # the pretended package changes nothing
    asked = (machine / "asked").read_text()
    assert "install -y -qq --no-install-recommends python3-venv" in asked


@pytest.fixture
def ready(machine: Path) -> Path:
    """As after a setup: a second one has nothing to do."""
    programs = machine / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("sluice", "python"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    (machine / ".venv" / ".sluice-setup").write_text(f"{machine}\n")
    return machine


def test_nothing_is_done_twice(ready: Path) -> None:
    done = _setup(ready)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_folder_that_was_moved_is_set_up_again(ready: Path) -> None:
    (ready / ".venv" / ".sluice-setup").write_text("/elsewhere\n")
    assert "needs Python" in _setup(ready).stderr


def test_a_changed_lock_is_installed(ready: Path) -> None:
    stamp = ready / ".venv" / ".sluice-setup"
    later = stamp.stat().st_mtime + 10
    os.utime(ready / "requirements.lock", (later, later))
    assert "needs Python" in _setup(ready).stderr


def test_a_missing_browser_is_one_clear_line(ready: Path) -> None:
    done = _setup(ready, "--browser")
    assert done.returncode == 1
    assert "apt-get install chromium" in done.stderr


def test_a_browser_that_is_there_is_enough(ready: Path) -> None:
    _program(ready, "chromium", "exit 0")
    assert _setup(ready, "--browser").returncode == 0
