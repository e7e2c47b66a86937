"""Settings: what is read, and the one line for each thing that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.settings import ModelSettings, Settings, TelegramWebhook, entry_is_valid, read_settings
from core.variables import SettingsError, read_variables

DISCORD = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789ab"
OTHER_DISCORD = "MTIzNDU2Nzg5MDEyMzQ1Njc4.HabcdE.9876543210zyxwvutsrqponmlkjihgfedcba"
TELEGRAM = "123456789:AAabcdefghijklmnopqrstuvwxyz0123456"


def read(**values: str) -> Settings:
    return read_settings(values, env_file=None)


def problems(**values: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(**values)
    return caught.value.problems


@pytest.mark.parametrize(
    "address",
    ["mysql://host/sluice", "sqlite:///sluice.db", "host/sluice", "postgresql://host", "postgresql://host/",
     "postgresql:///sluice", "postgres://host:port/sluice", "postgresql://ho st/sluice"],
)  # fmt: skip
def test_an_address_of_no_postgresql_database_is_one_line_without_it(address: str) -> None:
    (problem,) = problems(DATABASE_URL=address)
    assert "must look like postgresql://user:password@host:5432/sluice" in problem
    assert address not in problem


def test_unknown_options_of_a_database_are_named() -> None:
    (problem,) = problems(DATABASE_URL="postgres://ada:secret@host/sluice?pool=9&sslmode=require")
    assert problem == "DATABASE_URL has options that are not known: pool. Leave them out."


def test_the_password_of_a_database_is_kept_out_of_sight() -> None:
    settings = read(DATABASE_URL="postgres://ada:p%40ss@host/sluice")
    assert settings.database_password == "p@ss"
    assert "p%40ss" not in repr(settings)
    assert read().database_password is None


def test_nothing_set_is_fine_and_allows_nobody() -> None:
    assert read() == Settings()
    assert not read().allow_everybody
    assert not read().model.chosen


def test_all_of_it() -> None:
    settings = read(
        DISCORD_TOKEN=DISCORD,
        TELEGRAM_TOKEN=TELEGRAM,
        DISCORD_API_BASE_URL="http://127.0.0.1:9000/api/v10/",
        TELEGRAM_WEBHOOK_URL="https://bot.example.org/telegram",
        TELEGRAM_WEBHOOK_SECRET="0123456789abcdef",
        TELEGRAM_WEBHOOK_LISTEN="0.0.0.0:9000",
        OPENAI_API_KEY="key",
        OPENAI_BASE_URL="https://host/v1/",
        OPENAI_MODEL="m",
        OPENAI_TEMPERATURE="0.2",
        OPENAI_MAX_TOKENS="256",
        SLUICE_MAX_ANSWER_CHARS="8000",
        SLUICE_SYSTEM_PROMPT="Be brief.",
        SLUICE_ADMINS="discord:1",
        SLUICE_ALLOW="telegram:-100, discord:2;discord:3",
        SLUICE_DAILY_TOKENS="0",
        SLUICE_SHOW_REASONING="On",
        SLUICE_TELEGRAM_DRAFTS="on",
        SLUICE_DATA_DIR="/srv/data",
        DATABASE_URL="postgresql://ada:p%40ss@host:5432/sluice?sslmode=require",
        SLUICE_KEY_FILE="/run/secrets/sluice",
        SLUICE_HTTP="[::1]:80",
        SLUICE_LOG_LEVEL="debug",
    )
    assert settings == Settings(
        discord_token=DISCORD,
        telegram_token=TELEGRAM,
        discord_api_base_url="http://127.0.0.1:9000/api/v10",
        telegram_webhook=TelegramWebhook(
            "https://bot.example.org/telegram",
            "0123456789abcdef",
            "0.0.0.0",  # noqa: S104  only read
            9000,
        ),
        model=ModelSettings("m", "https://host/v1", "key", 0.2, 256, "Be brief."),
        max_answer_chars=8_000,
        database_url="postgresql://ada:p%40ss@host:5432/sluice?sslmode=require",
        key_file=Path("/run/secrets/sluice"),
        admins=frozenset({"discord:1"}),
        allow=frozenset({"telegram:-100", "discord:2", "discord:3"}),
        daily_tokens=0,
        show_reasoning=True,
        telegram_drafts=True,
        data_dir=Path("/srv/data"),
        http_host="::1",
        http_port=80,
        log_level="DEBUG",
    )


def test_older_names_serve_and_the_newer_wins() -> None:
    assert read(DISCORD_BOT_TOKEN=DISCORD, TELEGRAM_BOT_TOKEN=TELEGRAM).telegram_token == TELEGRAM
    assert read(DISCORD_BOT_TOKEN=OTHER_DISCORD, DISCORD_TOKEN=DISCORD).discord_token == DISCORD


@pytest.mark.parametrize(
    "token",
    [TELEGRAM, f"{TELEGRAM}/test", TELEGRAM + "0" * 5],  # core.telegram.org/bots/webapps, "/test"
)
def test_every_token_of_telegram_is_taken(token: str) -> None:
    assert read(TELEGRAM_TOKEN=token).telegram_token == token


@pytest.mark.parametrize(
    "token",
    [
        DISCORD,
        "MTIzNDU2Nzg5MDEyMzQ1Njc.GabcdE.abcdefghijklmnopqrstuvwxyz0",  # the older, shorter form
        f"{DISCORD}abcdefgh",
    ],
)
def test_every_token_of_discord_is_taken(token: str) -> None:
    assert read(DISCORD_TOKEN=token).discord_token == token


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


@pytest.mark.parametrize(
    "secret",
    [TELEGRAM, DISCORD, "MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.x1y2z", "discord:sk-proj-a1B2c3D4e5F6g7H8i9"],
)
@pytest.mark.parametrize("name", ["SLUICE_ALLOW", "SLUICE_ADMINS"])
def test_a_secret_on_the_wrong_line_is_not_told(name: str, secret: str) -> None:
    [problem] = problems(**{name: secret})
    assert problem.startswith(f"{name}: a text of {len(secret)} characters is not understood.")


def test_no_file_is_no_problem(tmp_path: Path) -> None:
    assert read_settings({}, tmp_path / ".env") == Settings()


@pytest.mark.parametrize("content", [b"\xff\xfeOPENAI_MODEL", b"OPENAI_MODEL=\x80abc"])
def test_a_file_that_is_no_text_is_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / ".env"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="UTF-8"):
        read_settings({}, file)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"DISCORD_TOKEN": TELEGRAM}, "Move it to TELEGRAM_TOKEN"),
        ({"TELEGRAM_TOKEN": DISCORD}, "Move it to DISCORD_TOKEN"),
        ({"TELEGRAM_BOT_TOKEN": DISCORD}, "Move it to DISCORD_TOKEN"),
        ({"DISCORD_TOKEN": f"Bot {DISCORD}"}, "DISCORD_TOKEN begins with the word Bot. Leave out `Bot`"),
        ({"TELEGRAM_TOKEN": "bot  s3cr3t"}, "Leave out `Bot`"),
        ({"DISCORD_TOKEN": f"{DISCORD} s3cr3t"}, "white space inside"),
        ({"DISCORD_TOKEN": "s3cr3t"}, "three parts with a dot between each"),
        ({"DISCORD_TOKEN": DISCORD[:-20]}, "DISCORD_TOKEN does not look like a token of Discord"),
        ({"DISCORD_TOKEN": "123456789012345678"}, "a number is the application's id"),
        ({"DISCORD_BOT_TOKEN": "0" * 64}, "Bot → Reset Token"),
        ({"TELEGRAM_TOKEN": "s3cr3t"}, "TELEGRAM_TOKEN does not look like a token of Telegram"),
        ({"TELEGRAM_TOKEN": TELEGRAM[:-10]}, "a number, a colon and 35 characters"),
        ({"TELEGRAM_TOKEN": TELEGRAM.partition(":")[2]}, "@BotFather"),
        ({"OPENAI_API_KEY": "key"}, "OPENAI_MODEL is not set"),
        ({"OPENAI_MODEL": "gpt"}, "OPENAI_API_KEY is not set"),
        ({"OPENAI_BASE_URL": "host/v1", "OPENAI_MODEL": "m"}, "like http://127.0.0.1:11434/v1."),
        ({"TELEGRAM_API_BASE_URL": "http://[::1"}, "TELEGRAM_API_BASE_URL"),
        ({"TELEGRAM_API_BASE_URL": "host:8081"}, "must look like http://127.0.0.1:8081."),
        ({"DISCORD_API_BASE_URL": "http://host:99999"}, "must look like http://127.0.0.1:9000/api/v10."),
        ({"OPENAI_BASE_URL": "http://a..b/v1", "OPENAI_MODEL": "m"}, "is not a web address"),
        ({"OPENAI_BASE_URL": "http://ho\u200bst/v1", "OPENAI_MODEL": "m"}, "is not a web address"),
        ({"OPENAI_BASE_URL": "http://h/v1?api-version=1", "OPENAI_MODEL": "m"}, "is not a web address"),
        ({"OPENAI_BASE_URL": "http://h/v1/chat/completions/", "OPENAI_MODEL": "m"}, "/chat/completions out"),
        ({"OPENAI_BASE_URL": "http://user:s3cr3t@h/v1", "OPENAI_MODEL": "m"}, "before the @"),
        ({"TELEGRAM_API_BASE_URL": "http://s3cr3t@h"}, "before the @"),
        ({"OPENAI_TEMPERATURE": "nan"}, "from 0 to 2"),
        ({"OPENAI_MAX_TOKENS": "0"}, "at least 1"),
        ({"SLUICE_MAX_ANSWER_CHARS": "0"}, "SLUICE_MAX_ANSWER_CHARS must be a whole number of at least 1."),
        ({"SLUICE_MAX_ANSWER_CHARS": "64k"}, "SLUICE_MAX_ANSWER_CHARS must be a whole number"),
        ({"SLUICE_DAILY_TOKENS": "-1"}, "at least 0"),
        ({"SLUICE_DAILY_TOKENS": "١٢"}, "whole number"),
        ({"SLUICE_ALLOW": "discord:ada"}, "names are never accepted"),
        ({"SLUICE_ALLOW": "123"}, "discord:123"),
        ({"SLUICE_ADMINS": "*"}, "SLUICE_ADMINS"),
        ({"SLUICE_HTTP": "8765"}, "HOST:PORT"),
        ({"SLUICE_HTTP": "host:99999"}, "HOST:PORT"),
        ({"SLUICE_HTTP": "a..b:80"}, "HOST:PORT"),
        ({"SLUICE_DATA_DIR": "~nobody-of-that-name/x"}, "home folder"),
        ({"SLUICE_LOG_LEVEL": "LOUD"}, "DEBUG, INFO"),
        ({"SLUICE_SHOW_REASONING": "maybe"}, "SLUICE_SHOW_REASONING must be on or off"),
        ({"SLUICE_TELEGRAM_DRAFTS": "1"}, "SLUICE_TELEGRAM_DRAFTS must be on or off"),
    ],
)
def test_each_problem_is_one_line_with_what_to_do(values: dict[str, str], words: str) -> None:
    (problem,) = problems(**values)
    assert words in problem
    assert "\n" not in problem
    assert "s3cr3t" not in problem


def test_every_form_of_an_entry_is_told_where_one_is_not_understood() -> None:
    [problem] = problems(SLUICE_ALLOW="ada")
    for form in (
        "discord:123",
        "telegram:456",
        "discord:role:123",
        "discord:server:123",
        "telegram:-100123/4",
    ):
        assert form in problem
        assert entry_is_valid(form)
    assert "* for everybody" in problem


@pytest.mark.parametrize("discord", [TELEGRAM, "white space inside", "no-token-at-all"])
def test_a_token_that_cannot_be_used_does_not_hold_up_the_other_platform(discord: str) -> None:
    settings = read(DISCORD_TOKEN=discord, TELEGRAM_TOKEN=TELEGRAM)
    assert settings.telegram_token == TELEGRAM
    assert settings.discord_token is None
    (line,) = settings.unusable
    assert line.startswith("DISCORD_TOKEN")


def test_the_stand_in_model_takes_the_settings_that_are_there() -> None:
    model = read(OPENAI_TEMPERATURE="0", OPENAI_MAX_TOKENS="99", SLUICE_SYSTEM_PROMPT="Be brief.").model
    assert (model.chosen, model.embedded) == (False, True)
    assert (model.temperature, model.max_tokens, model.system_prompt) == (0.0, 99, "Be brief.")


def test_all_problems_are_told_at_once() -> None:
    assert len(problems(SLUICE_HTTP="x", SLUICE_DAILY_TOKENS="x", SLUICE_ALLOW="x", OPENAI_API_KEY="k")) == 4


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DISCORD_TOKN", "DISCORD_TOKEN"),
        ("OPENAI_APIKEY", "OPENAI_API_KEY"),
        ("discord_token", "DISCORD_TOKEN"),
        ("SLUICE_ADMIN", "SLUICE_ADMINS"),
        ("OPENAI_API_BASE", "OPENAI_BASE_URL"),
        ("OPENAI_KEY", "OPENAI_API_KEY"),
        ("TELEGRAM_KEY", "TELEGRAM_TOKEN"),
        ("DISCORD_KEY", "DISCORD_TOKEN"),
        ("telegram_api_key", "TELEGRAM_TOKEN"),
        ("SLUICE_PORT", "SLUICE_HTTP"),
        ("SLUICE_HOST", "SLUICE_HTTP"),
        ("DISCORD_TOKE", "DISCORD_TOKEN"),
        ("TELEGRAM_BOTTOKEN", "TELEGRAM_BOT_TOKEN"),
        ("TELEGRAM_APIKEY", "TELEGRAM_TOKEN"),
        ("TELEGRAM_BOT", "TELEGRAM_TOKEN"),
        ("OPENAI_TOKEN", "OPENAI_API_KEY"),
        ("OPENAI_API_URL", "OPENAI_BASE_URL"),
        ("OPENAI_ENDPOINT", "OPENAI_BASE_URL"),
        ("OPENAI_MODEL_NAME", "OPENAI_MODEL"),
        ("OPENAI_API_KEYFILE", "OPENAI_API_KEY_FILE"),
        ("SLUICE_DISCORD_TOKEN", "DISCORD_TOKEN"),
        ("SLUICE_OPENAI_MODEL", "OPENAI_MODEL"),
    ],
)
def test_a_near_miss_is_reported(name: str, meant: str) -> None:
    (warning,) = read_settings({name: "value"}, env_file=None).warnings
    assert warning == f"{name} is not read. Did you mean {meant}?"


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


def test_a_command_may_need_less_than_all(tmp_path: Path) -> None:
    values = {
        "DISCORD_TOKEN": "changeme",
        "SLUICE_ALLOW": "ada",
        "OPENAI_TEMPERATURE": "hot",
        "OPENAI_KEY": "k",
    }
    with pytest.raises(SettingsError) as caught:
        read_settings(values, None, needed={"OPENAI_TEMPERATURE", "OPENAI_API_KEY"})
    assert [problem.split()[0] for problem in caught.value.problems] == ["OPENAI_TEMPERATURE", "OPENAI_KEY"]
    file = tmp_path / ".env"
    file.write_text("'")  # a line that may have been meant for what is needed
    with pytest.raises(SettingsError) as caught:
        read_settings(values, file, needed={"OPENAI_TEMPERATURE"})
    assert [problem.split()[0] for problem in caught.value.problems] == ["OPENAI_TEMPERATURE", f"{file},"]
    assert read_settings(values, None, needed={"SLUICE_DATA_DIR"}).data_dir == Path("data")


def test_a_port_alone_is_no_address_and_so_reported_beside_one() -> None:
    (warning,) = read(SLUICE_PORT="9000", SLUICE_HTTP="127.0.0.1:9000").warnings
    assert warning == "SLUICE_PORT is not a setting of Sluice; it is ignored. SLUICE_HTTP is, and counts."
    (warning,) = read(SLUICE_ALOW="discord:1", SLUICE_ALLOW="discord:2").warnings
    assert warning == "SLUICE_ALOW is not a setting of Sluice; it is ignored. SLUICE_ALLOW is, and counts."


@pytest.mark.parametrize(
    ("older", "newer", "token", "other"),
    [
        ("DISCORD_BOT_TOKEN", "DISCORD_TOKEN", DISCORD, OTHER_DISCORD),
        ("TELEGRAM_BOT_TOKEN", "TELEGRAM_TOKEN", TELEGRAM, f"987654321:{'a' * 35}"),
    ],
)
def test_of_two_tokens_it_is_said_which_one_is_used(older: str, newer: str, token: str, other: str) -> None:
    assert read(**{older: token, newer: token}).warnings == ()
    (warning,) = read(**{older: other, newer: token}).warnings
    assert warning == f"{newer} and {older} differ; {newer} is used."


@pytest.mark.parametrize("address", ["0.0.0.0:8765", "[::]:8765", "192.0.2.1:80", "box.example:80"])
def test_a_page_that_others_can_reach(address: str) -> None:
    assert read(SLUICE_HTTP=address).page_is_open


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.8.0.1:1", "[::1]:1", "localhost:1"])
def test_a_page_that_only_this_machine_can_reach(address: str) -> None:
    assert not read(SLUICE_HTTP=address).page_is_open


def test_a_setting_of_ours_that_does_not_exist_is_reported_and_others_are_not() -> None:
    assert read(SLUICE_COLOUR="red").warnings == ("SLUICE_COLOUR is not a setting of Sluice; it is ignored.",)
    assert read(PATH="/bin", OPENAI_ORG_ID="o", HOME="/").warnings == ()


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


def test_a_tilde_is_the_home_folder_and_not_a_folder_of_that_name() -> None:
    assert read(SLUICE_DATA_DIR="~/sluice").data_dir == Path.home() / "sluice"


def test_everybody_must_be_said() -> None:
    assert read(SLUICE_ALLOW="*").allow_everybody
    assert read(SLUICE_ALLOW="*, discord:1").allow == frozenset({"discord:1"})


def test_another_configuration_file_must_be_there(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    (problem,) = problems(SLUICE_CONFIG=str(file))
    assert problem.startswith("SLUICE_CONFIG names no file that is there.")
    file.touch()
    assert read(SLUICE_CONFIG=str(file)).config_file == file


def test_what_a_configuration_file_may_say_is_not_missed(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.touch()
    settings = read(SLUICE_CONFIG=str(file), OPENAI_API_KEY="key")
    assert (settings.model.chosen, settings.model.api_key) == (False, "key")
    assert read(SLUICE_CONFIG=str(file), OPENAI_MODEL="home/a").model.name == "home/a"


def test_every_variable_can_be_looked_up_by_a_name_of_the_owners_own(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("MY_KEY=from-file\nYOUR_KEY=from-file\n")
    variables = read_variables({"MY_KEY": "from-outside", "YOUR_KEY": " "}, file)
    assert variables == {"MY_KEY": "from-outside", "YOUR_KEY": "from-file"}


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


def test_an_env_file_that_everybody_may_read_is_told_of_where_it_holds_a_secret(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("SOME_API_KEY=abcdef\n")
    for mode, told in ((0o644, True), (0o640, False), (0o600, False)):
        env.chmod(mode)
        assert any("can read" in line for line in read_settings({}, env).warnings) is told
    env.write_text("SLUICE_LOG_LEVEL=INFO\n")
    env.chmod(0o644)
    assert read_settings({}, env).warnings == ()


WEBHOOK = "https://bot.example.org/telegram"


def with_webhook(url: str = WEBHOOK, secret: str = "s" * 16, **others: str) -> dict[str, str]:
    return {
        "TELEGRAM_TOKEN": TELEGRAM,
        "TELEGRAM_WEBHOOK_URL": url,
        "TELEGRAM_WEBHOOK_SECRET": secret,
        **others,
    }


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("", "TELEGRAM_WEBHOOK_SECRET is not set. Make one with `openssl rand -hex 32`."),
        ("s" * 15, "must be 16 to 256 characters"),
        ("s" * 257, "must be 16 to 256 characters"),
        ("sixteen_and_a_!_or_so", "each of them A-Z, a-z, 0-9, _ or -"),
        ("sixteen and a space", "openssl rand -hex 32"),
    ],
)
def test_a_webhook_needs_a_secret_that_nobody_guesses(secret: str, words: str) -> None:
    (problem,) = problems(**with_webhook(secret=secret))
    assert words in problem
    assert not secret or secret not in problem


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://bot.example.org/telegram", "must begin with https://"),
        ("bot.example.org/telegram", "is not a plain web address"),
        ("https://ada:secret@bot.example.org/", "is not a plain web address"),
        ("https://bot.example.org/?a=b", "is not a plain web address"),
        ("https://bot.example.org:99999/", "is not a plain web address"),
        ("https://bot.example.org:9000/", "Take one of 443, 80, 88, 8443."),
        ("https://127.0.0.1/telegram", "cannot be reached from the internet"),
        ("https://10.1.2.3/telegram", "cannot be reached from the internet"),
        ("https://localhost/telegram", "cannot be reached from the internet"),
        (f"https://bot.example.org/{TELEGRAM}", "holds the bot's token"),
        (f"https://bot.example.org/{TELEGRAM.replace(':', '%3A')}", "holds the bot's token"),
    ],
)
def test_an_address_that_telegram_would_not_bring_to_is_one_line(url: str, words: str) -> None:
    (problem,) = problems(**with_webhook(url))
    assert problem.startswith("TELEGRAM_WEBHOOK_URL ")
    assert words in problem
    assert TELEGRAM not in problem


def test_a_bot_api_server_of_ones_own_brings_anywhere() -> None:
    url = "http://127.0.0.1:9000/telegram"
    settings = read(**with_webhook(url, TELEGRAM_API_BASE_URL="http://127.0.0.1:8081"))
    assert settings.telegram_webhook == TelegramWebhook(url, "s" * 16, "127.0.0.1", 8766)


def test_every_problem_of_a_webhook_is_told_at_once() -> None:
    found = problems(**with_webhook("http://host", "short", TELEGRAM_WEBHOOK_LISTEN="everywhere"))
    assert [problem.split()[0] for problem in found] == [
        "TELEGRAM_WEBHOOK_LISTEN",
        "TELEGRAM_WEBHOOK_URL",
        "TELEGRAM_WEBHOOK_SECRET",
    ]


def test_the_secret_of_a_webhook_is_kept_out_of_sight() -> None:
    assert "s" * 16 not in repr(read(**with_webhook()))


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ({"TELEGRAM_WEBHOOK_SECRET": "s" * 16}, "not used without TELEGRAM_WEBHOOK_URL"),
        ({"TELEGRAM_WEBHOOK_URL": WEBHOOK, "TELEGRAM_WEBHOOK_SECRET": "s" * 16}, "without TELEGRAM_TOKEN"),
        ({"TELEGRAM_SECRET_TOKEN": "s" * 16}, "Did you mean TELEGRAM_WEBHOOK_SECRET?"),
        ({"TELEGRAM_WEBHOOK_URI": WEBHOOK}, "Did you mean TELEGRAM_WEBHOOK_URL?"),
        ({"TELEGRAM_WEBHOOK_PORT": "9000"}, "Did you mean TELEGRAM_WEBHOOK_LISTEN?"),
    ],
)
def test_half_a_webhook_and_other_names_for_it_are_warned_of(values: dict[str, str], warning: str) -> None:
    (told,) = read(**values).warnings
    assert warning in told


@pytest.mark.parametrize("name", ["SLUICE_ALLOW", "SLUICE_ADMINS"])
@pytest.mark.parametrize("secret", ["sk-proj-Ab3dEf6 hIj9lMnOpQrStUv", "AKIAIOSFOD NN7EXAMPLE"])
def test_no_half_of_a_secret_with_a_blank_in_it_is_told(name: str, secret: str) -> None:
    [problem] = problems(**{name: f"discord:1, {secret} discord:2"})
    assert problem.startswith(f"{name}: a text of {len(secret)} characters is not understood.")


@pytest.mark.parametrize("secret", ["84ef01a3b5c7d9e1f3025476981badce", "sk-proj-0123456789abcdefghij0123"])
def test_a_variable_whose_name_may_be_a_secret_is_told_without_it(secret: str) -> None:
    [warning] = read(**{f"SLUICE_{secret}": "x"}).warnings
    assert warning == "SLUICE_(a text of 32 characters) is not a setting of Sluice; it is ignored."
