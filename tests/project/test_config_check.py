"""`sluice config`: what is in force, what is wrong and where; and an example to begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project.program import Finished, sluice

ROOT = Path(__file__).parents[2]
KEY = "sk-proj-0123456789abcdefghij"


def _said(done: Finished) -> str:
    return done.out.decode()


async def test_the_example_is_the_committed_one_and_good(tmp_path: Path) -> None:
    done = await sluice(tmp_path, "config", "example", installed=True)
    assert (done.code, _said(done)) == (0, (ROOT / "sluice.example.toml").read_text("utf-8"))
    (tmp_path / "sluice.toml").write_bytes(done.out)
    (tmp_path / ".env").touch(0o600)
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    done = await sluice(tmp_path, "config", "check", installed=True)
    assert (done.code, done.err) == (0, "")
    mini = (
        '"GPT-5 mini"',
        "0.25 / 2.0 USD per million tokens",
        "128,000 tokens of context",
        "answers up to 4,000",
        "prompts up to 16,000",
        "reasoning, tools, vision",
        "else home/llama3.2",
    )
    for line in (
        f"File: {tmp_path}/sluice.toml",
        "Default model: openai/gpt-5-mini",
        "  openai: api.openai.com, key from OPENAI_API_KEY",
        "  home: 127.0.0.1:11434, no key, sends X-Title",
        f"  openai/gpt-5-mini: {'; '.join(mini)}",
        "  poet: Answers in verse; by home/llama3.2; temperature 1.2; 40 characters of system prompt",
        "  busy: queue",
        "  everybody: money_per_month 20.0 USD, requests_per_minute 120, streams 200",
        "  roles discord:123456789012345678: tokens_per_day 400,000, money_per_day unlimited",
        "✓ Nothing is wrong.",
    ):
        assert f"{line}\n" in _said(done), line
    assert KEY not in _said(done)


async def test_what_is_wrong_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "sluice.toml").write_text(f"[providers.a]\napi_key = '{KEY}'\n[personsa.b]\n")
    done = await sluice(tmp_path, "config", "check")
    assert done.code == 2
    assert [line.split(". ")[0] for line in _said(done).splitlines()] == [
        "✗ sluice.toml, line 2: providers.a.api_key looks like a key",
        "✗ sluice.toml, line 3: personsa is not known",
    ]
    assert KEY not in _said(done)


async def test_a_warning_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "sluice.toml").write_text(
        'default_model = "a/b"\n[providers.a]\napi_key_env = "A_KEY"\n[models."a/b"]'
    )
    done = await sluice(tmp_path, "config", "check")
    assert done.code == 1
    assert "! sluice.toml, line 3: providers.a.api_key_env names A_KEY, which is not set." in _said(done)
    assert "  a: api.openai.com, A_KEY is not set" in _said(done)


async def test_another_file_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("[personas.cook]\n")
    done = await sluice(tmp_path, "config", "check", settings={"SLUICE_CONFIG": "other.toml"})
    assert (done.code, f"File: {tmp_path}/other.toml" in _said(done)) == (0, True)
    assert "  cook: as its model" in _said(done)
    done = await sluice(tmp_path, "config", "check", settings={"SLUICE_CONFIG": "nothing.toml"})
    assert (done.code, "SLUICE_CONFIG names no file that is there." in _said(done)) == (2, True)


@pytest.mark.parametrize("command", [("run",), ("ask", "hi")])
async def test_nothing_starts_with_a_wrong_file(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "sluice.toml").write_text("[defaults]\nbusy = 'no'\n")
    done = await sluice(tmp_path, *command, settings={"SLUICE_HTTP": "127.0.0.1:0"})
    assert done.code == 1
    assert done.line.startswith("sluice: sluice.toml, line 2: defaults.busy is")


async def test_doctor_names_the_file_and_its_problems(tmp_path: Path) -> None:
    (tmp_path / "sluice.toml").write_text("[defaults]\nbusy = 'no'\n")
    done = await sluice(tmp_path, "doctor")
    assert done.code == 1
    assert "sluice.toml, line 2: defaults.busy" in _said(done)
