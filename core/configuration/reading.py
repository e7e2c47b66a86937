"""From the bytes of `sluice.toml` to a Configuration, or to everything that is wrong with them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from core.configuration.admission import read_admins, read_admission, read_entries
from core.configuration.budgets import check_prices, read_budgets, read_currency
from core.configuration.entries import (
    EMBEDDED_PROVIDER,
    ENV_PROVIDER,
    Ability,
    Admission,
    Configuration,
    Defaults,
    ModelEntry,
    Permissions,
    Persona,
    Price,
    Provider,
)
from core.configuration.limits import LIMITS
from core.configuration.locator import lines_of
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
from core.settings import MODEL_ID, NO_KEY, NO_MODEL_NAMED, Settings, place_is_valid, shown, shown_entry

ANSWER_WHEN: Final = frozenset({"mention", "reply", "command", "keywords", "always"})
LANGUAGES: Final = frozenset({"auto", "en", "pt-BR", "es", "de", "fr", "ru"})
HISTORY: Final = frozenset({"conversation", "channel", "none"})
BUSY: Final = frozenset({"queue", "interrupt"})
_A_YEAR_OF_MINUTES: Final = 527_040
_LONGEST_PROMPT: Final = 32_000  # characters: what a whole window of the default budget holds
_PRICE: Final = frozenset({"prompt_price", "completion_price"})
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,50}", re.ASCII)
_PERSONA: Final = re.compile(r"\w[\w .'-]{0,31}")
_COMMAND: Final = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)  # what both platforms take as a command's name
_SYNTAX: Final = re.compile(
    r"(?P<why>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL
)
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
) -> Configuration:
    """What the file and `.env` say together. Raises ConfigurationError with every problem found.

    `document` None: there is no file. `variables`: the environment, in which providers' keys are looked
    up. `embedded`: the demo model, which can always be named.
    """
    text, values, lines = "", {}, {}
    if document is not None:
        text = _decoded(document, str(file))
        values = _parsed(text, str(file))
        lines = dict(lines_of(text))
    report = Report(file, lines)
    reader = _Reader(Section(report, (), values), report, settings, variables, embedded)
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
        why = found["why"] if found else str(error) or "nested too deeply"
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
    ) -> None:
        self._top = top
        self._report = report
        self._settings = settings
        self._variables = variables
        self._embedded = embedded
        self._providers: dict[str, Provider] = {}
        self._models: dict[str, ModelEntry] = {}
        self._unreadable: set[str] = set()  # models with a problem of their own: they get no second one
        self._named: list[
            tuple[Section, str, str, int | None]
        ] = []  # where a model's id stands, to be checked

    def configuration(self, file: Path | None) -> Configuration | None:
        """None where no model is left to be the default; the report says why."""
        settings, top = self._settings, self._top
        self._providers = read_providers(top.table("providers"), settings, self._variables)
        self._read_models(top.table("models"))
        env_model = self._add_env_model()
        default_model = self._reference(top, "default_model")
        personas = self._personas(top.table("personas"))
        default_persona = top.text("default_persona")
        if default_persona is not None and default_persona not in personas:
            remedy = f"{add_table('personas', default_persona)}.{nearest(default_persona, personas)}"
            top.problem("default_persona", "names no persona of this file", remedy)
        defaults = self._defaults(top.table("defaults"))
        permissions = self._permissions(top.table("permissions"))
        budgets = read_budgets(top.table("budgets"), settings.daily_tokens)
        access = top.table("access")
        admission = read_admission(access, self._report)
        access.close(_belongs())
        alerts = self._alerts(top.table("alerts"))
        moderation = self._moderation(top.table("moderation"))
        operator = top.text("operator")
        top.close(_belongs())
        self._check_references()
        chosen = default_model or env_model
        own = [model for model in self._models if model != self._embedded.id]
        if chosen is None and own:
            top.problem(
                "default_model", "is not set", f'Write default_model = "{own[0]}" at the top of the file.'
            )
        elif chosen is None and (settings.model.api_key or settings.model.base_url):
            self._report.problem((), "no model is named", NO_MODEL_NAMED)
        default = chosen or self._embedded.id
        self._drop_embedded_unless_used(default)
        readable = {id_: one for id_, one in self._models.items() if id_ not in self._unreadable}
        check_prices(budgets, readable, self._report)
        return Configuration(
            file,
            MappingProxyType(self._providers),
            MappingProxyType(self._models),
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

    def _read_models(self, section: Section) -> None:
        self._models[self._embedded.id] = self._embedded
        for name, table in section.each():
            found = MODEL_ID.fullmatch(name)
            if found is None:
                remedy = (
                    f'Write [models."provider/{name if _NAME.fullmatch(name) else "model"}"], with quotes.'
                )
                section.problem(name, "does not name provider and model", remedy)
                continue
            entry = self._model(name, found["provider"], found["model"], table)
            if entry.price is None and not _PRICE.isdisjoint(table.names):
                self._unreadable.add(name)
            if found["provider"] in self._providers or name == self._embedded.id:
                self._models[name] = entry
            elif found["provider"] == ENV_PROVIDER:
                section.problem(name, "is asked at the provider of .env, which is not set there", NO_KEY)
                self._unreadable.add(name)
                self._models[name] = entry  # as below
            elif found["provider"] == EMBEDDED_PROVIDER:
                section.problem(name, "is not embedded", f'There is only "{self._embedded.id}".')
            else:
                near = nearest(found["provider"], self._providers)
                remedy = f"Add [providers.{found['provider']}] with its base_url.{near}"
                section.problem(name, f'names a provider "{found["provider"]}" that is not there', remedy)
                self._unreadable.add(name)
                self._models[name] = entry  # so that what refers to it is no second problem

    def _model(self, id_: str, provider: str, model: str, table: Section) -> ModelEntry:
        base = self._embedded if id_ == self._embedded.id else ModelEntry(id_, provider, model, model)
        entry = replace(
            base,
            label=table.text("name") or base.label,
            price=self._price(table),
            context_tokens=table.whole("context_tokens", least=256) or base.context_tokens,
            max_output_tokens=table.whole("max_output_tokens", least=1) or base.max_output_tokens,
            prompt_tokens=table.whole("prompt_tokens", least=200) or base.prompt_tokens,
            temperature=table.number("temperature", least=0.0, most=2.0),
            system_prompt=table.text("system_prompt", longest=_LONGEST_PROMPT, lines=True),
            abilities=frozenset(
                Ability(word) for word in table.texts("abilities", like="tools", choices=list(Ability)) or ()
            ),
            fallback=self._references(table, "fallback"),
        )
        if entry.id in entry.fallback:
            table.problem("fallback", "holds the model itself", "Name others, or take it out.")
        context, longest = entry.context_tokens, entry.max_output_tokens
        if context is not None and longest is not None and longest >= context:
            remedy = f"It must leave room for a prompt: less than the context_tokens, {context:,}."
            table.problem("max_output_tokens", f"is {longest:,}", remedy)
        table.close(_belongs())
        return entry

    def _price(self, table: Section) -> Price | None:
        prompt = table.number("prompt_price", least=0.0, most=1e6)
        completion = table.number("completion_price", least=0.0, most=1e6)
        currency = read_currency(table)
        for one, other in (("prompt_price", "completion_price"), ("completion_price", "prompt_price")):
            if one in table and other not in table:
                table.problem(one, f"stands there without {other}", "Write both, per million tokens.")
        if prompt is None or completion is None or ("currency" in table and currency is None):
            return None
        return Price(Decimal(repr(prompt)), Decimal(repr(completion)), currency or "USD")

    def _add_env_model(self) -> str | None:
        """The id of what OPENAI_MODEL names: an entry of the file, or a model at the provider of `.env`."""
        model = self._settings.model
        if not model.chosen:
            return None
        if model.embedded:
            return self._embedded.id
        if model.name in self._models:
            return model.name
        id_ = f"{ENV_PROVIDER}/{model.name}"
        if ENV_PROVIDER not in self._providers and id_ not in self._unreadable:
            self._report.problem((), f"OPENAI_MODEL is {shown(model.name)}", NO_KEY)
            self._unreadable.add(id_)
        self._models.setdefault(id_, ModelEntry(id_, ENV_PROVIDER, model.name, model.name))
        return id_

    def _drop_embedded_unless_used(self, default: str) -> None:
        """It costs a process and a download: it is a model only where somebody names it."""
        id_ = self._embedded.id
        named = id_ == default or any(one == id_ for _, _, one, _ in self._named)
        if not named and self._models[id_] is self._embedded:
            del self._models[id_]

    def _personas(self, section: Section) -> dict[str, Persona]:
        personas = {}
        for name, table in section.each():
            if not is_persona_name(name):
                remedy = "Use letters, digits, spaces and hyphens, and at most 32 of them."
                section.problem(name, "cannot be a persona's name", remedy)
            personas[name] = Persona(
                name,
                description=table.text("description") or "",
                system_prompt=table.text("system_prompt", longest=_LONGEST_PROMPT, lines=True),
                model=self._reference(table, "model"),
                temperature=table.number("temperature", least=0.0, most=2.0),
                max_output_tokens=table.whole("max_output_tokens", least=1),
            )
            table.close(_belongs())
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
        table.close(_belongs())
        return replace(base, **{key: value for key, value in read.items() if value is not None})

    def _permissions(self, table: Section) -> Permissions:
        open_to_all = "models_for_everybody" in table
        models = self._references(table, "models_for_everybody")
        admins = read_admins(table, self._report)
        allow = read_entries(table, self._report, "allow", star=True)
        table.close(_belongs())
        return Permissions(admins, allow - {"*"}, "*" in allow, frozenset(models) if open_to_all else None)

    def _alerts(self, table: Section) -> tuple[str, ...]:
        places = table.texts("to", like="discord:123") or ()
        for number, place in enumerate(places):
            if not place_is_valid(place):
                remedy = (
                    'Write ids as "discord:<channel id>" or "telegram:<chat id>"; names are never accepted.'
                )
                self._report.problem(table.at("to", number), f"is {shown_entry(place)}", remedy)
        table.close(_belongs())
        return places

    def _moderation(self, table: Section) -> ModerationRules:
        rules = read_moderation(table, self._providers, self._reference)
        table.close(_belongs())
        return rules

    def _reference(self, table: Section, key: str) -> str | None:
        id_ = table.text(key, longest=202)
        if id_ is not None:
            self._named.append((table, key, id_, None))
        return id_

    def _references(self, table: Section, key: str) -> tuple[str, ...]:
        ids = table.texts(key, like="provider/model") or ()
        self._named += [(table, key, id_, place) for place, id_ in enumerate(ids)]
        return ids

    def _check_references(self) -> None:
        for table, key, id_, place in self._named:
            if id_ not in self._models:
                remedy = f"{add_table('models', id_)}, be it empty.{nearest(id_, self._models)}"
                self._report.problem(
                    table.at(key, place), f"names {shown(id_)}, which is no model here", remedy
                )


def _belongs() -> Mapping[str, str]:
    """Where a key that stands in the wrong table belongs."""
    return {
        **dict.fromkeys(("base_url", "api_key_env", "headers"), "[providers.NAME]"),
        **dict.fromkeys(
            ("prompt_price", "completion_price", "currency", "context_tokens", "abilities", "fallback"),
            '[models."provider/model"]',
        ),
        **dict.fromkeys(("temperature", "system_prompt"), '[models."provider/model"] or [personas.NAME]'),
        **dict.fromkeys(Defaults.__slots__, "[defaults]"),
        **dict.fromkeys(Admission.__slots__, "[access]"),
        "models_for_everybody": "[permissions]",
        **dict.fromkeys(LIMITS, "[budgets.user] or another table of [budgets]"),
        "to": "[alerts]",
        **dict.fromkeys(("provider", "input", "output", "on_error", "tell"), "[moderation]"),
        **dict.fromkeys(("default_model", "default_persona"), "the top of the file, above the first [table]"),
    }
