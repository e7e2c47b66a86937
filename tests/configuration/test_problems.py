"""The one line for each thing that is wrong with a file, and what it says to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.configuration import ConfigurationError, Problem, example
from core.settings import ModelSettings, Settings
from tests.configuration.parsed import FROM_ENV, SECRET, parsed, problems

_HOME = '[providers.home]\nbase_url = "http://h/v1"\n'
_WRONG: list[tuple[str, list[str]]] = [
    ("a = ", ["line 1: this is not TOML: invalid value. TOML has one name"]),
    ("[models]\n[defaults\n", ["line 2: this is not TOML: "]),
    ('x = """\nnever ends', ["line 2: this is not TOML: "]),
    ('a = 1\nb = "never ends\nc = 2', ["line 2: this is not TOML: a quote is not closed on this line"]),
    ("a = 'never ends\nb = 'c'", ["line 1: this is not TOML: a quote is not closed on this line"]),
    ('a = "never ends', ["line 1: this is not TOML: unterminated string"]),
    ('a = "\x01"', ["line 1: this is not TOML: illegal character '\\x01'"]),
    (f"a = {'9' * 5_000}", ["line 1: this is not TOML: exceeds the limit"]),
    (f"a = {'[' * 5_000}{']' * 5_000}", ["line 1: this is not TOML: "]),
    ("a = 1\na = 2", ["line 2: this is not TOML: cannot overwrite a value"]),
    ("\n[defualts]", ["line 2: defualts is not known. Did you mean defaults?"]),
    ("[defaults]\nmenue = []", ["line 2: defaults.menue is not known. Did you mean menu?"]),
    ("[defaults]\nzzz = 1", ["line 2: defaults.zzz is not known. Take it out; there is answer_when, "]),
    ("temperature = 1", ["line 1: temperature is not known here. It belongs into [models."]),
    (
        "[defaults]\ndefault_model = 'env/small'",
        ["line 2: defaults.default_model is not known here. It belongs into the top of the file"],
    ),
    ("DISCORD_TOKEN = 'x'", ["line 1: DISCORD_TOKEN looks like a secret. Secrets stand in .env"]),
    ("defaults = 3", ["line 1: defaults is 3. Write a table: [defaults]."]),
    ("[[models]]\nname = 'x'", ["line 1: models is a list. Write a table: [models]."]),
    ('[models]\n"env/a" = 1', ['line 2: models."env/a" is 1. Write a table: [models."env/a"].']),
    (
        "[models.gpt-5]",
        ['line 1: models.gpt-5 does not name provider and model. Write [models."provider/gpt-5"]'],
    ),
    (
        '[providers.openai]\n[models."opnai/gpt"]',
        ['line 2: models."opnai/gpt" names a provider "opnai" that is not there. Add [providers.opnai]'],
    ),
    (
        '[models."embedded/big"]',
        ['line 1: models."embedded/big" is not embedded. There is only "embedded/demo".'],
    ),
    (
        '[models."env/small"]\ntemperature = 3.5',
        ['line 2: models."env/small".temperature is 3.5. Write a number'],
    ),
    ('[models."env/small"]\ntemperature = true', ['line 2: models."env/small".temperature is true. Write a']),
    ('[models."env/small"]\ntemperature = nan', ['line 2: models."env/small".temperature is nan. Write a']),
    (
        '[models."env/small"]\ncontext_tokens = "8k"',
        ['line 2: models."env/small".context_tokens is "8k". Write'],
    ),
    (
        '[models."env/small"]\ncontext_tokens = 1000\nmax_output_tokens = 1000',
        ['line 3: models."env/small".max_output_tokens is 1,000. It must leave room'],
    ),
    (
        '[models."env/small"]\nabilities = [\n"vision",\n"tool"]',
        ['line 4: models."env/small".abilities[2] is "tool". Write reasoning, tools or vision. Did'],
    ),
    (
        '[models."env/small"]\nfallback = "env/b"',
        ['line 2: models."env/small".fallback is "env/b". Write a list'],
    ),
    (
        '[models."env/small"]\nfallback = ["env/small"]',
        ['line 2: models."env/small".fallback holds the model it'],
    ),
    (
        '[models."env/small"]\nfallback = ["env/smal"]',
        ['line 2: models."env/small".fallback[1] names "env/smal", which is no model here. Add [models."e'],
    ),
    (
        '[models."env/small"]\nprompt_price = 1',
        ['line 2: models."env/small".prompt_price stands there without'],
    ),
    (
        '[models."env/small"]\nprompt_price = 1\ncompletion_price = 1\ncurrency = "Dollars"',
        ['line 4: models."env/small".currency is "Dollars". Write its three letters'],
    ),
    ("[providers.env]", ["line 1: providers.env is the name of the provider of .env. Choose another name."]),
    ('[providers."a b"]', ['line 1: providers."a b" cannot be a provider\'s name.']),
    ("[providers.a]\nbase_url = 'ftp://x'", ["line 2: providers.a.base_url is not a web address."]),
    (
        "[providers.a]\nbase_url = 'http://u:p@x/v1'",
        ["line 2: providers.a.base_url holds a user name or a pass"],
    ),
    (
        f"[providers.a]\napi_key = '{SECRET}'",
        ["line 2: providers.a.api_key looks like a key. A key never stands"],
    ),
    (f"[providers.a]\nkey = '{SECRET}'", ["line 2: providers.a.key looks like a key. A key never stands"]),
    (
        f"[providers.a]\napi_key_env = '{SECRET}'",
        ["line 2: providers.a.api_key_env is not the name of a variable, and perhaps the key itself."],
    ),
    (
        "[providers.a]\napi_key_env = 'TELEGRAM_BOT_TOKEN'",
        ["line 2: providers.a.api_key_env names a platform's token, which no provider may get."],
    ),
    (
        f"[providers.a.headers]\nAuthorization = 'Bearer {SECRET}'",
        ["line 2: providers.a.headers.Authorization looks like a key."],
    ),
    (
        "[providers.a.headers]\nX-A = 1\n'b c' = ''",
        ["line 2: providers.a.headers.X-A is no", "line 3: providers"],
    ),
    ("default_model = 'env/large'", ['line 1: default_model names "env/large", which is no model here.']),
    ("default_persona = 'x'\n[personas.xy]", ["line 1: default_persona names no persona of this file."]),
    ("[personas.a]\nmodel = 'x'", ['line 2: personas.a.model names "x", which is no model here.']),
    ("[personas.a]\nsystem_prompt = ' '", ["line 2: personas.a.system_prompt is empty."]),
    ("[personas.a]\ndescription = '''a\nb'''", ["line 2: personas.a.description holds a line end"]),
    (f"[personas.a]\ndescription = '{'x' * 101}'", ["line 2: personas.a.description has 101 characters."]),
    (f'[personas."{"x" * 33}"]', [f"line 1: personas.{'x' * 33} cannot be a persona's name."]),
    (
        "[defaults]\nbusy = 'que'",
        ['line 2: defaults.busy is "que". Write interrupt or queue. Did you mean queue?'],
    ),
    (
        "[defaults]\nstreaming = 'on'",
        ['line 2: defaults.streaming is "on". Write true or false, without quotes.'],
    ),
    (
        "[defaults]\npause_minutes_channel = -1",
        ["line 2: defaults.pause_minutes_channel is -1. Write a whole"],
    ),
    ("[defaults]\nmenu = ['Ask me']", ['line 2: defaults.menu[1] is "Ask me". Write it as "ask".']),
    (
        "[defaults]\nanswer_when = ['keywords']",
        ['line 2: defaults.answer_when holds "keywords". Write them:'],
    ),
    (
        "[access]\nadmins = ['discord:role:1']\nallow = ['discord:x', '*']\ndeny = ['*']\nnew_server = 'opn'",
        [
            'line 2: access.admins[1] is "discord:role:1". Write ids of people as "discord:123"',
            'line 3: access.allow[1] is "discord:x". Write ids as "discord:123"',
            'line 4: access.deny[1] is "*". Write ids as',
            'line 5: access.new_server is "opn". Write approval, closed or open. Did you mean open?',
        ],
    ),
    ("[access]\ndenny = []", ["line 2: access.denny is not known. Did you mean deny?"]),
    ("[defaults]\ndeny = []", ["line 2: defaults.deny is not known here. It belongs into [access]."]),
    ("[alerts]\nto = ['discord:user:1']", ['line 2: alerts.to[1] is "discord:user:1".']),
    (
        "[access]\nadmins = ['*']",
        ['line 2: access.admins[1] is "*". Write ids of people as'],
    ),
    ("[access]\nallow = ['ada']", ['line 2: access.allow[1] is "ada". Write ids as']),
    (
        "[permissions]\nadmins = []",
        ["line 2: permissions.admins is not known here. It belongs into [access]."],
    ),
    (
        "[alerts]\nto = ['discord:1', '#ops', 'telegram:@ops']",
        [
            'line 2: alerts.to[2] is "#ops". Write ids as',
            'line 2: alerts.to[3] is "telegram:@ops". Write ids',
        ],
    ),
    ("[alerts]\nat = ['discord:1']", ["line 2: alerts.at is not known. Take it out; there is to."]),
    ("to = ['discord:1']", ["line 1: to is not known here. It belongs into [alerts]."]),
    (
        "[moderation]\nprovider = 'evn'",
        ['line 2: moderation.provider names "evn", which is no provider here. Add [providers.evn].'],
    ),
    ("[moderation]\nmodel = 'env/x'", ['line 2: moderation.model names "env/x", which is no model here.']),
    (
        "[moderation]\nprovider = 'env'\nmodel = 'env/small'",
        ["line 3: moderation.model stands there beside provider. Only one of them judges"],
    ),
    ("[moderation]\noutput = 'before'", ["line 2: moderation.output is judged by nobody. Write provider"]),
    (
        "[moderation]\nprovider = 'env'\ninput = 'never'",
        ['line 3: moderation.input is "never". Write before, beside or off.'],
    ),
    (
        "[moderation]\nprovider = 'env'\non_error = 'pass'",
        ['line 3: moderation.on_error is "pass". Write allow or refuse.'],
    ),
    ("[moderation]\ntell = 'no'", ['line 2: moderation.tell is "no". Write true or false']),
    ("on_error = 'allow'", ["line 1: on_error is not known here. It belongs into [moderation]."]),
    (
        "[permissions]\nmodels_for_everybody = ['env/x']",
        ['line 2: permissions.models_for_everybody[1] names "env/x"'],
    ),
]


