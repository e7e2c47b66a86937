"""A secret that stands where a name should: people paste what is said of the file into chats."""

from __future__ import annotations

from typing import Final

import pytest

from tests.configuration.parsed import SECRET, parsed, problems

_SECRETS: Final = (SECRET, "84ef01a3b5c7d9e1f3025476981badce", "AKIAIOSFODNN7EXAMPLE")
_PROVIDER: Final = '[providers.a]\nbase_url = "http://127.0.0.1:9/v1"\n'


@pytest.mark.parametrize("secret", _SECRETS)
@pytest.mark.parametrize(
    "text",
    [
        "{} = 1",
        "[{}]\na = 1",
        "[models.{}]",
        '[models."openai/{}"]',
        '[models."{}/gpt"]',
        "[providers.{}]\nbase_url = 3",
        "[defaults]\n{} = 1",
        "[personas.{}]\nzzz = 1",
        "[budgets.roles.{}]",
        _PROVIDER + "[providers.a.headers]\n{} = 3",
        '[access]\nadmins = [" {}"]',
        "[{0}]\n[{0}]",
        "[providers.{0}]\n[providers.{0}]",
        "x = {{ {0} = 1, {0} = 2 }}",
        "[models.{0}]\na = 1\n[models]\n{0}.b = 2",
        '[providers."{0}"]\n[models."{0}x/gpt"]',
    ],
)
def test_it_is_told_without_it(text: str, secret: str) -> None:
    found = problems(text.format(secret))
    assert found
    assert not [line for line in found if secret in line]


def test_a_secret_with_dots_is_no_more_told_by_its_parts() -> None:
    [found] = problems("[MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz12345678]\n" * 2)
    assert found.startswith("line 2: this is not TOML: cannot declare this name twice. ")


def test_the_path_says_where_it_stands() -> None:
    [found] = problems(f"[personas.{SECRET}]\nzzz = 1")
    assert found.startswith(f"line 2: personas.(a text of {len(SECRET)} characters).zzz is not known.")


def test_a_key_in_place_of_its_variables_name() -> None:
    [warning] = parsed(_PROVIDER + 'api_key_env = "AKIAIOSFODNN7EXAMPLE"').warnings
    assert "api_key_env names a text of 20 characters, which is not set. A key never stands" in warning
    assert "AKIA" not in warning
