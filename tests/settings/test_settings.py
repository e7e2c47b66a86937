"""Settings: what is read, and the one line for each thing that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.settings import ModelSettings, Settings, TelegramWebhook, entry_is_valid, read_settings
from core.variables import SettingsError, read_variables
from tests.settings.given import DISCORD, OTHER_DISCORD, TELEGRAM, problems, read


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


def test_a_tilde_is_the_home_folder_and_not_a_folder_of_that_name() -> None:
    assert read(SLUICE_DATA_DIR="~/sluice").data_dir == Path.home() / "sluice"


def test_everybody_must_be_said() -> None:
    assert read(SLUICE_ALLOW="*").allow_everybody
    assert read(SLUICE_ALLOW="*, discord:1").allow == frozenset({"discord:1"})


def test_every_variable_can_be_looked_up_by_a_name_of_the_owners_own(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("MY_KEY=from-file\nYOUR_KEY=from-file\n")
    variables = read_variables({"MY_KEY": "from-outside", "YOUR_KEY": " "}, file)
    assert variables == {"MY_KEY": "from-outside", "YOUR_KEY": "from-file"}