@pytest.mark.parametrize(("text", "expected"), _WRONG, ids=range(len(_WRONG)))
def test_what_is_wrong_is_told_with_its_line(text: str, expected: list[str]) -> None:
    told = problems(text)
    assert len(told) == len(expected), told
    for line, words in zip(told, expected, strict=True):
        assert line.startswith(words), line
        assert SECRET not in line


def test_everything_wrong_is_found_in_one_pass_in_the_order_of_lines() -> None:
    text = (
        'zzz = 1\n[models."env/small"]\ntemperature = 9\nname = 5\n'
        '[personas.a]\nmodel = "b"\n[defaults]\nbusy = 1'
    )
    assert [line.split(":")[0] for line in problems(text)] == [
        "line 1",
        "line 3",
        "line 4",
        "line 6",
        "line 8",
    ]


def test_a_file_of_another_encoding_is_told() -> None:
    assert problems(b"a = 1\nb = '\xff'")[0].startswith("line 2: is not UTF-8 text. Save it as UTF-8.")


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    assert parsed('\ufeffdefault_model = "env/small"\r\n').default_model == "env/small"
    assert problems("\ufeffa = 1\r\nb = 1\r\n")[1].startswith("line 2: b is not known.")


def test_models_without_a_default_are_told_what_to_write() -> None:
    (line,) = problems(_HOME + '[models."home/a"]', Settings())
    assert (
        line
        == 'sluice.toml: default_model is not set. Write default_model = "home/a" at the top of the file.'
    )


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (ModelSettings(chosen=False, api_key=SECRET), "OPENAI_MODEL is not set."),
        (ModelSettings("m"), "OPENAI_API_KEY is not set."),
    ],
)
def test_what_the_file_leaves_to_env_must_be_there(model: ModelSettings, words: str) -> None:
    (line,) = problems("", Settings(model=model))
    assert words in line


