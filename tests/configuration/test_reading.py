"""What a file means, whatever stands in it."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.configuration import (
    Ability,
    Admission,
    Check,
    ConfigurationError,
    Defaults,
    Limits,
    ModelChoice,
    ModelEntry,
    ModerationRules,
    Permissions,
    Persona,
    Price,
    Provider,
    example,
)
from core.settings import ModelSettings, Settings
from tests.configuration.parsed import EMBEDDED, FROM_ENV, SECRET, parsed, problems, without_file

ROOT = Path(__file__).parents[2]

FULL = """
default_model = "home/llama/3"
default_persona = "poet"
operator = "Ada, ada@example.org"
[providers.home]
base_url = "http://127.0.0.1:11434/v1/"
api_key_env = "HOME_KEY"
headers = { X-Title = "Sluice" }
[models."home/llama/3"]
name = "Llama"
prompt_price = 0.1
completion_price = 0.2
currency = "EUR"
context_tokens = 8_192
max_output_tokens = 1_024
prompt_tokens = 16_000
temperature = 1
system_prompt = "Be brief."
abilities = ["vision", "tools"]
fallback = ["env/small", "embedded/demo"]
[personas.poet]
description = "Verse"
system_prompt = "Rhyme."
model = "env/small"
temperature = 1.5
max_output_tokens = 99
[defaults]
answer_when = ["always"]
keywords = ["hey"]
language = "pt-BR"
streaming = false
show_reasoning = true
history = "channel"
auto_thread = true
busy = "interrupt"
pause_minutes_channel = 5
pause_minutes_private = 7
retention_days = 30
telegram_inline = true
menu = ["ask"]
[permissions]
models_for_everybody = ["env/small"]
[access]
admins = ["telegram:user:7"]
allow = ["discord:category:8", "telegram:-100/5", "*"]
deny = ["discord:role:9"]
new_server = "open"
new_group = "closed"
new_private = "approval"
requests_per_hour = 0
[alerts]
to = ["discord:30", "telegram:-100123"]
[moderation]
model = "env/small"
input = "before"
output = "beside"
on_error = "allow"
tell = false
"""


def test_a_key_may_stand_in_a_file(tmp_path: Path) -> None:
    """Which `<NAME>_FILE` names, as Docker's secrets do."""
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n")
    found = parsed(FULL, variables={"HOME_KEY_FILE": str(file)}).providers["home"]
    assert found.api_key == SECRET
    [wrong] = problems(FULL, variables={"HOME_KEY_FILE": SECRET})
    assert "HOME_KEY_FILE names a file that cannot be read" in str(wrong)
    assert SECRET not in str(wrong)


def test_all_of_it() -> None:
    read = parsed(FULL, variables={"HOME_KEY": SECRET})
    assert read.providers == {
        "env": Provider("env", "http://127.0.0.1:9/v1", "OPENAI_API_KEY", "env-key-123456"),
        "home": Provider("home", "http://127.0.0.1:11434/v1", "HOME_KEY", SECRET, (("X-Title", "Sluice"),)),
    }
    assert read.models == {
        "embedded/demo": EMBEDDED,
        "env/small": ModelEntry("env/small", "env", "small", "small"),
        "home/llama/3": ModelEntry(
            "home/llama/3", "home", "llama/3", "Llama",
            price=Price(Decimal("0.1"), Decimal("0.2"), "EUR"),
            context_tokens=8_192,
            max_output_tokens=1_024,
            prompt_tokens=16_000,
            temperature=1.0,
            system_prompt="Be brief.",
            abilities=frozenset({Ability.VISION, Ability.TOOLS}),
            fallback=("env/small", "embedded/demo"),
        ),
    }  # fmt: skip
    assert read.default_model == "home/llama/3"
    assert read.personas == {"poet": Persona("poet", "Verse", "Rhyme.", "env/small", 1.5, 99)}
    assert read.defaults == Defaults(
        frozenset({"always"}), ("hey",), "pt-BR", False, True, "channel", True, "interrupt", 5, 7, 30, True,
        ("ask",),
    )  # fmt: skip
    assert read.permissions == Permissions(frozenset({"env/small"}))
    assert read.access == Admission(
        frozenset({"telegram:user:7"}), frozenset({"discord:category:8", "telegram:-100/5"}), True,
        frozenset({"discord:role:9"}), "open", "closed", "approval", 0,
    )  # fmt: skip
    assert read.operator == "Ada, ada@example.org"
    assert read.alerts == ("discord:30", "telegram:-100123")
    assert read.moderation == ModerationRules(
        None, "env/small", Check.BEFORE, Check.BESIDE, refuses=False, tells=False
    )
    assert read.warnings == ()
    assert SECRET not in repr(read)


