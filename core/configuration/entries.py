"""The values of a configuration, as others read them: frozen, checked, and with their defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from core.configuration.limits import Budgets
from core.configuration.moderating import UNJUDGED, ModerationRules

PROMPT_TOKENS: Final = 8_000
"""What a model is shown at once unless its entry says otherwise; it shrinks when one refuses it."""
ENV_PROVIDER: Final = "env"
"""The provider that `.env` describes with `OPENAI_BASE_URL` and `OPENAI_API_KEY`."""
EMBEDDED_PROVIDER: Final = "embedded"
"""The small demo model in a process of our own."""
LONGEST_PROMPT: Final = 32_000
"""Characters of a system prompt: what a whole window of the default budget holds."""
_TOKENS_PER_PRICE: Final = 1_000_000
_LEAST_PROMPT_TOKENS: Final = 200


class Ability(StrEnum):
    """What a model can do beside text."""

    VISION = "vision"
    TOOLS = "tools"
    REASONING = "reasoning"


@dataclass(frozen=True, slots=True)
class Provider:
    """Where models are asked. `base_url` None: the openai library's own default. `privacy`: what people are
    told of what it does with their words, or where that stands."""

    name: str
    base_url: str | None = None
    api_key_env: str | None = None
    api_key: str | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    privacy: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in `currency` (ISO 4217)."""

    prompt: Decimal
    completion: Decimal
    currency: str = "USD"

    def cost(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """Exactly, in `currency`."""
        return (self.prompt * prompt_tokens + self.completion * completion_tokens) / _TOKENS_PER_PRICE


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model. `id` is `provider/model`; `model` is what its provider calls it.

    `context_tokens`: prompt and answer together. `max_output_tokens`: the longest answer that is asked for.
    `prompt_tokens`: the most it is shown at once. `fallback`: ids, to be asked in turn while nothing is
    visible. None is not known, and is not sent to the provider.
    """

    id: str
    provider: str
    model: str
    label: str
    price: Price | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    prompt_tokens: int | None = None
    temperature: float | None = None
    system_prompt: str | None = None
    abilities: frozenset[Ability] = frozenset()
    fallback: tuple[str, ...] = ()

    def prompt_budget(self, answer_tokens: int | None) -> int:
        """About how many tokens a prompt may have when an answer gets so many."""
        wanted = self.prompt_tokens or PROMPT_TOKENS
        if self.context_tokens is None:
            return wanted
        return max(_LEAST_PROMPT_TOKENS, min(wanted, self.context_tokens - (answer_tokens or 0)))


@dataclass(frozen=True, slots=True)
class Persona:
    """How to answer, and with which model. None leaves it to the model's entry."""

    name: str
    description: str = ""
    system_prompt: str | None = None
    model: str | None = None
    temperature: float | None = None
    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Defaults:
    """Settings of a chat, until somebody changes them there."""

    answer_when: frozenset[str] = frozenset({"mention", "reply", "command"})
    keywords: tuple[str, ...] = ()
    language: str = "auto"  # auto: the reader's own, as the platform tells it
    streaming: bool = True
    show_reasoning: bool = False
    history: str = "conversation"
    auto_thread: bool = False
    busy: str = "queue"
    pause_minutes_channel: int = 60  # 0: never
    pause_minutes_private: int = 0
    retention_days: int = 0  # 0: kept until somebody has it forgotten
    telegram_inline: bool = False
    menu: tuple[str, ...] = ("ask", "chat", "new", "model", "settings", "privacy", "help")


@dataclass(frozen=True, slots=True)
class Permissions:
    """`models_for_everybody`: ids; None lets everybody who is served choose every model. The others are for
    admins, and for all where an admin chose them.
    """

    models_for_everybody: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """Who is served, in addition to SLUICE_ADMINS and SLUICE_ALLOW: `core.policy.rules` has the law.

    `new_…`: what a place of that kind is that nobody allowed yet: open, closed, or on approval.
    `requests_per_hour`: so many new places admins are asked about in any hour.
    """

    admins: frozenset[str] = frozenset()
    allow: frozenset[str] = frozenset()
    allow_everybody: bool = False
    deny: frozenset[str] = frozenset()
    new_server: str = "approval"
    new_group: str = "approval"
    new_private: str = "approval"
    requests_per_hour: int = 10


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What one question is answered with. `model` is an id; None is not sent to the provider."""

    model: str
    temperature: float | None = None
    max_tokens: int | None = None
    system_prompt: str | None = None
    prompt_tokens: int = PROMPT_TOKENS
    persona: str | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    """All of it, at one moment. `file` None: there is none. `model_chosen` False: nobody named a model."""

    file: Path | None
    providers: Mapping[str, Provider]
    models: Mapping[str, ModelEntry]
    default_model: str
    model_chosen: bool = True
    env_model: str | None = None  # the id of what OPENAI_MODEL names
    personas: Mapping[str, Persona] = field(default_factory=dict)
    default_persona: str | None = None
    defaults: Defaults = Defaults()
    permissions: Permissions = Permissions()
    budgets: Budgets = field(default_factory=Budgets)
    access: Admission = Admission()
    alerts: tuple[str, ...] = ()  # where operator alerts go: `discord:<channel>`, `telegram:<chat>`
    moderation: ModerationRules = UNJUDGED
    operator: str | None = None  # who runs the bot and how to reach them, as `/privacy` says it
    temperature: float | None = None  # from `.env`, where neither persona nor model says one; so the next two
    max_output_tokens: int | None = None
    system_prompt: str | None = None
    warnings: tuple[str, ...] = ()

    def choice(self, model: str | None = None, persona: str | Persona | None = None) -> ModelChoice:
        """What to answer with: the persona's word goes before the model's, and that before `.env`'s.

        A model or persona that is not there (any more) counts as not chosen. `persona`: the name of one of
        these, or one that stands nowhere here.
        """
        who = persona if isinstance(persona, Persona) else self.personas.get(persona or "")
        who = who or self.personas.get(self.default_persona or "") or _NOBODY
        entry = (
            self.models.get(model or "")
            or self.models.get(who.model or "")
            or self.models[self.default_model]
        )
        answer = _first(who.max_output_tokens, entry.max_output_tokens, self.max_output_tokens)
        return ModelChoice(
            entry.id,
            temperature=_first(who.temperature, entry.temperature, self.temperature),
            max_tokens=answer,
            system_prompt=who.system_prompt or entry.system_prompt or self.system_prompt,
            prompt_tokens=entry.prompt_budget(answer),
            persona=who.name or None,
        )

    def may_choose(self, model: str, *, admin: bool) -> bool:
        """Whether somebody who is served may choose this model."""
        open_to_all = self.permissions.models_for_everybody
        return model in self.models and (admin or open_to_all is None or model in open_to_all)


_NOBODY: Final = Persona("")
_T = TypeVar("_T")


def _first(*values: _T | None) -> _T | None:
    return next((value for value in values if value is not None), None)
