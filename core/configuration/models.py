"""`[models]`, what `.env` names besides, and whatever else in the file names a model by its id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from core.configuration.budgets import read_currency
from core.configuration.entries import (
    EMBEDDED_PROVIDER,
    ENV_PROVIDER,
    LONGEST_PROMPT,
    Ability,
    ModelEntry,
    Price,
    Provider,
)
from core.configuration.misplaced import belongs
from core.configuration.problems import Report, Section, add_table, nearest
from core.settings import MODEL_ID, NO_KEY, ModelSettings, name_may_be_secret, shown, shown_name

_PRICE: Final = frozenset({"prompt_price", "completion_price"})
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,50}", re.ASCII)


class Models:
    """`found`: the models by their ids, the embedded one among them. Read them first, then take each
    reference to one; `check_references` tells of those that lead nowhere."""

    def __init__(
        self,
        embedded: ModelEntry,
        env: ModelSettings,
        providers: Mapping[str, Provider],
        report: Report,
    ) -> None:
        self.found: dict[str, ModelEntry] = {embedded.id: embedded}
        self._embedded = embedded
        self._env = env
        self._providers = providers
        self._report = report
        self._unreadable: set[str] = set()  # models with a problem of their own: they get no second one
        self._named: list[tuple[Section, str, str, int | None]] = []  # where an id stands, to be checked

    @property
    def readable(self) -> Mapping[str, ModelEntry]:
        """Those without a problem of their own."""
        return {id_: one for id_, one in self.found.items() if id_ not in self._unreadable}

    def read(self, section: Section) -> None:
        """The table `[models]`."""
        for name, table in section.each():
            found = MODEL_ID.fullmatch(name)
            if found is None:
                model = name if _NAME.fullmatch(name) and not name_may_be_secret(name) else "model"
                remedy = f'Write [models."provider/{model}"], with quotes.'
                section.problem(name, "does not name provider and model", remedy)
                continue
            entry = self._model(name, found["provider"], found["model"], table)
            if entry.price is None and not _PRICE.isdisjoint(table.names):
                self._unreadable.add(name)
            if found["provider"] in self._providers or name == self._embedded.id:
                self.found[name] = entry
            elif found["provider"] == ENV_PROVIDER:
                section.problem(name, "is asked at the provider of .env, which is not set there", NO_KEY)
                self._unreadable.add(name)
                self.found[name] = entry  # as below
            elif found["provider"] == EMBEDDED_PROVIDER:
                section.problem(name, "is not embedded", f'There is only "{self._embedded.id}".')
            else:
                provider = found["provider"]
                near = nearest(provider, self._providers)
                remedy = f"{add_table('providers', provider)} with its base_url.{near}"
                section.problem(name, f'names a provider "{shown_name(provider)}" that is not there', remedy)
                self._unreadable.add(name)
                self.found[name] = entry  # so that what refers to it is no second problem

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
            system_prompt=table.text("system_prompt", longest=LONGEST_PROMPT, lines=True),
            abilities=frozenset(
                Ability(word) for word in table.texts("abilities", like="tools", choices=list(Ability)) or ()
            ),
            fallback=self.references(table, "fallback"),
        )
        if entry.id in entry.fallback:
            table.problem("fallback", "holds the model itself", "Name others, or take it out.")
        context, longest = entry.context_tokens, entry.max_output_tokens
        if context is not None and longest is not None and longest >= context:
            remedy = f"It must leave room for a prompt: less than the context_tokens, {context:,}."
            table.problem("max_output_tokens", f"is {longest:,}", remedy)
        table.close(belongs())
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

    def add_env_model(self) -> str | None:
        """The id of what OPENAI_MODEL names: an entry of the file, or a model at the provider of `.env`."""
        model = self._env
        if not model.chosen:
            return None
        if model.embedded:
            return self._embedded.id
        if model.name in self.found:
            return model.name
        return self._asked(model.name) if model.asked else self._at_env(model.name)

    def _asked(self, name: str) -> str:
        """By its display name, else as `.env`'s provider calls it. Another provider's must be in the file."""
        # A label that nobody gave is what the provider calls it: `.env`'s may have one of that name.
        named = [one for one in self.found.values() if one.label != one.model]
        called = [one.id for one in named if one.label.casefold() == name.casefold()]
        if len(called) == 1:
            return called[0]
        provider, _, model = name.partition("/")
        if called:
            wrong = f"OPENAI_MODEL is {shown(name)}, as several models are called"
            self._report.problem((), wrong, f"Write one of: {', '.join(map(shown_name, called))}.")
        elif model and provider == ENV_PROVIDER:
            return self._at_env(model)
        elif model and provider in {*self._providers, EMBEDDED_PROVIDER}:
            remedy = f"There are: {', '.join(map(shown_name, self.found))}."
            if provider != EMBEDDED_PROVIDER:
                remedy += f" {add_table('models', name)}, be it empty, to have that one."
            if ENV_PROVIDER in self._providers:
                remedy += " Or begin with env/ for what the provider of .env calls so."
            self._report.problem((), f"OPENAI_MODEL is {shown(name)}, which is no model here", remedy)
        else:
            return self._at_env(name)
        return name  # so that a model that is not named is no second problem

    def _at_env(self, name: str) -> str:
        id_ = f"{ENV_PROVIDER}/{name}"
        if ENV_PROVIDER not in self._providers and id_ not in self._unreadable:
            self._report.problem((), f"OPENAI_MODEL is {shown(name)}", NO_KEY)
            self._unreadable.add(id_)
        self.found.setdefault(id_, ModelEntry(id_, ENV_PROVIDER, name, name))
        return id_

    def drop_embedded_unless_used(self, default: str) -> None:
        """It costs a process and a download: it is a model only where somebody names it."""
        id_ = self._embedded.id
        named = id_ == default or any(one == id_ for _, _, one, _ in self._named)
        if not named and self.found[id_] is self._embedded:
            del self.found[id_]

    def reference(self, table: Section, key: str) -> str | None:
        """The id that stands there; whether there is such a model is checked at the end."""
        id_ = table.text(key, longest=202)
        if id_ is not None:
            self._named.append((table, key, id_, None))
        return id_

    def references(self, table: Section, key: str) -> tuple[str, ...]:
        """The same of a list."""
        ids = table.texts(key, like="provider/model") or ()
        self._named += [(table, key, id_, place) for place, id_ in enumerate(ids)]
        return ids

    def check_references(self) -> None:
        """Report every id that was taken and is no model's."""
        for table, key, id_, place in self._named:
            if id_ not in self.found:
                remedy = f"{add_table('models', id_)}, be it empty.{nearest(id_, self.found)}"
                self._report.problem(
                    table.at(key, place), f"names {shown(id_)}, which is no model here", remedy
                )
