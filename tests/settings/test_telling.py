"""Which values a problem shows, and which it hides since they may be secrets."""

from __future__ import annotations

import pytest

from core.settings import shown, shown_entry, shown_name


@pytest.mark.parametrize(
    "name",
    [
        "openai/gpt-5-mini",
        "anthropic/claude-sonnet-4-5",
        "anthropic/claude-sonnet-4-5-20250929",
        "openrouter/meta-llama/llama-3.3-70b",
        "home/SmolLM2-135M-Instruct",
        "home/qwen2.5-coder:32b-q4_K_M",
        "groq/DeepSeek-R1-Distill-Qwen-7B",
        "discord:guild:123",
        "discord:channel:80351110224678912",
        "telegram:chat:-1001234567890",
        "telegram:-1001234567890/4",
    ],
)
def test_names_of_models_and_ids_of_platforms_are_shown(name: str) -> None:
    assert shown(name) == f'"{name}"'


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefghijklmnop1234",
        "openai/sk-proj-abcdefghijklmnop1234",
        "sk-abcdefghijklmnopqrstuvwxyz",  # no digit: its shape tells
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "q83vEjRWeJCrze8/SNFZ4kSaBWdzHR4oPbR",
        "123e4567e89b12d3/a456426614174000",
        "1234567890:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
        "telegram:1234567890:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
        "postgresql://ada:s3cr3t@host/sluice",
        "abcdef0123456789",
        "AKIAIOSFODNN7EXAMPLE",
        " AKIAIOSFODNN7EXAMPLE",
        "84ef01a3b5c7d9e1f3025476981badce ",
        "84ef01a3b5c7d9e1f3025476981badce 84ef01a3b5c7d9e1f3025476981badce",
        "my key is 84ef01a3b5c7d9e1f3025476981badce",
        "sk-proj-Ab3dEf6 hIj9lMnOpQrStUv",  # its end came with a line of its own
    ],
)
def test_what_may_be_a_secret_is_not(secret: str) -> None:
    assert shown(secret) == f"a text of {len(secret)} characters"


def test_a_value_is_told_on_one_line() -> None:
    assert shown("two\nlines \x1b[31m") == r'"two\nlines \x1b[31m"'


@pytest.mark.parametrize("entry", ["ada", "discord:ada", "discord:channel:80351110224678912"])
def test_what_people_take_for_an_id_is_shown(entry: str) -> None:
    assert shown_entry(entry) == f'"{entry}"'


@pytest.mark.parametrize("secret", ["abcdef0123456789", "correct-horse-battery-staple"])
def test_an_entry_that_may_be_a_secret_is_not(secret: str) -> None:
    assert shown_entry(secret) == f"a text of {len(secret)} characters"


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4o-mini-2024-07-18",
        "mistralai/Mixtral-8x7B-Instruct-v0.1",
        "accounts/fireworks/models/llama-v3p1-405b-instruct",
        "cognitivecomputations/dolphin3.0-mistral-24b",
        "anthropic/claude-sonnet-4-5-20250929",
        "openrouter/meta-llama/llama-3.3-70b",
        "Claude Sonnet 4.5, the long one",
        "Llama 3.2, see https://example.org/llama/3.2",
        "pause_minutes_channel_2",
        "OPENROUTER_API_KEY_2",
        "discord:123456789012345678",
    ],
)
def test_a_name_made_of_words_is_shown_whole(name: str) -> None:
    assert shown_name(name) == name


@pytest.mark.parametrize(
    "secret",
    [
        "env/sk-proj-Ab3dEf6hIj9lMnOpQrStUv",
        "SLUICE_84ef01a3b5c7d9e1f3025476981badce",
        "3f2b8c1e-9d4a-4e7b-8a6f-1c2d3e4f5a6b",
        "pplx-0a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d",
        "https://api.example.com/v1?key=Ab3dEf6hIj9lMnOp",
        "abcdef0123456789",
        "AKIAIOSFODNN7EXAMPLE",
        "A1B2-C3D4-E5F6-G7H8",
    ],
)
def test_a_name_that_may_be_a_secret_is_not(secret: str) -> None:
    assert shown_name(secret) == f"a text of {len(secret)} characters"