def test_without_a_file_all_is_as_env_says() -> None:
    model = ModelSettings("m", "http://h/v1", "k", temperature=0.3, max_tokens=7, system_prompt="Be brief.")
    read = without_file(Settings(model=model, show_reasoning=True))
    assert read.choice() == ModelChoice("env/m", 0.3, 7, "Be brief.", 8_000)
    assert read.models["env/m"].model == "m"
    assert (read.model_chosen, read.file, read.defaults) == (True, None, Defaults(show_reasoning=True))


def test_without_anything_the_demo_model_stands_in() -> None:
    read = without_file(Settings())
    assert (read.choice(), read.model_chosen) == (ModelChoice("embedded/demo", prompt_tokens=1_728), False)
    named = without_file(Settings(model=ModelSettings()))
    assert (named.default_model, named.model_chosen) == ("embedded/demo", True)


def test_a_name_with_a_slash_in_env_is_the_providers_own() -> None:
    settings = Settings(model=ModelSettings("meta/llama", "http://h/v1"))
    assert without_file(settings).models["env/meta/llama"].model == "meta/llama"


def test_env_may_name_a_model_of_the_file() -> None:
    settings = Settings(model=ModelSettings("home/a"))
    read = parsed(
        '[providers.home]\nbase_url = "http://h/v1"\n[models."home/a"]\n[models."home/b"]', settings
    )
    assert (read.default_model, read.env_model) == ("home/a", "home/a")


HOME = """
default_model = "home/a"
[providers.home]
base_url = "http://h/v1"
[models."home/a"]
name = "Fakey"
[models."home/b"]
name = "Twin"
[models."home/c"]
name = "twin"
"""