def test_a_variable_that_is_not_set_is_a_warning() -> None:
    read = parsed(_HOME + 'api_key_env = "HOME_KEY"', variables={"HOME_KEY": " "})
    (warning,) = read.warnings
    assert warning == (
        "sluice.toml, line 3: providers.home.api_key_env names HOME_KEY, which is not set. "
        "Put HOME_KEY=… into .env, or take the line out for a server that needs no key."
    )


@pytest.mark.parametrize("entry", ["discord:5", "discord:user:5"])
@pytest.mark.parametrize("admins", ["discord:5", "discord:user:5"])
def test_an_admin_whom_deny_names_is_a_warning(entry: str, admins: str) -> None:
    warning = (
        f'sluice.toml, line {{}}: access.deny names "{entry}", an admin, and goes first: '
        "they are not served. Take the id out of deny, or out of SLUICE_ADMINS and admins."
    )
    of_env = replace(FROM_ENV, admins=frozenset({admins}))
    text = f"[access]\ndeny = ['{entry}', 'discord:6', 'telegram:5', 'discord:role:5']"
    assert parsed(text, of_env).warnings == (warning.format(2),)
    of_file = text.replace("[access]", f"[access]\nadmins = ['{admins}']")
    assert parsed(of_file).warnings == (warning.format(3),)
    assert parsed(text).warnings == ()


