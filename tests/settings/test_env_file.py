"""`.env` and the files that it names: what counts of them, and what is said of lines that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.settings import ModelSettings, Settings, read_settings
from core.variables import SettingsError
from tests.settings.given import DISCORD, TELEGRAM, problems, read


def test_the_environment_wins_over_the_file_unless_it_is_empty(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"OPENAI_MODEL=embedded\nTELEGRAM_TOKEN='{TELEGRAM}'\nDISCORD_TOKEN=from-file\n")
    settings = read_settings({"DISCORD_TOKEN": DISCORD, "TELEGRAM_TOKEN": " "}, file)
    assert settings.discord_token == DISCORD
    assert settings.telegram_token == TELEGRAM
    assert settings.model == ModelSettings()


def test_a_line_that_is_none_is_reported_without_what_it_holds(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text('\ufeffOPENAI_MODEL=embedded\nDISCORD_TOKEN: s3cr3t\n\nTELEGRAM_TOKEN="s3cr3t\n', "utf-8")
    settings = read_settings({}, file)
    assert settings.model == ModelSettings()
    assert [line.partition(". ")[0] for line in settings.warnings] == [
        f"{file}, line {number} is not understood" for number in (2, 4)
    ]
    assert "s3cr3t" not in repr(settings)


@pytest.mark.parametrize(
    "line", ["sk-s3cr3t", f"  {TELEGRAM} # s3cr3t", DISCORD, "'s3cr3t'", "export S3CR3T"]
)
def test_a_line_without_a_name_is_reported_without_what_it_holds(tmp_path: Path, line: str) -> None:
    file = tmp_path / ".env"
    file.touch(0o600)
    file.write_text(f"# s3cr3t\n\n{line}\n\nOPENAI_MODEL=embedded\n SLUICE_ADMINS=\n")
    settings = read_settings({}, file)
    assert settings.warnings == (
        f"{file}, line 3 is not understood. Write NAME=value, with both quotes or none.",
    )


def test_no_file_is_no_problem(tmp_path: Path) -> None:
    assert read_settings({}, tmp_path / ".env") == Settings()


@pytest.mark.parametrize("content", [b"\xff\xfeOPENAI_MODEL", b"OPENAI_MODEL=\x80abc"])
def test_a_file_that_is_no_text_is_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / ".env"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="UTF-8"):
        read_settings({}, file)


def test_an_env_file_that_everybody_may_read_is_told_of_where_it_holds_a_secret(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("SOME_API_KEY=abcdef\n")
    for folder, mode, told in (
        (0o755, 0o644, True),
        (0o755, 0o640, False),
        (0o755, 0o600, False),
        (0o700, 0o644, False),
    ):
        tmp_path.chmod(folder)
        env.chmod(mode)
        assert any("can read" in line for line in read_settings({}, env).warnings) is told
    env.write_text("SLUICE_LOG_LEVEL=INFO\n")
    tmp_path.chmod(0o755)
    assert read_settings({}, env).warnings == ()


def test_another_configuration_file_must_be_there(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    (problem,) = problems(SLUICE_CONFIG=str(file))
    assert problem.startswith("SLUICE_CONFIG names ")
    assert "other.toml, which is no file." in problem
    file.touch()
    assert read(SLUICE_CONFIG=str(file)).config_file == file


def test_what_a_configuration_file_may_say_is_not_missed(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.touch()
    settings = read(SLUICE_CONFIG=str(file), OPENAI_API_KEY="key")
    assert (settings.model.chosen, settings.model.api_key) == (False, "key")
    assert read(SLUICE_CONFIG=str(file), OPENAI_MODEL="home/a").model.name == "home/a"
