"""Keys that stand in the wrong table of `sluice.toml`: where each belongs."""

from __future__ import annotations

from collections.abc import Mapping

from core.configuration.entries import Admission, Defaults
from core.configuration.limits import LIMITS


def belongs() -> Mapping[str, str]:
    """By key: the table, in words for people."""
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
