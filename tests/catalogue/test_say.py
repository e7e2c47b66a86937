"""What `say` makes of a key, a locale and values."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.core import Locale
from hypothesis import given
from hypothesis import strategies as st

from core import catalogue
from core.catalogue import LANGUAGES, completeness, entries, language_for, say


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("pt-BR", "pt-BR"),  # Discord
        ("pt-br", "pt-BR"),  # Telegram
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("pt_BR", "pt-BR"),
        ("es-ES", "es"),
        ("es-419", "es"),
        ("de", "de"),
        ("de-AT", "de"),
        ("fr-CA", "fr"),
        ("RU", "ru"),
        ("en-GB", "en"),
        ("en-US", "en"),
        ("ja", "en"),
        ("zh-Hant-TW", "en"),
        ("nonsense", "en"),
        ("../pt-BR", "en"),
        ("-", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_who_is_served_in_which_language(locale: str | None, language: str) -> None:
    assert language_for(locale) == language
    assert say("button.continue", locale) == say("button.continue", language)


@given(st.text())
def test_no_locale_is_too_strange(locale: str) -> None:
    assert language_for(locale) in LANGUAGES


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", {0: "0 lines", 1: "1 line", 2: "2 lines", 1_234: "1,234 lines"}),
        ("pt-BR", {0: "0 linha", 1: "1 linha", 2: "2 linhas", 1_234: "1.234 linhas"}),
        ("es", {0: "0 líneas", 1: "1 línea", 2: "2 líneas", 12_345: "12.345 líneas"}),
        ("de", {0: "0 Zeilen", 1: "1 Zeile", 2: "2 Zeilen", 1_234: "1.234 Zeilen"}),
        ("fr", {0: "0 ligne", 1: "1 ligne", 2: "2 lignes", 1_234: "1\N{NARROW NO-BREAK SPACE}234 lignes"}),
        (
            "ru",
            {
                0: "0 строк",
                1: "1 строка",
                2: "2 строки",
                4: "4 строки",
                5: "5 строк",
                11: "11 строк",
                12: "12 строк",
                21: "21 строка",
                22: "22 строки",
                101: "101 строка",
                111: "111 строк",
                1_234: "1\N{NO-BREAK SPACE}234 строки",
            },
        ),
    ],
)
def test_plural_forms_and_numbers(language: str, expected: dict[int, str]) -> None:
    for lines, words in expected.items():
        assert say("file.code.whole", language, lines=lines).endswith(f": {words}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_rule_in_each_file_is_the_one_that_unicode_knows(language: str) -> None:
    """For every number of lines that a file may have, the same numbers share a form (CLDR's plural rules)."""
    forms = entries(language)["file.code.whole"].forms
    rule = Locale.parse(language, sep="-").plural_form
    form_of: dict[str, str] = {}
    for lines in range(2_000):
        shown = say("file.code.whole", language, lines=lines)
        [form] = [form for form in forms if shown.endswith(form.rpartition("}")[2]) and form]
        assert form_of.setdefault(rule(lines), form) == form, lines
    assert set(form_of.values()) == set(forms)


@pytest.mark.parametrize(
    "hostile",
    [
        "{",
        "}",
        "{}",
        "{0}",
        "{text}",
        "{text.__class__}",
        "%s",
        "\u202eevil\u2066",
        "a\nb",
        "@everyone",
        "\\n",
        "",
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_value_is_never_read_as_a_text(language: str, hostile: str) -> None:
    assert say("reasoning", language, text=hostile) == f"💭 {hostile}"


@given(st.text(), st.sampled_from(LANGUAGES))
def test_every_value_stays_as_it_is(value: str, language: str) -> None:
    assert value in say("ending.failed", language, reason=value)


def test_a_long_value_is_not_cut() -> None:
    assert say("reasoning", "ru", text="x" * 100_000) == "💭 " + "x" * 100_000


def test_a_value_may_be_called_as_the_parameters_are() -> None:
    with pytest.raises(KeyError, match="reason"):
        say("ending.failed", None, key="x", locale="y")


@pytest.mark.parametrize("language", [None, *LANGUAGES])
def test_mistakes_of_ours_are_loud(language: str | None) -> None:
    with pytest.raises(KeyError, match=r"no\.such\.key"):
        say("no.such.key", language)
    with pytest.raises(KeyError, match="lines"):
        say("file.code.whole", language)
    with pytest.raises(KeyError, match="limit"):
        say("too_long", language, length=1)
    with pytest.raises(TypeError, match="whole number"):
        say("file.code.whole", language, lines="many")


@pytest.fixture
def german_with_gaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The catalogue with a German file that lacks a text, and has an empty, a half and a fuzzy one."""
    whole = Path(catalogue.__file__).parent
    for file in whole.glob("*.po"):
        shutil.copy(file, tmp_path)
    german = (whole / "de.po").read_text(encoding="utf-8")
    for text in ("Weiter", "Der Rest der Tabelle: {lines} Zeile"):
        assert f'"{text}"' in german
        german = german.replace(f'"{text}"', '""')
    german = german.replace('msgid "button.stop"\nmsgstr "Stopp"\n', "")
    german = german.replace('msgid "busy"\n', '#, fuzzy\nmsgid "busy"\n')
    (tmp_path / "de.po").write_text(german, encoding="utf-8")
    monkeypatch.setattr(catalogue, "_FOLDER", tmp_path)
    catalogue._translations.cache_clear()
    yield
    catalogue._translations.cache_clear()


@pytest.mark.usefixtures("german_with_gaps")
def test_what_is_missing_is_said_in_english_and_reported() -> None:
    assert say("button.stop", "de") == "Stop"
    assert say("button.continue", "de") == "Continue"
    assert say("file.table.whole", "de", lines=1) == "The rest of the table: 1 row"
    assert say("file.table.whole", "de", lines=1_000) == "The rest of the table: 1.000 rows"
    assert say("busy", "de") == say("busy")
    assert say("stop.done", "de") == "Gestoppt."
    report = {done.language: done for done in completeness()}
    assert set(report["de"].missing) >= {"busy", "button.stop", "button.continue", "file.table.whole"}
    whole = len(entries("en"))
    assert str(report["de"]) == f"de: {whole - len(report['de'].missing)} of {whole} texts"
