"""From the bytes of `sluice.toml` to a Configuration, or to everything that is wrong with them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from core.configuration.admission import read_admission
from core.configuration.budgets import check_prices, read_budgets
from core.configuration.entries import (
    LONGEST_PROMPT,
    Configuration,
    Defaults,
    ModelEntry,
    Permissions,
    Persona,
)
from core.configuration.locator import lines_of
from core.configuration.misplaced import belongs
from core.configuration.models import Models
from core.configuration.moderating import ModerationRules, read_moderation
from core.configuration.problems import (
    ConfigurationError,
    Problem,
    Report,
    Section,
    add_table,
    nearest,
)
from core.configuration.providers import read_providers
from core.settings import NO_MODEL_NAMED, Settings, place_is_valid, shown_entry, shown_name

ANSWER_WHEN: Final = frozenset({"mention", "reply", "command", "keywords", "always"})
LANGUAGES: Final = frozenset({"auto", "en", "pt-BR", "es", "de", "fr", "ru"})
HISTORY: Final = frozenset({"conversation", "channel", "none"})
BUSY: Final = frozenset({"queue", "interrupt"})
_A_YEAR_OF_MINUTES: Final = 527_040
_PERSONA: Final = re.compile(r"\w[\w .'-]{0,31}")
_COMMAND: Final = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)  # what both platforms take as a command's name
_SYNTAX: Final = re.compile(
    r"(?P<why>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL
)
_OPEN_QUOTE: Final = re.compile(r"(?:Illegal|Found invalid) character '\\n'")
_KEYS: Final = re.compile(r"\(['\"].*\)|(?<=inline table key ).*", re.DOTALL)
"""As tomllib tells of them: any may be a secret, and the line is told."""
_SYNTAX_REMEDY: Final = (
    'TOML has one name = value on each line, texts in double quotes, and tables as [models."provider/model"].'
)


def is_persona_name(name: str) -> bool:
    """Whether a persona can be called so."""
    return _PERSONA.fullmatch(name) is not None


def example() -> str:
    """A file with everything in it, explained: what `sluice config example` prints."""
    return resources.files(__package__).joinpath("example.toml").read_text("utf-8")


def parse_configuration(
    document: bytes | None,
    settings: Settings,
    *,
    variables: Mapping[str, str],
    embedded: ModelEntry,
    file: Path | None = None,
    counted: bool = True,
) -> Configuration:
    """What the file and `.env` say together. Raises ConfigurationError with every problem found.

    `document` None: there is no file. `variables`: the environment, in which providers' keys are looked
    up. `embedded`: the demo model, which can always be named. `counted`: what is asked counts against
    budgets; else no model needs a price.
    """
    text, values, lines = "", {}, {}
    if document is not None:
        text = _decoded(document, str(file))
        values = _parsed(text, str(file))
        lines = dict(lines_of(text))
    report = Report(file, lines)
    reader = _Reader(Section(report, (), values), report, settings, variables, embedded, counted=counted)
    configuration = reader.configuration(file if document is not None else None)
    if configuration is None or report.problems:
        raise ConfigurationError(report.problems)
    return replace(configuration, warnings=tuple(map(str, report.warnings)))


def _decoded(document: bytes, file: str) -> str:
    try:
        return document.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = document[: error.start].count(b"\n") + 1
        raise ConfigurationError(
            [Problem(file, line, "", "is not UTF-8 text", "Save it as UTF-8.")]
        ) from None


def _parsed(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number may be too long for Python alone
        found = _SYNTAX.fullmatch(str(error))
        why = _KEYS.sub("this name", found["why"] if found else str(error) or "nested too deeply")
        if _OPEN_QUOTE.fullmatch(why):
            why = "a quote is not closed on this line"
        line = int(found["line"]) if found and found["line"] else max(1, len(text.splitlines()))
        problem = Problem(file, line, "", f"this is not TOML: {why[:1].lower()}{why[1:]}", _SYNTAX_REMEDY)
        raise ConfigurationError([problem]) from None


class _Reader:
    def __init__(
        self,
        top: Section,
        report: Report,
        settings: Settings,
        variables: Mapping[str, str],
        embedded: ModelEntry,
        *,
        counted: bool,
    ) -> None:
        self._top = top
        self._report = report
        self._settings = settings
        self._embedded = embedded
        self._counted = counted
        self._providers = read_providers(top.table("providers"), settings, variables)
        self._models = Models(embedded, settings.model, self._providers, report)

    def configuration(self, file: Path | None) -> Configuration | None:
        """None where no model is left to be the default; the report says why."""
        settings, top = self._settings, self._top
        models = top.table("models")
        self._models.read(models)
        env_model = self._models.add_env_model()
        default_model = self._models.reference(top, "default_model")
        personas = self._personas(top.table("personas"))
        default_persona = top.text("default_persona")
        if default_persona is not None and default_persona not in personas:
            remedy = f"{add_table('personas', default_persona)}.{nearest(default_persona, personas)}"
            top.problem("default_persona", "names no persona of this file", remedy)
        defaults = self._defaults(top.table("defaults"))
        permissions = self._permissions(top.table("permissions"))
        budgets = read_budgets(top.table("budgets"), settings.daily_tokens)
        access = top.table("access")
        admission = read_admission(access, self._report, settings.admins)
        access.close(belongs())
        alerts = self._alerts(top.table("alerts"))
        moderation = self._moderation(top.table("moderation"))
        operator = top.text("operator")
        top.close(belongs())
        self._models.check_references()
        asked = env_model if settings.model.asked else None
        chosen = asked or default_model or env_model
        own = [model for model in self._models.found if model != self._embedded.id]
        if chosen is None and own:
            remedy = f'Write default_model = "{shown_name(own[0])}" at the top of the file.'
            top.problem("default_model", "is not set", remedy)
        elif chosen is None and (settings.model.api_key or settings.model.base_url):
            self._report.problem((), "no model is named", NO_MODEL_NAMED)
        default = chosen or self._embedded.id
        self._models.drop_embedded_unless_used(default)
        if self._counted:
            check_prices(budgets, self._models.readable, models.names, self._report)
        return Configuration(
            file,
            MappingProxyType(self._providers),
            MappingProxyType(self._models.found),
            default,
            model_chosen=chosen is not None,
            env_model=env_model,
            personas=MappingProxyType(personas),
            default_persona=default_persona,
            defaults=defaults,
            permissions=permissions,
            budgets=budgets,
            access=admission,
            alerts=alerts,
            moderation=moderation,
            operator=operator,
            temperature=settings.model.temperature,
            max_output_tokens=settings.model.max_tokens,
            system_prompt=settings.model.system_prompt,
        )

    def _personas(self, section: Section) -> dict[str, Persona]:
        personas = {}
        for name, table in section.each():
            if not is_persona_name(name):
                remedy = "Use letters, digits, spaces and hyphens, and at most 32 of them."
                section.problem(name, "cannot be a persona's name", remedy)
            personas[name] = Persona(
                name,
                description=table.text("description") or "",
                system_prompt=table.text("system_prompt", longest=LONGEST_PROMPT, lines=True),
                model=self._models.reference(table, "model"),
                temperature=table.number("temperature", least=0.0, most=2.0),
                max_output_tokens=table.whole("max_output_tokens", least=1),
            )
            table.close(belongs())
        return personas

    def _defaults(self, table: Section) -> Defaults:
        base = replace(Defaults(), show_reasoning=self._settings.show_reasoning)
        when = table.texts("answer_when", like="mention", choices=ANSWER_WHEN)
        keywords = table.texts("keywords", like="sluice")
        if when is not None and "keywords" in when and not keywords:
            table.problem("answer_when", 'holds "keywords"', 'Write them: keywords = ["sluice"].')
        reasoning = table.switch("show_reasoning")
        read: dict[str, Any] = {
            "answer_when": None if when is None else frozenset(when),
            "keywords": keywords,
            "language": table.one_of("language", LANGUAGES),
            "streaming": table.switch("streaming"),
            "show_reasoning": reasoning,
            "history": table.one_of("history", HISTORY),
            "auto_thread": table.switch("auto_thread"),
            "busy": table.one_of("busy", BUSY),
            "pause_minutes_channel": table.whole("pause_minutes_channel", least=0, most=_A_YEAR_OF_MINUTES),
            "pause_minutes_private": table.whole("pause_minutes_private", least=0, most=_A_YEAR_OF_MINUTES),
            "retention_days": table.whole("retention_days", least=0, most=36_500),
            "telegram_inline": table.switch("telegram_inline"),
            "menu": table.texts("menu", like="ask", fits=_COMMAND),
        }
        table.close(belongs())
        return replace(base, **{key: value for key, value in read.items() if value is not None})

    def _permissions(self, table: Section) -> Permissions:
        open_to_all = "models_for_everybody" in table
        models = self._models.references(table, "models_for_everybody")
        table.close(belongs())
        return Permissions(frozenset(models) if open_to_all else None)

    def _alerts(self, table: Section) -> tuple[str, ...]:
        places = table.texts("to", like="discord:123") or ()
        for number, place in enumerate(places):
            if not place_is_valid(place):
                remedy = (
                    'Write ids as "discord:<channel id>" or "telegram:<chat id>"; names are never accepted.'
                )
                self._report.problem(table.at("to", number), f"is {shown_entry(place)}", remedy)
        table.close(belongs())
        return places

    def _moderation(self, table: Section) -> ModerationRules:
        rules = read_moderation(table, self._providers, self._models.reference)
        table.close(belongs())
        return rules
