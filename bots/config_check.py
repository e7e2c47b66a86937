"""`sluice config check`: what `sluice.toml` and `.env` say together, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from decimal import Decimal
from typing import Final
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape

from bots.bootstrap.findings import Findings, look
from bots.data_dir_check import check_data_dir
from bots.leaving import writing
from bots.model_check import NO_MODEL
from core.adapters.redaction import redact_all_logging, redacted
from core.configuration import Budgets, ModelEntry, Persona, Provider
from core.configuration.limits import ENDLESS, MONEY
from core.ports.platform import CheckState
from core.settings import shown_name
from core.variables import SettingsError

GOOD: Final = 0
WARNED: Final = 1
WRONG: Final = 2
_WRONG: Final = "[red]✗[/] "
_WARNING: Final = "[yellow]![/] "


def check(console: Console) -> int:
    """Print it. Returns the exit code: 0 good, 1 usable with warnings, 2 it cannot be used.

    Raises OutputError.
    """
    lines, code = _looked_at()
    with writing():
        for line in lines:
            console.print(line, soft_wrap=True)
    return code


def _looked_at() -> tuple[list[str], int]:
    """Lines of rich's markup, and the exit code."""
    try:
        found = look()
    except SettingsError as error:
        return _marked(_WRONG, error.problems), WRONG
    redact_all_logging(found.settings.secrets)
    missing = (NO_MODEL,) if found.model_missing else ()
    problems = dict.fromkeys((*found.of_env, *found.of_file, *missing, *_of_folder(found)))
    told = (*found.settings.unusable, *found.warnings)
    warnings = _marked(_WARNING, (line for line in told if line not in problems))
    if problems:
        return [*_marked(_WRONG, problems), *warnings], WRONG
    lines = _marked("", _in_force(found))
    if warnings:
        return [*lines, *warnings], WARNED
    return [*lines, "[green]✓[/] Nothing is wrong. `sluice doctor` tries keys and connections, too."], GOOD


def _of_folder(found: Findings) -> Iterator[str]:
    """What `sluice run` would refuse of it. It is not made."""
    if "SLUICE_DATA_DIR" not in found.wrong:
        folder = check_data_dir(found.settings.data_dir, make=False)
        if folder.state is CheckState.BAD:
            yield f"{folder.detail}. {folder.remedy}"


def _marked(sign: str, lines: Iterable[str]) -> list[str]:
    return [sign + escape(redacted(line)) for line in lines]


def _in_force(found: Findings) -> Iterator[str]:
    configuration = found.configuration
    file = configuration.file
    yield f"File: {file.absolute()}" if file else "File: none; .env alone"
    yield f"Platforms: {found.settings.platforms or 'no token is set; `sluice run` starts the sandbox'}"
    named = "" if configuration.model_chosen else "; none is named, and in the sandbox the demo model answers"
    yield f"Default model: {shown_name(configuration.default_model)}{named}"
    yield f"Default persona: {shown_name(configuration.default_persona or 'none')}"
    yield from _listed("Providers", map(_provider, configuration.providers.values()))
    yield from _listed("Models", map(_model, configuration.models.values()))
    yield from _listed("Personas", map(_persona, configuration.personas.values()))
    for name, values in (
        ("Defaults", configuration.defaults),
        ("Permissions", configuration.permissions),
        ("Access", configuration.access),
    ):
        yield from _listed(
            name, (f"{one.name}: {_words(getattr(values, one.name))}" for one in fields(values))
        )
    yield from _listed("Budgets", _budgets(configuration.budgets))


def _budgets(budgets: Budgets) -> Iterator[str]:
    for table, limits in budgets.tables():
        words = [
            f"{one.name} {_limit(one.name, value, budgets.currency)}"
            for one in fields(limits)
            if (value := getattr(limits, one.name)) is not None
        ]
        if words:
            yield f"{' '.join(table)}: {', '.join(words)}"


def _limit(name: str, value: int | Decimal, currency: str) -> str:
    if value >= ENDLESS:
        return "unlimited"
    return f"{value} {currency}" if name in MONEY else f"{value:,}"


def _listed(name: str, lines: Iterator[str]) -> Iterator[str]:
    rows = list(lines)
    yield f"{name}:" if rows else f"{name}: none"
    yield from (f"  {row}" for row in rows)


def _provider(provider: Provider) -> str:
    host = urlsplit(provider.base_url).netloc if provider.base_url else "OpenAI"
    variable = shown_name(provider.api_key_env or "")
    told = f"key from {variable}" if provider.api_key else f"{variable} is not set"
    key = told if variable else "no key"
    names = ", ".join(shown_name(name) for name, _ in provider.headers)
    headers = f", sends {names}" if names else ""
    return f"{shown_name(provider.name)}: {host}, {key}{headers}"


def _model(model: ModelEntry) -> str:
    price = model.price
    parts = [
        "" if model.label == model.model else f'"{shown_name(model.label)}"',
        f"{price.prompt} / {price.completion} {price.currency} per million tokens" if price else "",
        f"{model.context_tokens:,} tokens of context" if model.context_tokens else "",
        f"answers up to {model.max_output_tokens:,}" if model.max_output_tokens else "",
        f"prompts up to {model.prompt_budget(model.max_output_tokens):,}",
        "" if model.temperature is None else f"temperature {model.temperature:g}",
        "its own system prompt" if model.system_prompt else "",
        ", ".join(sorted(model.abilities)),
        f"else {', '.join(map(shown_name, model.fallback))}" if model.fallback else "",
    ]
    return f"{shown_name(model.id)}: {'; '.join(filter(None, parts))}"


def _persona(persona: Persona) -> str:
    parts = [
        shown_name(persona.description),
        f"by {shown_name(persona.model)}" if persona.model else "",
        "" if persona.temperature is None else f"temperature {persona.temperature:g}",
        f"{len(persona.system_prompt):,} characters of system prompt" if persona.system_prompt else "",
    ]
    return f"{shown_name(persona.name)}: {'; '.join(filter(None, parts)) or 'as its model'}"


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset | tuple):
        names = sorted(value) if isinstance(value, frozenset) else value
        return ", ".join(map(shown_name, names)) or "none"
    return "all" if value is None else str(value)
