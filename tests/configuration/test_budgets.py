"""What `[budgets]` means, and what is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.configuration import Budgets, Limits
from core.configuration.limits import ENDLESS
from core.settings import ModelSettings, Settings
from tests.configuration.parsed import FROM_ENV, parsed, problems, without_file

PRICED = '[models."env/small"]\nprompt_price = 1\ncompletion_price = 2\n'
LIMITED = replace(FROM_ENV, daily_tokens=500)


def test_all_of_it() -> None:
    read = parsed(
        PRICED + 'currency = "EUR"\n'
        '[budgets]\ncurrency = "EUR"\n'
        "[budgets.everybody]\ntokens_per_day = 9\nmoney_per_month = 20\n"
        "requests_per_minute = 60\nstreams = 5\n"
        "[budgets.user]\ntokens_per_month = 0\nmoney_per_day = 0.5\nstreams = 1\n"
        "[budgets.chat]\ntokens_per_day = 7\n[budgets.server]\nmoney_per_month = 0\n"
        '[budgets.roles."discord:5"]\ntokens_per_day = 8\nmoney_per_day = "unlimited"\n'
    )
    assert read.budgets == Budgets(
        everybody=Limits(9, money_per_month=Decimal(20), requests_per_minute=60, streams=5),
        user=Limits(None, 0, Decimal("0.5"), streams=1),
        chat=Limits(7),
        server=Limits(money_per_month=Decimal(0)),
        roles={"discord:5": Limits(8, money_per_day=Decimal(ENDLESS))},
        currency="EUR",
    )


def test_what_env_lets_everybody_have_keeps_its_meaning_and_the_smaller_one_holds() -> None:
    assert without_file(FROM_ENV).budgets == Budgets()
    assert without_file(LIMITED).budgets.everybody == Limits(500)
    assert without_file(replace(FROM_ENV, daily_tokens=0)).budgets.everybody == Limits(0)
    for of_file, holds in (("400", 400), ("600", 500), ("0", 0)):
        read = parsed(f"[budgets.everybody]\ntokens_per_day = {of_file}", LIMITED)
        assert read.budgets.everybody == Limits(holds)


def test_of_several_roles_the_highest_counts_and_each_for_what_it_names() -> None:
    budgets = Budgets(
        user=Limits(100, 1_000, streams=2),
        roles={
            "discord:1": Limits(50, streams=ENDLESS),
            "discord:2": Limits(70, money_per_day=Decimal(1)),
        },
    )
    assert budgets.of_member(frozenset()) == budgets.user
    assert budgets.of_member(frozenset({"discord:3", "telegram:1"})) == budgets.user
    assert budgets.of_member(frozenset({"discord:1"})) == Limits(50, 1_000, streams=ENDLESS)
    both = Limits(70, 1_000, Decimal(1), streams=ENDLESS)
    assert budgets.of_member(frozenset({"discord:1", "discord:2"})) == both


@pytest.mark.parametrize("table", ["everybody", "user", "chat", "server", 'roles."discord:1"'])
@pytest.mark.parametrize("name", ["money_per_day", "money_per_month"])
def test_money_needs_a_price_on_every_model(table: str, name: str) -> None:
    free = '[models."env/free"]\nprompt_price = 0\ncompletion_price = 0'
    text = f'[budgets.{table}]\n{name} = 3\n[models."env/small"]\n{free}'
    assert problems(text) == [
        (
            f'line 3: models."env/small" has no price, and budgets.{table}.{name} counts money. '
            "Write prompt_price and completion_price, 0 where it costs nothing. "
            "Else take out what counts money."
        )
    ]
    assert parsed(text.replace('[models."env/small"]\n', PRICED)).warnings == ()


def test_a_model_that_only_env_names_needs_one_too() -> None:
    """What counts money is told with its line: the model stands nowhere in the file."""
    text = '[models."env/other"]\nprompt_price = 1\ncompletion_price = 2\n[budgets.user]\nmoney_per_day = 1'
    assert problems(text) == [
        (
            'line 5: budgets.user.money_per_day counts money, and the model "small", which OPENAI_MODEL '
            'names, has no price. Add [models."env/small"] with prompt_price and completion_price, '
            "0 where it costs nothing. Else take out what counts money."
        )
    ]
    assert parsed(f"{text}\n{PRICED}").warnings == ()
    assert parsed('[budgets.roles."discord:1"]\nmoney_per_day = "unlimited"').warnings == ()


WITHOUT_ENV = Settings(model=ModelSettings("gpt"))
MONEY = "[budgets.user]\nmoney_per_day = 1\n"


@pytest.mark.parametrize(
    ("text", "settings", "found"),
    [
        ('default_model = "env/gpt"\n[models."env/gpt"]', WITHOUT_ENV, "is asked at the provider of .env"),
        ("", WITHOUT_ENV, "OPENAI_MODEL is"),
        ('[models."env/small"]\nprompt_price = "dear"\ncompletion_price = 1', FROM_ENV, 'is "dear"'),
        ('[models."env/small"]\nprompt_price = 1', FROM_ENV, "stands there without completion_price"),
        (
            '[models."env/small"]\nprompt_price = 1\ncompletion_price = 1\ncurrency = "euro"',
            FROM_ENV,
            'is "euro"',
        ),
    ],
)
def test_a_model_that_cannot_be_read_is_no_second_problem(text: str, settings: Settings, found: str) -> None:
    priced = "prompt_price = 1\ncompletion_price = 1\n" if settings is WITHOUT_ENV and text else ""
    [problem] = problems(f"{text}\n{priced}{MONEY}", settings)
    assert found in problem


def test_a_role_may_say_that_it_is_one_as_elsewhere() -> None:
    read = parsed('[budgets.roles."discord:role:5"]\ntokens_per_day = 8')
    assert read.budgets.roles == {"discord:5": Limits(8)}
    twice = '[budgets.roles."discord:5"]\nstreams = 1\n[budgets.roles."discord:role:5"]\nstreams = 2'
    [problem] = problems(twice)
    assert problem.startswith('line 3: budgets.roles."discord:role:5" stands there twice')


def test_prices_are_not_converted() -> None:
    text = PRICED + 'currency = "EUR"\n[budgets.user]\nmoney_per_day = 1'
    assert problems(text) == [
        (
            'line 1: models."env/small" costs EUR, and budgets.user.money_per_day counts USD. '
            'Write the price in USD, or [budgets] currency = "…".'
        )
    ]


WHOLE = "Write a whole number from 0 on."
NO_ROLE = 'is no role. Write its id: [budgets.roles."discord:role:123"].'
ONLY_USER = "It belongs into [budgets.user] or [budgets.everybody]."


@pytest.mark.parametrize(
    ("table", "line", "found"),
    [
        ("user", "tokens_per_dya = 1", "is not known. Did you mean tokens_per_day?"),
        ("user", "tokens_per_day = -1", f"is -1. {WHOLE}"),
        ("user", "tokens_per_day = 0.5", f"is 0.5. {WHOLE}"),
        ("user", 'tokens_per_day = "unlimited"', f'is "unlimited". {WHOLE}'),
        ("user", 'money_per_day = "1"', 'is "1". Write a number from 0 to 1,000,000.'),
        ("chat", "streams = 1", f"is not counted here. {ONLY_USER}"),
        ("server", "requests_per_minute = 1", f"is not counted here. {ONLY_USER}"),
        ('roles."discord:1"', 'streams = "unlimitd"', f'is "unlimitd". {WHOLE}'),
    ],
)
def test_what_is_wrong_in_a_table_is_said_with_its_line(table: str, line: str, found: str) -> None:
    key = line.split(" ", maxsplit=1)[0]
    assert problems(f"[budgets.{table}]\n{line}") == [f"line 2: budgets.{table}.{key} {found}"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[budgets.users]", "line 1: budgets.users is not known. Did you mean user?"),
        ('[budgets.roles."Moderators"]', f"line 1: budgets.roles.Moderators {NO_ROLE}"),
        ('[budgets.roles."telegram:5"]', f'line 1: budgets.roles."telegram:5" {NO_ROLE}'),
        (
            '[budgets]\ncurrency = "euro"',
            'line 2: budgets.currency is "euro". Write its three letters, such as USD or EUR.',
        ),
        (
            "[budgets]\nstreams = 1",
            (
                "line 2: budgets.streams is not known here. "
                "It belongs into [budgets.everybody], [budgets.user] or another of its tables."
            ),
        ),
        (
            "[defaults]\nmoney_per_day = 1",
            (
                "line 2: defaults.money_per_day is not known here. "
                "It belongs into [budgets.user] or another table of [budgets]."
            ),
        ),
    ],
)
def test_what_stands_in_the_wrong_place_is_said_with_its_line(text: str, wrong: str) -> None:
    assert problems(text) == [wrong]
