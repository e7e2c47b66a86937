"""Every language says the same things, and says them whole."""

from __future__ import annotations

from string import Formatter

import pytest
from babel.core import Locale
from babel.messages.plurals import get_plural

from core.catalogue import ENGLISH, LANGUAGES, completeness, entries, say
from core.policy.budgets import Refused, Scope, Span, Why
from core.ports.completions import ModelErrorKind
from core.service.refusals import mark_of
from core.streaming.pages import MARK_UNITS

OTHERS = tuple(language for language in LANGUAGES if language != ENGLISH)
_PRESSED = ("stop.", "continue.", "retry.", "variant.", "resume.", "button.over")
TELEGRAM_ALERT = 200  # characters; core.telegram.org/bots/api#answercallbackquery
BESIDE = 16
"""Characters of an option of which two stand beside each other on a phone, behind a tick and an emoji."""


def placeholders(text: str) -> list[tuple[str | None, str | None, str | None]]:
    """Each `{name}` with what a translator must not add to it: format and conversion."""
    return [
        (name, form, conversion) for _, name, form, conversion in Formatter().parse(text) if name is not None
    ]


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_every_text_and_no_other(language: str) -> None:
    assert entries(language).keys() == entries(ENGLISH).keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_has_the_placeholders_of_the_english_one(language: str) -> None:
    """Each of its plural forms has them, and they are mere names: a text cannot reach into a value."""
    english = entries(ENGLISH)
    for key, entry in entries(language).items():
        expected = {name for name, _, _ in placeholders(english[key].forms[0])}
        for text in entry.forms:
            found = placeholders(text)
            assert {name for name, _, _ in found} == expected, (language, key, text)
            assert all(name and name.isidentifier() for name, _, _ in found), (language, key, text)
            assert not any(form or conversion for _, form, conversion in found), (language, key, text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_has_as_many_plural_forms_as_its_language(language: str) -> None:
    """The number that decides is the same everywhere, and stands in the text."""
    english, count = entries(ENGLISH), get_plural(Locale.parse(language, sep="-")).num_plurals
    for key, entry in entries(language).items():
        assert entry.number == english[key].number
        assert len(entry.forms) == (count if entry.number else 1)
        assert all(f"{{{entry.number}}}" in text for text in entry.forms if entry.number)


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_tidy(language: str) -> None:
    """One line, no white space around it, nothing invisible but a French space."""
    for entry in entries(language).values():
        for text in entry.forms:
            assert text == text.strip()
            assert text.replace("\N{NO-BREAK SPACE}", " ").isprintable()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_mark_of_every_ending_has_room_on_its_page(language: str) -> None:
    reasons = [say(f"model.{kind}", language) for kind in (*ModelErrorKind, "unexpected")]
    reasons += [
        say("provider_busy.seconds", language, seconds=90),
        say("provider_busy.minutes", language, hours=24, minutes=59),
    ]
    marks = [say("ending.failed", language, reason=reason) for reason in reasons]
    marks += [mark_of(Refused(why, scope, span), language) for why in Why for scope in Scope for span in Span]
    said = {"ending.failed", "ending.spent"}
    marks += [say(key, language) for key in entries(ENGLISH) if key.startswith("ending.") and key not in said]
    assert max(len(f"\n\n*{mark}*") for mark in marks) <= MARK_UNITS


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_answers_a_press_fits_telegrams_alert(language: str) -> None:
    answers = (key for key in entries(ENGLISH) if key.startswith(_PRESSED))
    assert all(len(say(key, language)) <= TELEGRAM_ALERT for key in answers)


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_options_stand_beside_each_other_on_a_phone(language: str) -> None:
    for key in (key for key in entries(ENGLISH) if key.startswith("option.")):
        assert len(say(key, language)) <= BESIDE, key


def test_the_report_says_how_complete_each_language_is() -> None:
    whole = len(entries(ENGLISH))
    report = {done.language: done for done in completeness()}
    assert tuple(report) == LANGUAGES
    assert str(report["pt-BR"]) == f"pt-BR: {whole} of {whole} texts"
    for language, done in report.items():
        assert done.translated + len(done.missing) == whole
        assert (done.missing == ()) is (entries(language).keys() == entries(ENGLISH).keys())
        assert str(done).startswith(f"{language}: {done.translated} of {whole} texts")


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_calls_the_button_as_it_is_called(language: str) -> None:
    assert say("button.stop", language) in say("help", language)
