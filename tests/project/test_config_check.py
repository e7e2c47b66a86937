"""`sluice config`: what is in force, what is wrong and where; and an example to begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project.program import Finished, sluice

ROOT = Path(__file__).parents[2]
TOKEN = "123456789:AAabcdefghijklmnopqrstuvwxyz0123456"
KEY = "sk-proj-0123456789abcdefghij"


def _said(done: Finished) -> str:
    return done.out.decode()


async def test_the_example_is_the_committed_one_and_good(tmp_path: Path) -> None:
    done = await sluice(tmp_path, "config", "example", installed=True)
    assert (done.code, _said(done)) == (0, (ROOT / "sluice.example.toml").read_text("utf-8"))
    (tmp_path / "sluice.toml").write_bytes(done.out)
    (tmp_path / ".env").touch(0o600)
    (tmp_path / ".env").write_text(f"OPENAI_MODEL=gpt-5-mini\nOPENAI_API_KEY={KEY}\n")
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
        "  everybody: requests_per_minute 120, streams 200",
        "  roles discord:123456789012345678: tokens_per_day 400,000, money_per_day unlimited",
        "✓ Nothing is wrong. `sluice doctor` tries keys and connections, too.",
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


@pytest.mark.parametrize("token", [TOKEN, "changeme"])
async def test_a_token_without_a_model_is_what_run_refuses(tmp_path: Path, token: str) -> None:
    """Whatever a wrong token hides from `run` itself."""
    settings = {"TELEGRAM_TOKEN": token}
    check = await sluice(tmp_path, "config", "check", settings=settings)
    assert check.code == 2
    missing = "OPENAI_MODEL is not set, and with a platform's token no other model stands in for it."
    assert f"✗ {missing}" in _said(check)
    if token == TOKEN:
        run = await sluice(tmp_path, "run", settings=settings)
        assert (run.code, _said(check)) == (1, f"✗ {run.line.removeprefix('sluice: ')}\n")


@pytest.mark.parametrize("folder", ["sluice.toml", "/proc/nowhere"])
async def test_a_data_folder_that_run_refuses_is_wrong(tmp_path: Path, folder: str) -> None:
    (tmp_path / "sluice.toml").touch()
    check = await sluice(tmp_path, "config", "check", settings={"SLUICE_DATA_DIR": folder})
    run = await sluice(tmp_path, "run", settings={"SLUICE_DATA_DIR": folder})
    assert (check.code, run.code) == (2, 1)
    assert _said(check) == f"✗ {run.line.removeprefix('sluice: ')}\n"


async def test_a_data_folder_is_looked_at_and_not_made(tmp_path: Path) -> None:
    done = await sluice(tmp_path, "config", "check", settings={"SLUICE_DATA_DIR": "~nobody-of-that-name/x"})
    assert (done.code, _said(done).count("SLUICE_DATA_DIR")) == (2, 1)
    done = await sluice(tmp_path, "config", "check", settings={"SLUICE_DATA_DIR": "kept/data"})
    assert done.code == 0
    assert not (tmp_path / "kept").exists()


async def test_it_says_which_model_answers_where_none_is_named(tmp_path: Path) -> None:
    done = await sluice(tmp_path, "config", "check")
    assert done.code == 0
    assert "Platforms: no token is set; `sluice run` starts the sandbox\n" in _said(done)
    demo = "Default model: embedded/demo; none is named, and in the sandbox the demo model answers\n"
    assert demo in _said(done)
    live = {"TELEGRAM_TOKEN": TOKEN, "OPENAI_MODEL": "embedded"}
    done = await sluice(tmp_path, "config", "check", settings=live)
    assert (done.code, "Platforms: Telegram\nDefault model: embedded/demo\n" in _said(done)) == (0, True)


async def test_both_are_looked_at_whatever_is_wrong_with_the_first(tmp_path: Path) -> None:
    (tmp_path / "sluice.toml").write_text("default_model = 'home/a'\n[defaults]\nbusy = 'no'\n")
    wrong = {"SLUICE_HTTP": "8765", "DISCORD_TOKN": "any", "TELEGRAM_TOKEN": "changeme"}
    done = await sluice(tmp_path, "config", "check", settings=wrong)
    assert done.code == 2
    assert [line.split(". ")[0] for line in _said(done).splitlines()] == [
        "✗ SLUICE_HTTP must be HOST:PORT, such as 127.0.0.1:8765.",
        "✗ TELEGRAM_TOKEN does not look like a token of Telegram",
        '✗ sluice.toml, line 1: default_model names "home/a", which is no model here',
        '✗ sluice.toml, line 3: defaults.busy is "no"',
        "! DISCORD_TOKN is not read",
    ]


async def test_nothing_that_is_missing_is_told_twice(tmp_path: Path) -> None:
    """A key that is missing is that of a model that is named."""
    settings = {"TELEGRAM_TOKEN": TOKEN, "OPENAI_MODEL": "any"}
    done = await sluice(tmp_path, "config", "check", settings=settings)
    assert (done.code, [line.split(".")[0] for line in _said(done).splitlines()]) == (
        2,
        ["✗ OPENAI_API_KEY is not set"],
    )


async def test_a_token_that_cannot_be_one_beside_a_good_one_is_a_warning(tmp_path: Path) -> None:
    settings = {"TELEGRAM_TOKEN": TOKEN, "DISCORD_TOKEN": "changeme", "OPENAI_MODEL": "embedded"}
    done = await sluice(tmp_path, "config", "check", settings=settings)
    assert done.code == 1
    assert "! DISCORD_TOKEN does not look like a token of Discord." in _said(done)
    assert "Platforms: Telegram\n" in _said(done)


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
    assert (done.code, "SLUICE_CONFIG names nothing.toml, which is no file." in _said(done)) == (2, True)


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


@pytest.mark.parametrize("secret", [KEY, "84ef01a3b5c7d9e1f3025476981badce", "AKIAIOSFODNN7EXAMPLE"])
async def test_no_secret_in_another_ones_place_is_shown(tmp_path: Path, secret: str) -> None:
    """What is in force is shown whole, names that the owner gave among it."""
    (tmp_path / "sluice.toml").write_text(
        f"""
        [providers.{secret}]
        base_url = "http://127.0.0.1:9/v1"
        api_key_env = "AKIAIOSFODNN7EXAMPLE"
        headers.{secret} = "x"
        [models."{secret}/a"]
        name = "{secret}"
        fallback = ["env/{secret}"]
        [personas.a]
        description = "by {secret}"
        model = "{secret}/a"
        [permissions]
        models_for_everybody = ["{secret}/a"]
        [defaults]
        keywords = ["{secret}"]
        """
    )
    given = {"OPENAI_MODEL": secret, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1", f"SLUICE_{secret}": "x"}
    check = await sluice(tmp_path, "config", "check", settings=given)
    assert (check.code, "Default model: a text of" in _said(check)) == (1, True)
    assert "AKIA" not in _said(check)
    assert secret not in _said(check)
    doctor = await sluice(tmp_path, "doctor", settings=given)
    assert secret not in _said(doctor) + doctor.err
    ask = await sluice(tmp_path, "ask", "hi", settings=given)
    assert (ask.code, secret in ask.err) == (1, False)


async def test_a_known_secret_of_any_look_is_not_shown_either(tmp_path: Path) -> None:
    given = {"OPENAI_API_KEY": "open sesame", "OPENAI_MODEL": "gpt", "SLUICE_CONFIG": "other.toml"}
    (tmp_path / "other.toml").write_text('[personas.a]\ndescription = "says open sesame"\n')
    done = await sluice(tmp_path, "config", "check", settings=given)
    assert "open sesame" not in _said(done)