@pytest.mark.parametrize(
    ("key", "shown"), [("s3cr3t s3cr3t", "white space"), ("s3cr3t\u200b", "a character")]
)
def test_a_key_that_cannot_be_one_is_told_at_the_line_that_names_it(key: str, shown: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parsed(_HOME + 'api_key_env = "HOME_KEY"', variables={"HOME_KEY": key})
    (line,) = caught.value.problems
    assert line.startswith("sluice.toml, line 3: providers.home.api_key_env names HOME_KEY, which ")
    assert shown in line
    assert "s3cr3t" not in line


def _wrong(text: str) -> tuple[Problem, ...]:
    """What is wrong with it, if anything; nothing else is ever raised."""
    try:
        parsed(text, Settings(), {"OPENAI_API_KEY": SECRET})
    except ConfigurationError as error:
        return error.found
    return ()


@given(st.binary(max_size=200))
def test_no_text_raises_anything_else(document: bytes) -> None:
    assert all(problem.remedy for problem in _wrong(document.decode("latin-1")))


@given(st.data())
def test_a_value_exchanged_for_any_other_is_used_or_told_on_its_line(data: st.DataObject) -> None:
    lines = example().splitlines()
    numbers = [number for number, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    number = data.draw(st.sampled_from(numbers))
    junk = ("1", "-1", "0.5", "true", "'x'", "''", "[]", "[1]", "['x']", "{}", "{a = 1}", "1979-05-27")
    lines[number] = f"{lines[number].split(' = ')[0]} = {data.draw(st.sampled_from(junk))}"
    found = _wrong("\n".join(lines))
    at_all = {problem.line for problem in found}
    assert not found or number + 1 in at_all or "not TOML" in str(found[0]), found
