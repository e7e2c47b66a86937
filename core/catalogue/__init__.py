"""Every word that Sluice itself says to people, in their language. The model's words are not here.

One file per language stands beside this: gettext's PO, with keys for ids. English has every key; what another
language lacks is said in English. In a text `{name}` stands for a value, and nothing else is special. A text
that depends on a number has plural forms, and its `msgid_plural` names the number.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from gettext import GNUTranslations
from importlib import resources
from itertools import chain
from types import MappingProxyType
from typing import Final

from babel.core import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal

LANGUAGES: Final = ("en", "pt-BR", "es", "de", "fr", "ru")
"""The names of the files, as BCP 47 has them."""
ENGLISH: Final = LANGUAGES[0]
"""It has every key, and is everybody's fallback."""

_FOLDER: Final = resources.files(__name__)
_BY_PRIMARY: Final = MappingProxyType({language.partition("-")[0]: language for language in LANGUAGES})


def say(key: str, locale: str | None = None, /, **values: object) -> str:
    """The text of `key` in the language of the reader, with its `{values}` filled in.

    `locale`: BCP 47 as the platform says it (`pt-BR`, `es-419`, `ru`), None where it is not known. A number
    is written as people there write it, all else as it is. Raises KeyError for a key or a value that is not
    there.
    """
    language = language_for(locale)
    number = _numbers()[key]
    texts = _translations(language)
    text = texts.ngettext(key, number, _count(values[number])) if number else texts.gettext(key)
    return text.format_map({name: _written(value, language) for name, value in values.items()})


def money(amount: Decimal, currency: str, locale: str | None = None) -> str:
    """An amount as the reader's language writes it: to the cent, and what is less than one unit to two digits
    that tell something. `currency`: ISO 4217."""
    exponent = (
        Decimal("0.01") if abs(amount) >= 1 or not amount else Decimal((0, (1,), amount.adjusted() - 1))
    )
    rounded = amount.quantize(min(exponent, Decimal("0.01")))
    babel_locale = _babel_locale(language_for(locale))
    return format_currency(rounded, currency, locale=babel_locale, decimal_quantization=False)


def language_for(locale: str | None) -> str:
    """The one of LANGUAGES that serves a reader best: by the language alone, whatever the country."""
    primary = (locale or "").replace("_", "-").partition("-")[0]
    return _BY_PRIMARY.get(primary.lower(), ENGLISH)


def name_of(language: str) -> str:
    """What one of LANGUAGES is called by those who speak it, whatever the country."""
    name = _babel_locale(language).get_language_name() or language
    return name[:1].upper() + name[1:]


@dataclass(frozen=True, slots=True)
class Completeness:
    """How much of the catalogue one language has; `missing` holds the keys that are said in English."""

    language: str
    translated: int
    missing: tuple[str, ...]

    def __str__(self) -> str:
        whole = self.translated + len(self.missing)
        return f"{self.language}: {self.translated} of {whole} texts"


def completeness() -> tuple[Completeness, ...]:
    """One report for each language, in the order of LANGUAGES."""
    return tuple(_completeness_of(language) for language in LANGUAGES)


def report(found: Iterable[Completeness], *, missing: bool) -> str:
    """A line for each; where `missing`, with the keys below."""
    lines = ((str(one), *(f"  {key}" for key in one.missing if missing)) for one in found)
    return "\n".join(chain.from_iterable(lines))


@dataclass(frozen=True, slots=True)
class Entry:
    """What one language says for one key: a text for each plural form, in the order of its file.

    `number`: the name of the value that decides between them, "" where nothing does.
    """

    forms: tuple[str, ...]
    number: str


def entries(language: str) -> dict[str, Entry]:
    """What one language has, by key; a text that is empty or marked as fuzzy counts for none."""
    messages = (message for message in _read(language) if message.id)
    return {
        _key(message): Entry(_forms(message), _number(message)) for message in messages if _is_done(message)
    }


def _completeness_of(language: str) -> Completeness:
    has = entries(language)
    missing = tuple(key for key in _numbers() if key not in has)
    return Completeness(language, len(has), missing)


@cache
def _numbers() -> dict[str, str]:
    return {key: entry.number for key, entry in entries(ENGLISH).items()}


@cache
def _translations(language: str) -> GNUTranslations:
    catalog = _read(language)
    for undone in [message for message in catalog if message.id and not _is_done(message)]:
        catalog.delete(_key(undone))
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    translations = GNUTranslations(compiled)
    if language != ENGLISH:
        translations.add_fallback(_translations(ENGLISH))
    return translations


def _read(language: str) -> Catalog:
    file = _FOLDER.joinpath(f"{language}.po")
    return read_po(io.BytesIO(file.read_bytes()), locale=language.replace("-", "_"), abort_invalid=True)


def _key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _number(message: Message) -> str:
    return "" if isinstance(message.id, str) else message.id[1].strip("{}")


def _forms(message: Message) -> tuple[str, ...]:
    text = message.string or ""
    return (text,) if isinstance(text, str) else tuple(text)


def _is_done(message: Message) -> bool:
    return all(_forms(message)) and not message.fuzzy


def _count(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"plural forms depend on a whole number, not on {value!r}")
    return value


@cache
def _babel_locale(language: str) -> Locale:
    return Locale.parse(language, sep="-")


def _written(value: object, language: str) -> object:
    return format_decimal(value, locale=_babel_locale(language)) if isinstance(value, (int, float)) else value