def _asked(name: str, env: ModelSettings = FROM_ENV.model) -> Settings:
    return Settings(model=replace(env, name=name, asked=True))


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("home/b", "home/b"),
        ("fakey", "home/a"),
        ("embedded", "embedded/demo"),
        ("embedded/demo", "embedded/demo"),
        ("The demo", "embedded/demo"),
        ("a", "env/a"),
        ("meta/llama", "env/meta/llama"),
        ("env/gpt", "env/gpt"),
        ("env/home/nope", "env/home/nope"),
    ],
)
def test_who_asks_for_a_model_gets_that_one_by_whatever_name(name: str, id_: str) -> None:
    read = parsed(HOME, _asked(name))
    assert (read.default_model, read.choice(read.env_model).model) == (id_, id_)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (
            "home/nope",
            (
                'OPENAI_MODEL is "home/nope", which is no model here. There are: embedded/demo, home/a, '
                'home/b, home/c. Add [models."home/nope"], be it empty, to have that one. '
                "Or begin with env/ for what the provider of .env calls so."
            ),
        ),
        ("TWIN", 'OPENAI_MODEL is "TWIN", as several models are called. Write one of: home/b, home/c.'),
    ],
)
@pytest.mark.parametrize("text", [HOME, HOME.replace("default_model", "# ")])
def test_a_model_that_is_asked_for_and_not_there_is_told_with_those_that_are(
    name: str, found: str, text: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parsed(text, _asked(name))
    assert caught.value.problems == (f"sluice.toml: {found}",)


def test_a_model_that_is_asked_for_where_env_has_no_provider() -> None:
    bare = ModelSettings()
    assert parsed(HOME, _asked("Fakey", bare)).default_model == "home/a"
    for name, words in (("home/nope", "to have that one."), ("embedded/big", "home/b, home/c.")):
        with pytest.raises(ConfigurationError) as caught:
            parsed(HOME, _asked(name, bare))
        [problem] = caught.value.problems
        assert problem.endswith(words)


def test_the_persona_goes_before_the_model_and_that_before_env() -> None:
    settings = replace(
        FROM_ENV,
        model=replace(FROM_ENV.model, temperature=0.1, max_tokens=100, system_prompt="Env."),
    )
    read = parsed(
        '[models."env/small"]\ntemperature = 0.5\n'
        '[models."env/other"]\nsystem_prompt = "Other."\nmax_output_tokens = 300\n'
        '[personas.calm]\ntemperature = 0.0\n[personas.poet]\nmodel = "env/other"\nsystem_prompt = "Rhyme."',
        settings,
    )
    assert read.choice() == ModelChoice("env/small", 0.5, 100, "Env.")
    assert read.choice("env/other") == ModelChoice("env/other", 0.1, 300, "Other.")
    assert read.choice(persona="calm") == ModelChoice("env/small", 0.0, 100, "Env.", persona="calm")
    assert read.choice(persona="poet") == ModelChoice("env/other", 0.1, 300, "Rhyme.", persona="poet")
    assert read.choice("env/small", "poet") == ModelChoice("env/small", 0.5, 100, "Rhyme.", persona="poet")
    assert read.choice("gone/gone", "gone") == read.choice()


@pytest.mark.parametrize(
    ("limits", "budget"),
    [
        ("", 8_000),
        ("context_tokens = 4_096\nmax_output_tokens = 1_000", 3_096),
        ("context_tokens = 128_000", 8_000),  # a big window is no reason to fill it
        ("context_tokens = 128_000\nprompt_tokens = 50_000", 50_000),
        ("context_tokens = 32_000\nmax_output_tokens = 2_000\nprompt_tokens = 50_000", 30_000),
        ("context_tokens = 256\nmax_output_tokens = 200", 200),
    ],
)
def test_how_much_a_model_is_shown(limits: str, budget: int) -> None:
    assert parsed(f'[models."env/small"]\n{limits}').choice().prompt_tokens == budget


def test_what_an_answer_costs_is_exact() -> None:
    assert Price(Decimal("0.25"), Decimal(2)).cost(1_000, 3) == Decimal("0.000256")


def test_who_may_choose_which_model() -> None:
    closed = parsed('[models."env/b"]\n[permissions]\nmodels_for_everybody = ["env/small"]')
    assert [closed.may_choose(model, admin=False) for model in ("env/small", "env/b", "x/y")] == [
        True, False, False,
    ]  # fmt: skip
    assert closed.may_choose("env/b", admin=True)
    assert parsed('[models."env/b"]').may_choose("env/b", admin=False)
    assert not parsed("[permissions]\nmodels_for_everybody = []").may_choose("env/small", admin=False)


def test_the_example_is_the_one_of_the_program_and_valid() -> None:
    assert (ROOT / "sluice.example.toml").read_text("utf-8") == example()
    by_env = Settings(model=ModelSettings("gpt-5-mini", api_key=SECRET))
    for settings in (Settings(), by_env):
        read = parsed(example(), settings, {"OPENAI_API_KEY": SECRET})
        assert (read.default_model, read.warnings) == ("openai/gpt-5-mini", ())
    assert read.defaults == Defaults()
    assert set(read.personas) == {"helper", "poet"}


def test_what_counts_money_in_the_example_needs_one_more_price_where_env_names_a_model() -> None:
    money = re.sub(r"^# (?=money_)", "", example(), flags=re.MULTILINE)
    variables = {"OPENAI_API_KEY": SECRET}
    read = parsed(money, Settings(), variables)
    assert (read.budgets.everybody.money_per_month, read.budgets.user.money_per_day) == (
        Decimal(20),
        Decimal("0.5"),
    )
    by_env = Settings(model=ModelSettings("gpt-5-mini", api_key=SECRET))
    [problem] = problems(money, by_env, variables)
    assert 'Add [models."env/gpt-5-mini"] with prompt_price and completion_price' in problem
    line = money.splitlines().index("money_per_month = 20") + 1
    assert problem.startswith(f"line {line}: budgets.everybody.money_per_month counts money, and ")


def test_the_example_explains_every_key() -> None:
    keys = {key for key in Defaults.__slots__ if f"\n{key} = " not in example()}
    assert keys == set()
    for entry in (Persona, Permissions, Admission, Limits):
        missing = {key for key in entry.__slots__ if f"{key} = " not in example()}
        assert missing <= {"name", "allow_everybody"}
