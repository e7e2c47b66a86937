"""What a remedy says of a name, and that it hides one which may be a secret."""

from __future__ import annotations

import pytest

from tests.configuration.parsed import problems


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("default_model = '{}'", "models"),
        ("default_persona = '{}'", "personas"),
        ("[moderation]\nprovider = '{}'\ninput = 'before'", "providers"),
    ],
)
def test_a_remedy_has_the_name_or_says_where_it_belongs(text: str, kind: str) -> None:
    remedy = problems(text.format("openai/gpt-5-mini"))[0].partition(". ")[2]
    assert f'Add [{kind}."openai/gpt-5-mini"]' in remedy
    secret = "openai/sk-proj-abcdefghijklmnop1234"
    [hidden] = problems(text.format(secret))
    assert "sk-proj" not in hidden
    assert f"Add a table of that name to [{kind}]" in hidden


def test_a_long_name_is_whole_in_the_remedy() -> None:
    name = "openrouter/meta-llama/llama-3.3-70b-instruct-turbo"
    assert f'Add [models."{name}"], be it empty.' in problems(f"default_model = '{name}'")[0]


@pytest.mark.parametrize(
    "text", ["[access]\nadmins = ['{}']", "[access]\ndeny = ['{}']", "[alerts]\nto = ['{}']"]
)
def test_what_was_to_be_an_id_is_told_as_for_env(text: str) -> None:
    secret = "correct-horse-battery-staple"
    [hidden] = problems(text.format(secret))
    assert f"is a text of {len(secret)} characters" in hidden
