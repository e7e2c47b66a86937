"""No secret is told, whatever line it stands on; what nobody sees around or in one is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.settings import read_settings
from core.variables import SettingsError, read_variables
from tests.settings.given import DISCORD, TELEGRAM, problems, read


@pytest.mark.parametrize(
    "secret",
    [TELEGRAM, DISCORD, "MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.x1y2z", "discord:sk-proj-a1B2c3D4e5F6g7H8i9"],
)
@pytest.mark.parametrize("name", ["SLUICE_ALLOW", "SLUICE_ADMINS"])
def test_a_secret_on_the_wrong_line_is_not_told(name: str, secret: str) -> None:
    [problem] = problems(**{name: secret})
    assert problem.startswith(f"{name}: a text of {len(secret)} characters is not understood.")


@pytest.mark.parametrize("secret", ["sk-s3cr3t s3cr3t", "sk-s3cr3t\ts3cr3t", "sk-s3cr3t\ns3cr3t"])
def test_white_space_inside_a_key_is_told_and_the_key_is_not(secret: str, tmp_path: Path) -> None:
    (problem,) = problems(OPENAI_MODEL="m", OPENAI_API_KEY=secret)
    assert problem == "OPENAI_API_KEY has white space inside. Copy the key again."
    (tmp_path / "key").write_text(secret)
    assert problems(OPENAI_MODEL="m", OPENAI_API_KEY_FILE=str(tmp_path / "key")) == (problem,)


@pytest.mark.parametrize("secret", ["sk-s3cr3t\u200b", "sk-s3cr3t\x00", "„sk-s3cr3t“"])
def test_what_nobody_sees_in_a_key_is_told_too(secret: str) -> None:
    (problem,) = problems(OPENAI_MODEL="m", OPENAI_API_KEY=secret)
    assert problem.startswith("OPENAI_API_KEY holds a character that no key has")
    assert "s3cr3t" not in problem


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "TELEGRAM_TOKEN", "HOME_KEY"])
def test_white_space_around_a_secret_is_told_and_left_out(name: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.touch(0o600)
    file.write_text(f"OPENAI_MODEL=embedded\n{name}=' {TELEGRAM} '\nPLAIN=' any '\n")
    settings = read_settings({}, file)
    assert settings.warnings == (f"{name} has white space around it, which is left out.",)
    assert read_variables({}, file)[name] == TELEGRAM


def test_white_space_around_what_is_not_ours_is_left_alone() -> None:
    assert read(OTHER_TOKEN=" any ").warnings == ()
    assert read(OPENAI_MODEL="embedded", OPENAI_API_KEY="key\n").model.api_key == "key"


@given(st.text(min_size=1).filter(str.strip))
def test_a_secret_is_never_in_what_settings_say(secret: str) -> None:
    secret = f"s3cr3t{secret}s3cr3t"
    values = {
        "DISCORD_TOKEN": secret,
        "TELEGRAM_TOKEN": secret,
        "OPENAI_API_KEY": secret,
        "OPENAI_MODEL": "m",
    }
    try:
        said = repr(read(**values))
    except SettingsError as error:
        said = str(error)
    assert "s3cr3t" not in said


@pytest.mark.parametrize("name", ["DISCORD_TOKEN", "TELEGRAM_TOKEN", "OPENAI_API_KEY", "DISCORD_BOT_TOKEN"])
def test_a_secret_may_stand_in_a_file(tmp_path: Path, name: str) -> None:
    """Without its line's end; what is set twice, not there, empty or no text is said without being shown."""
    file = tmp_path / "secret"
    secret = TELEGRAM if name.startswith("TELEGRAM") else DISCORD
    file.write_text(f"{secret}\n")
    model = {"OPENAI_MODEL": "x", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}
    assert secret in read_settings(model | {f"{name}_FILE": str(file)}, None).secrets
    with pytest.raises(SettingsError) as both:
        read_settings(model | {f"{name}_FILE": str(file), name: "another-secret"}, None)
    assert both.value.problems[0] == f"{name} and {name}_FILE are both set. Keep one of them."
    for content, why in ((None, "No such file"), (b" \n", "is empty"), (b"\xff\xfe", "is not UTF-8 text")):
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(SettingsError) as wrong:
            read_settings(model | {f"{name}_FILE": str(file)}, None)
        assert why in wrong.value.problems[0]
        assert str(file) not in wrong.value.problems[0]  # it may be the secret, put into the wrong line


def test_a_key_that_cannot_be_read_is_not_missing_too() -> None:
    (problem,) = problems(OPENAI_MODEL="m", OPENAI_API_KEY_FILE="/nowhere/key")
    assert problem.startswith("OPENAI_API_KEY_FILE names a file that cannot be read")


@pytest.mark.parametrize("name", ["SLUICE_ALLOW", "SLUICE_ADMINS"])
@pytest.mark.parametrize("secret", ["sk-proj-Ab3dEf6 hIj9lMnOpQrStUv", "AKIAIOSFOD NN7EXAMPLE"])
def test_no_half_of_a_secret_with_a_blank_in_it_is_told(name: str, secret: str) -> None:
    [problem] = problems(**{name: f"discord:1, {secret} discord:2"})
    assert problem.startswith(f"{name}: a text of {len(secret)} characters is not understood.")


@pytest.mark.parametrize("secret", ["84ef01a3b5c7d9e1f3025476981badce", "sk-proj-0123456789abcdefghij0123"])
def test_a_variable_whose_name_may_be_a_secret_is_told_without_it(secret: str) -> None:
    [warning] = read(**{f"SLUICE_{secret}": "x"}).warnings
    assert warning == "SLUICE_(a text of 32 characters) is not a setting of Sluice; it is ignored."
