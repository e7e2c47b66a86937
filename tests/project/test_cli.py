"""The command line itself."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from bots.cli import main
from core.catalogue import LANGUAGES, Completeness, report
from tests.project.program import sluice


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
