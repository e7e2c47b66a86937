"""What a webhook needs, and what is said where that is wrong."""

from __future__ import annotations

import pytest

from core.settings import TelegramWebhook
from tests.settings.given import TELEGRAM, problems, read

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
