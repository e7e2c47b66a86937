"""`[moderation]`: who judges what people ask and what models answer, when, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.configuration.problems import Section, add_table, nearest
from core.settings import shown

ON_ERROR: Final = frozenset({"refuse", "allow"})


class Check(StrEnum):
    """When a text is judged. BEFORE: what is asked before a model reads it, what is answered before anybody
    does. BESIDE: meanwhile; a hit ends the answer."""

    OFF = "off"
    BEFORE = "before"
    BESIDE = "beside"


@dataclass(frozen=True, slots=True)
class ModerationRules:
    """`provider`: whose moderation endpoint judges, or `model`: the id of a chat model that does.
    `refuses`: what cannot be judged counts as a hit. `tells`: hits are told where operator alerts go."""

    provider: str | None = None
    model: str | None = None
    input: Check = Check.OFF
    output: Check = Check.OFF
    refuses: bool = True
    tells: bool = True

    @property
    def judge(self) -> str:
        """Who judges, for people."""
        return self.model or self.provider or ""

    @property
    def on(self) -> bool:
        """Whether anything is judged at all."""
        return (self.input, self.output) != (Check.OFF, Check.OFF)


UNJUDGED: Final = ModerationRules()


def read_moderation(
    table: Section, providers: Collection[str], model: Callable[[Section, str], str | None]
) -> ModerationRules:
    """`model`: takes the id of a model out of a table. The table is left open."""
    provider = table.text("provider")
    if provider is not None and provider not in providers:
        remedy = f"{add_table('providers', provider)}.{nearest(provider, providers)}"
        table.problem("provider", f"names {shown(provider)}, which is no provider here", remedy)
    rules = ModerationRules(
        provider,
        model(table, "model"),
        Check(table.one_of("input", list(Check)) or Check.OFF),
        Check(table.one_of("output", list(Check)) or Check.OFF),
        refuses=table.one_of("on_error", ON_ERROR) != "allow",
        tells=table.switch("tell") is not False,
    )
    if "provider" in table and "model" in table:
        table.problem("model", "stands there beside provider", "Only one of them judges: take one out.")
    elif rules.on and not ("provider" in table or "model" in table):
        key = "input" if rules.input is not Check.OFF else "output"
        remedy = 'Write provider = "openai", or model = "provider/model".'
        table.problem(key, "is judged by nobody", remedy)
    return rules
