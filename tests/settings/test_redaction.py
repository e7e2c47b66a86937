"""No secret leaves through a log, whoever writes it and in whichever form."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from bots.logs import set_up_logging
from core.adapters.redaction import Redaction, redact_all_logging
from core.settings import Settings, TelegramWebhook

TOKEN = "123456:AAbb/cc+dd==ee"
KEY = "sk-proj-0123456789"


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """What the root logger writes, with the redaction on it."""
    root, stream = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(stream)
    root.addHandler(handler)
    redaction = redact_all_logging([TOKEN, KEY, None, ""])
    yield stream
    root.removeHandler(handler)
    for other in root.handlers:
        other.removeFilter(redaction)


@pytest.mark.parametrize(
    "form", [TOKEN, quote(TOKEN), quote(TOKEN, safe=""), "123456%3aAAbb%2fcc%2bdd%3d%3dee", KEY]
)
def test_a_librarys_line_is_redacted_in_every_form(output: io.StringIO, form: str) -> None:
    logging.getLogger("some.library").warning("GET http://host/bot%s/getMe %d", form, 200)
    written = output.getvalue()
    assert form not in written
    assert "/getMe 200" in written


def test_tracebacks_and_stacks_are_redacted(output: io.StringIO) -> None:
    try:
        try:
            raise ValueError(f"bad {KEY}")
        except ValueError as error:
            raise RuntimeError("outer") from error
    except RuntimeError:
        logging.getLogger("some.library").exception("failed", stack_info=True)
    written = output.getvalue()
    assert KEY not in written
    assert "bad ***" in written
    assert "RuntimeError: outer" in written
    assert "Stack (most recent call last)" in written


def test_a_line_with_wrong_arguments_is_written_and_redacted(output: io.StringIO) -> None:
    template = "%d of %d"
    logging.getLogger("some.library").warning(template, KEY)
    assert "%d of %d" in output.getvalue()
    assert KEY not in output.getvalue()


def test_an_argument_that_hides_the_secret_in_its_repr_is_redacted(output: io.StringIO) -> None:
    logging.getLogger("some.library").warning("request: %r", {"Authorization": f"Bearer {KEY}"})
    assert output.getvalue() == "request: {'Authorization': 'Bearer ***'}\n"


def test_a_short_dummy_key_does_not_eat_words() -> None:
    redaction = Redaction(["none", "x"])
    assert redaction.redact("none of the boxes") == "none of the boxes"


def test_a_secret_within_a_secret_leaves_nothing_behind() -> None:
    redaction = Redaction(["secret-1", "secret-1-and-more"])
    assert redaction.redact("secret-1-and-more secret-1") == "*** ***"


def test_a_secret_that_is_no_text_can_be_given() -> None:
    assert Redaction(["abc\udcffdef"]).redact("abc") == "abc"


def test_the_secret_of_a_webhook_is_among_what_is_kept_out_of_the_log() -> None:
    output, secret = io.StringIO(), "a-secret_that-nobody-guesses"
    webhook = TelegramWebhook("https://bot.example.org/telegram", secret)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()  # else they would be closed
    try:
        set_up_logging(Settings(telegram_webhook=webhook), output)
        logging.getLogger("anybody").warning("refused: %s", secret)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    assert secret not in output.getvalue()
    assert "refused: ***" in output.getvalue()
