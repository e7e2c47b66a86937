"""The command line itself."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytest

from bots.cli import main
from core.catalogue import LANGUAGES, Completeness, report
from tests.project.program import PATIENCE_S, SLUICE, environment, sluice


async def test_version(tmp_path: Path) -> None:
    done = await sluice(tmp_path, "--version", installed=True)
    assert (done.code, done.out.decode()) == (0, f"sluice {version('sluice')}\n")


def test_no_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([])
    assert exit_.value.code == 2
    assert "usage: sluice" in capsys.readouterr().err


def test_sandbox_and_live_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["run", "--sandbox", "--live"])
    assert exit_.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


def test_an_unknown_benchmark_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "speed"]) == 1
    assert "freshness, cpu, growth" in capsys.readouterr().err


def test_figures_that_cannot_be_written_are_one_line_before_any_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "freshness", "--json", "/nowhere/figures.json"]) == 1
    assert "/nowhere/figures.json cannot be written" in capsys.readouterr().err


def test_how_complete_each_language_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["words"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.partition(":")[0] for line in lines} == set(LANGUAGES)
    assert len(lines) == len(LANGUAGES)
    assert not any("in English" in line for line in lines)


def test_what_is_missing_is_named_where_it_is_asked_for() -> None:
    found = (Completeness("en", 3, ()), Completeness("de", 1, ("busy", "spent")))
    assert report(found, missing=False) == "en: 3 of 3 texts\nde: 1 of 3 texts"
    assert report(found, missing=True) == "en: 3 of 3 texts\nde: 1 of 3 texts\n  busy\n  spent"


TELLS: Final = {  # what writes to standard output and ends; the code with which it does
    ("--help",): 0,
    ("--version",): 0,
    ("run", "--help"): 0,
    ("config", "example"): 0,
    ("config", "check"): 2,
    ("words",): 0,
    ("doctor",): 1,
    ("doctor", "--json"): 1,
}


async def _writes_to(output: int, folder: Path, command: Sequence[str], unbuffered: str) -> tuple[int, str]:
    """The exit code and the errors of a command whose output goes to a descriptor."""
    process = await asyncio.create_subprocess_exec(
        SLUICE,
        *command,
        cwd=folder,
        env=environment({"TELEGRAM_TOKEN": "changeme", "PYTHONUNBUFFERED": unbuffered}),
        stdin=DEVNULL,
        stdout=output,
        stderr=PIPE,
    )
    _, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode is not None
    return process.returncode, err.decode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full is Linux's")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", TELLS)
async def test_what_cannot_be_written_is_one_line_and_a_failure(
    command: Sequence[str], unbuffered: str, tmp_path: Path
) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        done = await _writes_to(full, tmp_path, command, unbuffered)
    finally:
        os.close(full)
    assert done == (1, "sluice: The output could not be written: No space left on device.\n")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(("command", "code"), TELLS.items())
async def test_a_reader_that_left_changes_nothing(
    command: Sequence[str], code: int, unbuffered: str, tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert await _writes_to(writing, tmp_path, command, unbuffered) == (code, "")
    finally:
        os.close(writing)
